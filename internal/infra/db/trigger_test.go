package db_test

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// What triggers change counts neither as changed by a statement nor against the limit of a closure: a transfer to another
// database has every statement of the server followed by some.
func TestChangesOfTriggersDoNotCount(t *testing.T) {
	d := dbtest.OnSQLite(t, nil)()
	do := func(fn func(*db.Tx)) {
		t.Helper()
		if err := d.Write(t.Context(), 0, func(tx *db.Tx) error { fn(tx); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	do(func(tx *db.Tx) {
		tx.Queue(`CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT)`)
		tx.Queue(`CREATE TABLE log (id BIGINT)`)
		for _, event := range []string{"INSERT", "UPDATE"} {
			tx.Queue(`CREATE TRIGGER t_` + event + ` AFTER ` + event + ` ON t BEGIN INSERT INTO log VALUES (NEW.id); INSERT INTO log VALUES (NEW.id); END`)
		}
	})
	want := func(n, want int64, what string) {
		t.Helper()
		if n != want {
			t.Errorf("%s: %d rows, want %d", what, n, want)
		}
	}
	do(func(tx *db.Tx) {
		n, _ := tx.Exec(`INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)`)
		want(n, 3, "INSERT")
		n, _ = tx.Exec(`INSERT INTO t VALUES (1, 0) ON CONFLICT DO NOTHING`)
		want(n, 0, "INSERT of what is there")
		n, _ = tx.Exec(`UPDATE t SET v = 1 WHERE id = 2`)
		want(n, 1, "UPDATE")
		n, _ = tx.Exec(`UPDATE t SET v = 1 WHERE id = 7`)
		want(n, 0, "UPDATE of nothing")
		n, _ = tx.Exec(`DELETE FROM t WHERE id = 3`)
		want(n, 1, "DELETE, which has no trigger")
	})
	do(func(tx *db.Tx) {
		for id := range int64(db.MaxChangedRows) - 1 { // the others are changed by RETURNING
			tx.Queue(`INSERT INTO t VALUES ($1, 0)`, 10+id)
		}
		var id int64
		if err := tx.QueryRow(`UPDATE t SET v = v + 1 WHERE id = 1 RETURNING id`).Scan(&id); err != nil {
			t.Error(err)
		}
	})
	err := d.Write(t.Context(), 0, func(tx *db.Tx) error {
		_, err := tx.Exec(`UPDATE t SET v = 2`)
		return err
	})
	if err == nil {
		t.Error("a closure changed more than it may")
	}
}
