package db_test

import (
	"os"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// open opens and migrates the test's database.
func migrated(t testing.TB, open dbtest.Open, change ...func(*db.Options)) *db.DB {
	t.Helper()
	d := open(change...)
	if err := d.Migrate(t.Context(), os.DirFS("testdata/migrations")); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWriteThenRead(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open dbtest.Open) {
		d := migrated(t, open)
		if err := d.Write(t.Context(), 1, func(tx *db.Tx) error {
			tx.Queue("INSERT INTO account (id, counter) VALUES ($1, $2)", 7, 40)
			var counter int64
			if err := tx.QueryRow("UPDATE account SET counter = counter + 2 WHERE id = $1 RETURNING counter", 7).Scan(&counter); err != nil {
				return err
			}
			if counter != 42 {
				t.Errorf("counter is %d, want 42", counter)
			}
			if tx.Now().IsZero() {
				t.Error("no time")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := d.Read(t.Context(), func(tx *db.Tx) error {
			var n int64
			return tx.QueryRow("SELECT counter FROM account WHERE id = $1", 7).Scan(&n)
		}); err != nil {
			t.Fatal(err)
		}
	})
}
