package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// TestAcknowledgedIsKept runs closures that succeed, fail, panic and lose their transaction side by side, and wants
// exactly those that were acknowledged to be there, and none to have seen a half of another.
func TestAcknowledgedIsKept(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		var next int64 = 1000
		rapid.Check(t, func(rt *rapid.T) {
			fates := rapid.SliceOfN(rapid.SampledFrom([]string{"fine", "fine", "fine", "error", "panic", "unique", "lost"}), 1, 25).Draw(rt, "fates")
			base := next
			next += 1000
			write(t, d, func(tx *db.Tx) error {
				tx.Queue("INSERT INTO account (id, counter) VALUES ($1, 0)", base)
				return nil
			})
			var wg sync.WaitGroup
			var kept atomic.Int64
			for i, fate := range fates {
				wg.Go(func() {
					err := d.Write(context.Background(), int64(i%3), suffer(base, base+1+int64(i), fate))
					if (err == nil) != (fate == "fine") {
						rt.Errorf("%s: %v", fate, err)
					}
					if err == nil {
						kept.Add(1)
					}
				})
			}
			wg.Wait()
			rows := number(t, d, "SELECT count(*) FROM account WHERE id > $1 AND id < $1 + 1000", base)
			counter := number(t, d, "SELECT counter FROM account WHERE id = $1", base)
			if rows != kept.Load() || counter != kept.Load() {
				rt.Errorf("%d acknowledged, %d rows, counter %d", kept.Load(), rows, counter)
			}
		})
	})
}

// suffer is a closure that adds the row id, counts it in the row base, and ends as its fate says.
func suffer(base, id int64, fate string) func(*db.Tx) error {
	return func(tx *db.Tx) error {
		var n int64
		if err := tx.QueryRow("UPDATE account SET counter = counter + 1 WHERE id = $1 RETURNING counter", base).Scan(&n); err != nil {
			return err
		}
		tx.Queue("INSERT INTO account (id, counter) VALUES ($1, $2)", id, n)
		switch fate {
		case "error":
			return errors.New("fate")
		case "panic":
			panic("fate")
		case "unique":
			return addAccount(base)(tx)
		case "lost":
			if tx.Engine() == db.SQLite { // the whole batch goes
				_, err := tx.Exec("INSERT OR ROLLBACK INTO account (id, counter) VALUES ($1, 0)", base)
				return err
			}
			return addAccount(base)(tx)
		}
		return nil
	}
}

func TestCancelledWhileQueued(t *testing.T) {
	d := dbtest.OnSQLite(t, schema)()
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		must(t, d.Write(context.Background(), 1, func(tx *db.Tx) error {
			close(started)
			<-release
			return addAccount(1)(tx)
		}))
	})
	<-started
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the client went away")
	result := make(chan error)
	go func() { result <- d.Write(ctx, 1, addAccount(2)) }()
	waitFor(t, func() bool { return db.Waiting(d) == 1 })
	cancel(why)
	if err := <-result; !errors.Is(err, why) || !db.IsUnavailable(err) {
		t.Errorf("a closure withdrawn: %v", err)
	}
	close(release)
	wg.Wait()
	if n := accounts(t, d); n != 1 {
		t.Errorf("%d accounts, want 1", n)
	}
	if err := d.Write(ctx, 1, addAccount(3)); !errors.Is(err, why) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// A closure that has started runs to its end, and its caller gets the true answer.
func TestCancelledInsideClosure(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		ctx, cancel := context.WithCancel(t.Context())
		must(t, d.Write(ctx, 1, func(tx *db.Tx) error {
			must(t, addAccount(1)(tx))
			cancel()
			if err := tx.Context().Err(); err != nil {
				t.Errorf("the transaction's context: %v", err)
			}
			return addAccount(2)(tx)
		}))
		if n := accounts(t, d); n != 2 {
			t.Errorf("%d accounts, want 2", n)
		}
	})
}

func TestReadSeesOneSnapshot(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		exec(t, d, "INSERT INTO account (id, counter) VALUES (1, 0), (2, 0), (3, 0)")
		must(t, d.Read(t.Context(), func(tx *db.Tx) error {
			rows, err := tx.Query("SELECT id FROM account ORDER BY id")
			must(t, err)
			seen := 0
			for rows.Next() {
				seen++
				write(t, d, addAccount(int64(10+seen))) // a slow reader does not hold up the writer
			}
			if seen != 3 {
				t.Errorf("saw %d rows while others were added, want 3", seen)
			}
			var n int64
			must(t, tx.QueryRow("SELECT count(*) FROM account").Scan(&n))
			if n != 3 {
				t.Errorf("the second query sees %d rows, want 3", n)
			}
			return nil
		}))
		if n := accounts(t, d); n != 6 {
			t.Errorf("%d accounts, want 6", n)
		}
	})
}

func TestReadCannotWrite(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		write(t, d, addAccount(1))
		for name, fn := range map[string]func(tx *db.Tx) error{
			"Exec":  func(tx *db.Tx) error { _, err := tx.Exec("DELETE FROM account"); return err },
			"Queue": func(tx *db.Tx) error { tx.Queue("DELETE FROM account"); return nil },
			"Query": func(tx *db.Tx) error {
				return tx.QueryRow("UPDATE account SET counter = 5 RETURNING counter").Scan(new(int64))
			},
		} {
			if err := d.Read(t.Context(), fn); err == nil || !strings.Contains(err.Error(), "read-only") || db.IsUnavailable(err) {
				t.Errorf("%s inside Read: %v", name, err)
			}
		}
		if n := number(t, d, "SELECT count(*) FROM account WHERE counter = 0"); n != 1 {
			t.Error("the row was changed")
		}
	})
}

func TestReadIsInterrupted(t *testing.T) {
	const forever = "WITH RECURSIVE n(x) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		err := d.Read(ctx, func(tx *db.Tx) error {
			must(t, tx.QueryRow("SELECT 1").Scan(new(int64)))
			time.AfterFunc(20*time.Millisecond, cancel)
			return tx.QueryRow(forever).Scan(new(int64))
		})
		if !errors.Is(err, context.Canceled) || !db.IsUnavailable(err) {
			t.Errorf("an interrupted query: %v", err)
		}
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("the interruption took %v", took)
		}
		for range 20 { // no later read suffers from it
			must(t, d.Ping(t.Context()))
		}
	})
}

// One account's flood delays another's closure by one closure, not by the flood.
func TestFairness(t *testing.T) {
	d := dbtest.OnSQLite(t, schema)()
	started, release := make(chan struct{}), make(chan struct{})
	var order []int64 // only the writer's goroutine appends
	var wg sync.WaitGroup
	put := func(turn int64, fn func(*db.Tx) error) {
		wg.Go(func() { must(t, d.Write(context.Background(), turn, fn)) })
	}
	put(99, func(*db.Tx) error { close(started); <-release; return nil })
	<-started
	queued := db.Waiting(d)
	for i := range 300 {
		put(1, func(*db.Tx) error { order = append(order, 1); return nil })
		waitFor(t, func() bool { return db.Waiting(d) == queued+i+1 })
	}
	for turn := int64(2); turn <= 4; turn++ {
		put(turn, func(*db.Tx) error { order = append(order, turn); return nil })
	}
	waitFor(t, func() bool { return db.Waiting(d) == queued+303 })
	close(release)
	wg.Wait()
	for turn := int64(2); turn <= 4; turn++ {
		if at := slices.Index(order, turn); at > 4 {
			t.Errorf("the closure of account %d ran as number %d of %d", turn, at+1, len(order))
		}
	}
}

// waitFor waits for another goroutine to get where the test needs it.
func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(50 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

// On PostgreSQL, an account whose row is locked does not take the connections of others.
func TestFloodOfOneAccountLeavesConnections(t *testing.T) {
	d := dbtest.OnPostgres(t, schema)()
	exec(t, d, "INSERT INTO account (id, counter) VALUES (1, 0), (2, 0)")
	locked, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	touch := func(id int64) func(tx *db.Tx) error {
		return func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE account SET counter = counter + 1 WHERE id = $1", id)
			return err
		}
	}
	var once sync.Once
	wg.Go(func() {
		must(t, d.Write(context.Background(), 1, func(tx *db.Tx) error {
			err := touch(1)(tx)
			once.Do(func() { close(locked) })
			<-release
			return err
		}))
	})
	<-locked
	for range 100 {
		wg.Go(func() { must(t, d.Write(context.Background(), 1, touch(1))) })
	}
	waitFor(t, func() bool { return db.Waiting(d) > 70 })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := d.Write(ctx, 2, touch(2)); err != nil {
		t.Errorf("another account's write: %v", err)
	}
	close(release)
	wg.Wait()
	if n := number(t, d, "SELECT counter FROM account WHERE id = 1"); n != 101 {
		t.Errorf("counter is %d, want 101", n)
	}
}

// Work of no account in particular is not held to one account's share of the connections.
func TestWorkWithoutAccountRunsSideBySide(t *testing.T) {
	d := dbtest.OnPostgres(t, schema)()
	var arrived, left sync.WaitGroup
	arrived.Add(10)
	for i := range int64(10) {
		left.Go(func() {
			must(t, d.Write(context.Background(), 0, func(tx *db.Tx) error {
				if err := addAccount(i)(tx); err != nil {
					return err
				}
				arrived.Done()
				arrived.Wait()
				return nil
			}))
		})
	}
	left.Wait()
}

func TestCloseWithWorkWaiting(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		started, release := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		var once sync.Once
		wg.Go(func() {
			must(t, d.Write(context.Background(), 1, func(tx *db.Tx) error {
				once.Do(func() { close(started) })
				<-release
				return addAccount(1)(tx)
			}))
		})
		<-started
		var kept atomic.Int64
		for i := range int64(50) {
			wg.Go(func() {
				switch err := d.Write(context.Background(), 1, addAccount(100+i)); {
				case err == nil:
					kept.Add(1)
				case !db.IsUnavailable(err):
					t.Errorf("a closure that waited: %v", err)
				}
			})
		}
		wg.Go(func() { must(t, d.Close()) })
		waitFor(t, func() bool { return db.Closed(d) })
		close(release)
		wg.Wait()
		if n := accounts(t, open()); n != 1+kept.Load() {
			t.Errorf("%d accounts, want %d", n, 1+kept.Load())
		}
	})
}

func TestMigrate(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open dbtest.Open) {
		files := fstest.MapFS{
			"00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a (id {{bytes}} PRIMARY KEY) {{clustered}};\n{{if sqlite}}CREATE TABLE lite (x BIGINT);{{else}}CREATE TABLE pg (x BIGINT);{{end}}\n")},
			"readme.txt":  {Data: []byte("{{not a template")},
		}
		two := fstest.MapFS{"00001_a.sql": files["00001_a.sql"],
			"00002_b.sql": {Data: []byte("-- +goose Up\nALTER TABLE a ADD COLUMN b BIGINT NOT NULL DEFAULT 7;\n")}}
		d := open()
		must(t, d.Migrate(t.Context(), files))
		must(t, d.Migrate(t.Context(), files))
		exec(t, d, "INSERT INTO "+map[db.Engine]string{db.SQLite: "lite", db.Postgres: "pg"}[d.Engine()]+" VALUES (1)")
		exec(t, d, "INSERT INTO a VALUES ($1)", []byte{0})
		columns := func() (n int) {
			must(t, d.Read(t.Context(), func(tx *db.Tx) error {
				rows, err := tx.Query("SELECT * FROM a")
				if err != nil {
					return err
				}
				for rows.Next() {
					n = db.Columns(rows)
				}
				return rows.Err()
			}))
			return n
		}
		if n := columns(); n != 1 {
			t.Errorf("%d columns, want 1", n)
		}
		must(t, open().Migrate(t.Context(), two))
		if n := columns(); n != 2 { // with the statement that was prepared before
			t.Errorf("%d columns after the second migration, want 2", n)
		}
		err := d.Migrate(t.Context(), files)
		if err == nil || !strings.Contains(err.Error(), "version 2") || !strings.Contains(err.Error(), "up to 1") {
			t.Errorf("a database of the future: %v", err)
		}
		broken := fstest.MapFS{"00003_c.sql": {Data: []byte("-- +goose Up\nCREATE TABLE c ({{unknown}});\n")}}
		if err := d.Migrate(t.Context(), broken); err == nil || !strings.Contains(err.Error(), "00003_c.sql") {
			t.Errorf("a template that is wrong: %v", err)
		}
	})
}

// Nodes of a cluster start at the same time, each with the same migrations.
func TestMigrateAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, open dbtest.Open) {
		files := fstest.MapFS{}
		for i := range 5 {
			files[fmt.Sprintf("%05d_x.sql", i+1)] = &fstest.MapFile{Data: fmt.Appendf(nil, "-- +goose Up\nCREATE TABLE t%d (id BIGINT PRIMARY KEY);\n", i)}
		}
		var wg sync.WaitGroup
		for range 3 {
			d := open()
			wg.Go(func() {
				if err := d.Migrate(t.Context(), files); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		exec(t, open(), "INSERT INTO t4 VALUES (1)")
	})
}

// The lease keeps a second node from a migration that the first has begun and that is no transaction.
func TestMigrationLease(t *testing.T) {
	open := dbtest.OnPostgres(t, nil)
	files := fstest.MapFS{"00001_first.sql": {Data: []byte("-- +goose Up\nCREATE TABLE first (id BIGINT);\n")}}
	must(t, open().Migrate(t.Context(), files))
	files["00002_slow.sql"] = &fstest.MapFile{Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TABLE slow (id BIGINT);\nSELECT pg_sleep(0.3);\n")}
	var wg sync.WaitGroup
	for range 2 {
		d := open()
		wg.Go(func() {
			if err := d.Migrate(t.Context(), files); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestTestdataMigrationsAreRepeatable(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		must(t, open().Migrate(t.Context(), os.DirFS("testdata/migrations")))
	})
}
