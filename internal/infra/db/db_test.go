package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(killedEnv); path != "" {
		writeUntilKilled(path)
	}
	goleak.VerifyTestMain(m)
}

// schema has the tables account (id, counter), item and done.
var schema = os.DirFS("testdata/migrations")

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write runs a closure that has to succeed.
func write(t testing.TB, d *db.DB, fn func(tx *db.Tx) error) {
	t.Helper()
	must(t, d.Write(t.Context(), 0, fn))
}

// exec runs one statement that has to succeed.
func exec(t testing.TB, d *db.DB, sql string, args ...any) {
	t.Helper()
	write(t, d, func(tx *db.Tx) error {
		_, err := tx.Exec(sql, args...)
		return err
	})
}

// number reads one number.
func number(t testing.TB, d *db.DB, sql string, args ...any) (n int64) {
	t.Helper()
	must(t, d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow(sql, args...).Scan(&n) }))
	return n
}

func accounts(t testing.TB, d *db.DB) int64 { return number(t, d, "SELECT count(*) FROM account") }

func addAccount(id int64) func(*db.Tx) error {
	return func(tx *db.Tx) error {
		_, err := tx.Exec("INSERT INTO account (id, counter) VALUES ($1, 0)", id)
		return err
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, url := range []string{"", "mail.db", "sqlite:", "mysql://host/x"} {
		if _, err := db.Open(t.Context(), db.Options{URL: url}); !mail.Is(err, mail.Invalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + t.TempDir() + "/missing/x.db"}); !db.IsUnavailable(err) {
		t.Errorf("a file in a missing folder: %v", err)
	}
	if _, err := db.Open(t.Context(), db.Options{URL: "postgres://127.0.0.1:1/x?connect_timeout=1"}); err == nil {
		t.Error("a server that is not there")
	}
}

func TestReopenKeepsRows(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		write(t, d, addAccount(1))
		must(t, d.Close())
		if n := accounts(t, open()); n != 1 {
			t.Errorf("%d accounts after opening again, want 1", n)
		}
		if err := d.Write(t.Context(), 0, addAccount(2)); !db.IsUnavailable(err) {
			t.Errorf("Write after Close: %v", err)
		}
		if err := d.Ping(t.Context()); !db.IsUnavailable(err) {
			t.Errorf("Ping after Close: %v", err)
		}
		must(t, d.Close())
	})
}

func TestNoRowsDoesNotFailTheTransaction(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		write(t, d, func(tx *db.Tx) error {
			var n int64
			if err := tx.QueryRow("SELECT counter FROM account WHERE id = 1").Scan(&n); !errors.Is(err, db.ErrNoRows) {
				t.Errorf("Scan of nothing: %v", err)
			}
			if err := tx.QueryRow("UPDATE account SET counter = 1 WHERE id = 1 RETURNING counter").Scan(&n); !errors.Is(err, db.ErrNoRows) {
				t.Errorf("Scan of nothing: %v", err)
			}
			return addAccount(1)(tx)
		})
		if n := accounts(t, d); n != 1 {
			t.Errorf("%d accounts, want 1", n)
		}
	})
}

func TestFailedStatementDecides(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		write(t, d, addAccount(1))
		err := d.Write(t.Context(), 0, func(tx *db.Tx) error {
			must(t, addAccount(2)(tx))
			if err := addAccount(1)(tx); !db.IsUnique(err) {
				t.Errorf("the second row of a key: %v", err)
			}
			if err := addAccount(3)(tx); !db.IsUnique(err) {
				t.Errorf("a statement after the failure: %v", err)
			}
			if !tx.Now().IsZero() {
				t.Error("Now after the failure")
			}
			return nil // swallowed
		})
		if !db.IsUnique(err) || db.IsUnavailable(err) {
			t.Errorf("Write: %v", err)
		}
		if n := accounts(t, d); n != 1 {
			t.Errorf("%d accounts, want 1", n)
		}
	})
}

func TestClosureErrorRollsBack(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		own := errors.New("own")
		err := d.Write(t.Context(), 0, func(tx *db.Tx) error {
			must(t, addAccount(1)(tx))
			return own
		})
		if !errors.Is(err, own) {
			t.Errorf("Write: %v", err)
		}
		if n := accounts(t, d); n != 0 {
			t.Errorf("%d accounts, want none", n)
		}
	})
}

func TestQueueKeepsOrder(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		write(t, d, func(tx *db.Tx) error {
			tx.Queue("INSERT INTO account (id, counter) VALUES (1, 1)")
			tx.Queue("UPDATE account SET counter = counter * 10 WHERE id = 1")
			var n int64
			if err := tx.QueryRow("SELECT counter FROM account WHERE id = 1").Scan(&n); err != nil || n != 10 {
				t.Errorf("counter is %d (%v), want 10", n, err)
			}
			tx.Queue("UPDATE account SET counter = counter + 5 WHERE id = 1")
			tx.Queue("UPDATE account SET counter = counter * 2 WHERE id = 1")
			return nil
		})
		if n := number(t, d, "SELECT counter FROM account"); n != 30 {
			t.Errorf("counter is %d, want 30", n)
		}
		write(t, d, func(tx *db.Tx) error { // nothing but queued statements
			tx.Queue("INSERT INTO account (id, counter) VALUES (2, 1)")
			return nil
		})
		if n := accounts(t, d); n != 2 {
			t.Errorf("%d accounts, want 2", n)
		}
	})
}

func TestQueuedErrorSurfaces(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		write(t, d, addAccount(1))
		queueTwice := func(tx *db.Tx) {
			tx.Queue("INSERT INTO account (id, counter) VALUES (2, 0)")
			tx.Queue("INSERT INTO account (id, counter) VALUES (1, 0)")
		}
		if err := d.Write(t.Context(), 0, func(tx *db.Tx) error { queueTwice(tx); return nil }); !db.IsUnique(err) {
			t.Errorf("at COMMIT: %v", err)
		}
		if err := d.Write(t.Context(), 0, func(tx *db.Tx) error {
			queueTwice(tx)
			var n int64
			if err := tx.QueryRow("SELECT 1").Scan(&n); !db.IsUnique(err) {
				t.Errorf("at the next statement: %v", err)
			}
			return nil
		}); !db.IsUnique(err) {
			t.Errorf("Write: %v", err)
		}
		if n := accounts(t, d); n != 1 {
			t.Errorf("%d accounts, want 1", n)
		}
	})
}

func TestTooManyChangedRows(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		insert := func(n int) func(*db.Tx) error {
			return func(tx *db.Tx) error {
				for i := range n {
					tx.Queue("INSERT INTO account (id, counter) VALUES ($1, 0)", i)
				}
				return nil
			}
		}
		if err := d.Write(t.Context(), 0, insert(db.MaxChangedRows+1)); !errors.Is(err, db.ErrTooManyRows) {
			t.Errorf("one row too many: %v", err)
		}
		must(t, d.Write(t.Context(), 0, insert(db.MaxChangedRows)))
		for _, sql := range []string{"DELETE FROM account", "UPDATE account SET counter = 1 RETURNING id"} {
			err := d.Write(t.Context(), 0, func(tx *db.Tx) error {
				must(t, addAccount(5000)(tx))
				rows, err := tx.Query(sql)
				if err != nil {
					return err
				}
				for rows.Next() {
				}
				return nil
			})
			if !errors.Is(err, db.ErrTooManyRows) {
				t.Errorf("%s: %v", sql, err)
			}
		}
		if n := number(t, d, "SELECT count(*) FROM account WHERE counter = 0"); n != db.MaxChangedRows {
			t.Errorf("%d accounts untouched, want %d", n, db.MaxChangedRows)
		}
	})
}

func TestPanicFailsItsClosureOnly(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		var wg sync.WaitGroup
		for i := range int64(40) {
			wg.Go(func() {
				err := d.Write(context.Background(), i, func(tx *db.Tx) error {
					if err := addAccount(i)(tx); err != nil {
						return err
					}
					if i%4 == 0 {
						rows, err := tx.Query("SELECT id FROM account") // left open on purpose
						if err != nil || !rows.Next() {
							return fmt.Errorf("no rows: %w", err)
						}
						panic("on purpose")
					}
					return nil
				})
				if (err != nil) != (i%4 == 0) {
					t.Errorf("closure %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if n := accounts(t, d); n != 30 {
			t.Errorf("%d accounts, want 30", n)
		}
	})
}

func TestTransactionStatementsAreRefused(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		for _, sql := range []string{"COMMIT", " rollback;", "BEGIN", "END", "savepoint x", "RELEASE closure", "\nStart transaction"} {
			err := d.Write(t.Context(), 0, func(tx *db.Tx) error {
				must(t, addAccount(1)(tx))
				_, err := tx.Exec(sql)
				return err
			})
			if err == nil {
				t.Errorf("%q was taken", sql)
			}
		}
		if n := accounts(t, d); n != 0 {
			t.Errorf("%d accounts, want none", n)
		}
	})
}

func TestTxEndsWithItsClosure(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		var kept *db.Tx
		write(t, d, func(tx *db.Tx) error { kept = tx; return nil })
		if _, err := kept.Exec("DELETE FROM account"); err == nil {
			t.Error("a Tx was of use after its closure")
		}
	})
}
