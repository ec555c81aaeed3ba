package tx

import (
	"context"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
)

type counter int

func (c *counter) Ring(mail.StateChange) { *c++ }

// Where a commit stands, and the answers to the repeats that find it are lost as well, the bell is rung for it, and what was to be called
// after it is called.
func TestRepeatsThatAreLostForgetNothing(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		var rung counter
		d := open()
		s, err := New(t.Context(), Options{DB: d, Bell: &rung})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Write(t.Context(), 0, func(d *db.Tx) error {
			d.Queue(`INSERT INTO account (id, state, epoch, modseq, log_floor, last_uidvalidity, quota_bytes, quota_messages,
				used_bytes, used_messages, wrapped_key) VALUES (10, 'here', 1, 0, 0, 0, 0, 0, 0, 0, '')`)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		lost, ran, called := 0, 0, 0
		write := func(ctx context.Context, turn int64, fn func(*db.Tx) error) error {
			err := d.Write(ctx, turn, fn)
			if err == nil && lost < 3 {
				lost++
				return db.ErrCommitUnknown
			}
			return err
		}
		_, err = once(t.Context(), s, write, NewKey(), []mail.AccountID{10}, func(w *Tx) (int, error) {
			ran++
			w.Changed(Change{Account: 10, Kind: KindEmail, Op: Created, Object: 1})
			w.AfterCommit(func() { called++ })
			return 0, nil
		})
		if err != nil || lost != 3 || ran != 1 || rung != 1 || called != 1 {
			t.Errorf("%v; of %d lost answers and %d runs came %d rings and %d calls, want one of each", err, lost, ran, rung, called)
		}
	})
}
