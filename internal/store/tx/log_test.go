package tx_test

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The log of some kinds, with the places of its lines within their numbers.
func TestChangesOf(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, _ *db.DB, _ *bell) {
		err := s.Write(t.Context(), []mail.AccountID{10}, func(w *tx.Tx) error {
			for i := range int64(300) {
				c := change(10, i)
				c.Kind = []tx.Kind{tx.KindEmail, tx.KindThread, tx.KindMailbox}[i%3]
				w.Changed(c)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var next int64
		err = s.Read(t.Context(), func(r *tx.Tx) error {
			next = 1
			return r.ChangesOf(10, 0, []tx.Kind{tx.KindThread, tx.KindIdentity}, func(c tx.Change, before int) bool {
				if c.Object != next || before != int(next%256) || c.ModSeq != mail.ModSeq(1+next/256) {
					t.Errorf("change %d is %+v, the %d. of its number", next, c, before)
				}
				next += 3
				return true
			})
		})
		if err != nil || next != 301 {
			t.Errorf("%v, ended at %d", err, next)
		}
	})
}
