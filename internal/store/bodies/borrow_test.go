package bodies_test

import (
	"errors"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// A body that goes from one account to another is shared under a name and a key of its own, and outlives the first one's.
func TestBorrow(t *testing.T) {
	each(t, func(r *room) {
		ctx := t.Context()
		first := r.hold(r.put("hello"), 10)[0]
		hold, err := r.Borrow(ctx, 10, first)
		if err != nil {
			t.Fatal(err)
		}
		var second mail.BlobID
		for range 2 { // two emails of one content
			r.write([]mail.AccountID{10, 11}, func(t *tx.Tx) (err error) { second, err = hold(t, 11); return err })
		}
		r.want(11, second, "hello")
		if second == first {
			t.Error("two accounts have the same name for a body")
		}
		if n := r.count(`SELECT count(*) FROM object`); n != 1 {
			t.Errorf("%d objects, want 1", n)
		}
		r.release(10, first)
		r.release(11, second)
		r.collect(0)
		r.want(11, second, "hello")
		// Check holds the name to the content.
		if _, err := r.Check(ctx, func(f bodies.Finding) { t.Errorf("%+v", f) }); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Borrow(ctx, 10, first); !mail.Is(err, mail.NotFound) {
			t.Errorf("a body that the account has not: %v", err)
		}
		if _, err := r.Borrow(ctx, 12, second); !mail.Is(err, mail.NotFound) {
			t.Errorf("another's body: %v", err)
		}
		// What was collected meanwhile is named no more.
		late, err := r.Borrow(ctx, 11, second)
		if err != nil {
			t.Fatal(err)
		}
		r.release(11, second)
		r.collect(0)
		err = r.tx.Write(ctx, []mail.AccountID{10, 11}, func(t *tx.Tx) error { _, err := late(t, 10); return err })
		if !errors.Is(err, bodies.ErrPutAgain) || r.count(`SELECT count(*) FROM blob`) != 0 {
			t.Errorf("a collected body is held: %v", err)
		}
	})
}
