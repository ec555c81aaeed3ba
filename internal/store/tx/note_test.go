package tx_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Who writes is told which numbers were its own, before the bell rings; who only looks, or fails, is told nothing.
func TestWithNote(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, _ *db.DB, b *bell) {
		var noted []tx.Numbers
		ctx := tx.WithNote(t.Context(), func(n tx.Numbers) {
			if rung := b.take(); len(rung) > 0 {
				t.Errorf("%v rang before the note of %v", rung, n)
			}
			noted = append(noted, n)
		})
		both := []mail.AccountID{10, 11}
		write := func(fn func(x *tx.Tx) error) error {
			b.take()
			noted = nil
			return s.Write(ctx, both, fn)
		}
		if err := write(func(x *tx.Tx) error {
			for i := range 600 { // three numbers
				x.Changed(change(11, int64(i)))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if want := []tx.Numbers{{Account: 11, First: 1, Last: 3}}; !slices.Equal(noted, want) {
			t.Errorf("noted %v, want %v", noted, want)
		}
		if err := write(func(x *tx.Tx) error { return nil }); err != nil || len(noted) > 0 {
			t.Errorf("nothing was changed: %v, %v", noted, err)
		}
		if err := write(func(x *tx.Tx) error { x.Changed(change(10, 1)); return errors.New("no") }); err == nil || len(noted) > 0 {
			t.Errorf("a write that fails: %v, %v", noted, err)
		}
		key := tx.NewKey()
		for range 2 { // the second finds the answer of the first
			b.take()
			if _, err := tx.Once(ctx, s, key, both[:1], func(x *tx.Tx) (int, error) { x.Changed(change(10, 1)); return 1, nil }); err != nil {
				t.Fatal(err)
			}
		}
		if len(noted) != 1 || noted[0].Account != 10 || noted[0].First != noted[0].Last {
			t.Errorf("Once noted %v", noted)
		}
	})
}
