package db

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// A closure that does not end, against the rules, keeps the pool from being drained. Other reads are told so in time, and
// served again afterwards.
func TestReadWaitsForADrainOnlySoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReaders(filepath.Join(t.TempDir(), "mail.db"), 4)
		defer r.close()
		why := errors.New("why")
		nothing := func(context.Context, *liteConn) error { return nil }
		end, drained := make(chan struct{}), make(chan struct{})
		go r.use(t.Context(), func(ctx context.Context, _ *liteConn) error {
			<-end
			return nil
		})
		synctest.Wait()
		go func() {
			r.drain(why)
			close(drained)
		}()
		synctest.Wait()
		if err := r.use(t.Context(), nothing); !errors.Is(err, why) || !mail.Is(err, mail.Unavailable) {
			t.Errorf("a read while the pool is drained: %v", err)
		}
		later := make(chan error)
		go func() { later <- r.use(t.Context(), nothing) }()
		synctest.Wait()
		close(end)
		<-drained
		r.resume()
		if err := <-later; err != nil {
			t.Errorf("a read that waited: %v", err)
		}
	})
}
