package db_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// A closure that fails after a change takes its transaction with it, once: the closures run again, and they and those
// after them are kept apart by savepoints.
func TestFailureAfterAChangeRepeatsOthersOnce(t *testing.T) {
	var o observer
	d := dbtest.OnSQLite(t, schema)(func(options *db.Options) { options.Observe = &o })
	fate := errors.New("fate")
	round := func(base int64) (runs [4]int) {
		var closures []func(*db.Tx) error
		for i := range runs {
			closures = append(closures, func(tx *db.Tx) error {
				runs[i]++
				if err := addAccount(base + int64(i))(tx); err != nil || i != 2 {
					return err
				}
				return fate
			})
		}
		for i, err := range together(t, d, closures...) {
			if i == 2 && !errors.Is(err, fate) || i != 2 && err != nil {
				t.Errorf("closure %d: %v", i, err)
			}
		}
		return runs
	}
	for i, want := range [][4]int{{2, 2, 2, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}} {
		if runs := round(int64(10 * i)); runs != want {
			t.Errorf("round %d: closures ran %v times, want %v", i, runs, want)
		}
		if n := accounts(t, d); n != int64(3*(i+1)) {
			t.Errorf("round %d: %d accounts, want %d", i, n, 3*(i+1))
		}
	}
	if o.retries != 4 || slices.Contains(o.batches, 0) {
		t.Errorf("%d retries, want the closure that holds the writer and three others; batches of %v", o.retries, o.batches)
	}
}

// Where nothing was changed, or nobody else is in the transaction, there is nothing to run again for.
func TestFailureThatRepeatsNothing(t *testing.T) {
	var o observer
	d := dbtest.OnSQLite(t, schema)(func(options *db.Options) { options.Observe = &o })
	fate := errors.New("fate")
	runs := 0
	for _, err := range together(t, d, addAccount(1), func(*db.Tx) error { runs++; return fate })[1:] {
		if !errors.Is(err, fate) {
			t.Error(err)
		}
	}
	err := d.Write(t.Context(), 0, func(tx *db.Tx) error {
		runs++
		return errors.Join(addAccount(2)(tx), fate)
	})
	if !errors.Is(err, fate) || runs != 2 || o.retries != 0 {
		t.Errorf("%v after %d runs and %d retries, want one run of each", err, runs, o.retries)
	}
	if n := accounts(t, d); n != 1 {
		t.Errorf("%d accounts, want 1", n)
	}
}
