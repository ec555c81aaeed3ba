package bodies_test

import (
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Mail of one content goes in and out of the spool at once, on nodes that lock no account for it: no hold is lost, and none
// is left.
func TestTheSpoolLocksNoAccount(t *testing.T) {
	each(t, func(r *room) {
		r.addAccount(mail.SpoolAccount)
		const content, workers, rounds = "the same", 4, 20
		write := func(fn func(*tx.Tx) error) {
			if err := r.tx.Write(r.t.Context(), nil, fn); err != nil {
				r.t.Error(err)
			}
		}
		for range rounds {
			var id mail.BlobID
			b := r.put(content)
			write(func(t *tx.Tx) (err error) { id, err = r.Hold(t, mail.SpoolAccount, b); return err })
			var wg sync.WaitGroup
			for range workers - 1 {
				wg.Go(func() { write(func(t *tx.Tx) error { return r.HoldAgain(t, mail.SpoolAccount, id) }) })
			}
			wg.Wait()
			r.want(mail.SpoolAccount, id, content)
			for range workers {
				wg.Go(func() { write(func(t *tx.Tx) error { return r.Release(t, mail.SpoolAccount, id) }) })
			}
			wg.Wait()
			if n := r.count(`SELECT COUNT(*) FROM blob`); n != 0 {
				r.t.Fatalf("%d bodies are held still", n)
			}
		}
		r.collect(0)
		if n := r.stored(); n != 0 {
			r.t.Errorf("%d bodies are stored still", n)
		}
	})
}
