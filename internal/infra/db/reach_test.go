package db_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// A program may use a database that is newer, until a step shuts it out; and that step waits until it has ended.
func TestOlderPrograms(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open dbtest.Open) {
		file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
		one := fstest.MapFS{"00001_a.sql": file("-- +goose Up\nCREATE TABLE schema_reach (oldest BIGINT PRIMARY KEY);\nINSERT INTO schema_reach VALUES (1);\n")}
		two := fstest.MapFS{"00001_a.sql": one["00001_a.sql"], "00002_b.sql": file("-- +goose Up\nCREATE TABLE b (id BIGINT PRIMARY KEY);\n")}
		three := fstest.MapFS{"00001_a.sql": two["00001_a.sql"], "00002_b.sql": two["00002_b.sql"],
			"00003_c.sql": file("-- Why.\n-- oldest: 2\n-- +goose Up\nCREATE TABLE c (id BIGINT PRIMARY KEY);\n")}
		reaches := func(d *db.DB) error {
			return d.Write(t.Context(), 0, func(tx *db.Tx) error { return db.CheckReach(tx, d.Schema()) })
		}
		d1, d2 := open(), open()
		must(t, d1.Migrate(t.Context(), one))
		must(t, d2.Migrate(t.Context(), two))
		must(t, d1.Migrate(t.Context(), one)) // it starts again
		must(t, reaches(d1))
		if d1.Schema() != 1 || d2.Schema() != 2 {
			t.Errorf("they know the versions up to %d and %d", d1.Schema(), d2.Schema())
		}

		var asked atomic.Int32
		d3 := open(func(o *db.Options) {
			o.Older = func(_ context.Context, d *db.DB, oldest int64) ([]string, error) {
				if oldest != 2 {
					t.Errorf("asked for those before %d", oldest)
				}
				var tables int64 = -1
				d.Read(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("SELECT count(*) FROM c").Scan(&tables) })
				if tables >= 0 {
					t.Error("the step was made before it was asked")
				}
				if asked.Add(1) < 3 {
					return []string{"d1"}, nil
				}
				return nil, nil
			}
		})
		must(t, d3.Migrate(t.Context(), three))
		if n := asked.Load(); n != 4 { // twice in vain, and once more after no other can begin
			t.Errorf("asked %d times", n)
		}
		if err := reaches(d1); !errors.Is(err, db.ErrShutOut) {
			t.Errorf("the oldest begins: %v", err)
		}
		if err := d1.Migrate(t.Context(), one); err == nil {
			t.Error("the oldest starts again")
		}
		must(t, reaches(d2))
		must(t, d2.Migrate(t.Context(), two))
	})
}
