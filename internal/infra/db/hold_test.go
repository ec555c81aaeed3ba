package db_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// A database that is held has every write that was answered before, takes none until it is released, and can be read.
func TestHold(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open dbtest.Open) {
		d := open()
		exec := func(sql string) error {
			return d.Write(t.Context(), 0, func(tx *db.Tx) error { _, err := tx.Exec(sql); return err })
		}
		if err := exec("CREATE TABLE t (id BIGINT)"); err != nil {
			t.Fatal(err)
		}
		var writers sync.WaitGroup
		acknowledged := make([]int64, 8)
		begun := make(chan struct{}, len(acknowledged))
		for i := range acknowledged {
			writers.Go(func() {
				for exec("INSERT INTO t VALUES (1)") == nil {
					if acknowledged[i]++; acknowledged[i] == 1 {
						begun <- struct{}{}
					}
				}
			})
		}
		for range acknowledged {
			<-begun
		}
		cause := errors.New("it moves")
		release := d.Hold(cause)
		count := func() (n int64) {
			t.Helper()
			err := d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT count(*) FROM t").Scan(&n) })
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		held := count()
		writers.Wait()
		var want int64
		for _, n := range acknowledged {
			want += n
		}
		if n := count(); held != want || n != want {
			t.Errorf("%d writes were acknowledged, %d are there at once, %d later", want, held, n)
		}
		if err := exec("INSERT INTO t VALUES (2)"); !db.IsUnavailable(err) || !strings.Contains(err.Error(), cause.Error()) {
			t.Errorf("a write meanwhile ends with %v", err)
		}
		release()
		if err := exec("INSERT INTO t VALUES (3)"); err != nil {
			t.Errorf("a write after the release: %v", err)
		}
	})
}
