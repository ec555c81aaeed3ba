package db_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// A lock that is not given in time is asked for again: who holds it may be a node that stands still, whose session the server
// ends, and what that node asked for behind it is given up.
func TestALockIsAskedForAgain(t *testing.T) {
	url := dbtest.PostgresURL(t, schema)
	d, err := db.Open(t.Context(), db.Options{URL: url + "&lock_timeout=50ms"})
	must(t, err)
	defer d.Close()
	write(t, d, addAccount(1))
	holder, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer holder.Close(t.Context())
	_, err = holder.Exec(t.Context(), "BEGIN; UPDATE account SET counter = 7")
	must(t, err)
	var letGo sync.Once
	runs := 0
	must(t, d.Write(t.Context(), 0, func(tx *db.Tx) error {
		runs++
		_, err := tx.Exec("UPDATE account SET counter = counter + 1")
		if err != nil {
			letGo.Do(func() {
				_, rolled := holder.Exec(t.Context(), "ROLLBACK")
				err = errors.Join(err, rolled)
			})
		}
		return err
	}))
	if n := number(t, d, "SELECT counter FROM account"); n != 1 || runs != 2 {
		t.Errorf("the counter is %d after %d runs, want 1 after 2", n, runs)
	}
}

// A process that stood still in a transaction for too long runs it again.
func TestIdleInATransaction(t *testing.T) {
	url := dbtest.PostgresURL(t, schema)
	d, err := db.Open(t.Context(), db.Options{URL: url + "&idle_in_transaction_session_timeout=20ms"})
	must(t, err)
	defer d.Close()
	other, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer other.Close(t.Context())
	runs := 0
	must(t, d.Write(t.Context(), 0, func(tx *db.Tx) error {
		runs++
		if err := addAccount(1)(tx); err != nil || runs > 1 {
			return err
		}
		waitFor(t, func() bool {
			var idle int
			err := other.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'").Scan(&idle)
			return err == nil && idle == 0
		})
		return addAccount(2)(tx)
	}))
	if n := accounts(t, d); n != 1 || runs != 2 {
		t.Errorf("%d accounts after %d runs, want 1 after 2", n, runs)
	}
}
