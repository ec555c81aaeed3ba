package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

// observer counts what the database reports.
type observer struct {
	mu      sync.Mutex
	batches []int
	retries int
	failed  int
}

func (o *observer) Commit(closures int, _ time.Duration, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.batches = append(o.batches, closures)
	if err != nil {
		o.failed++
	}
}

func (o *observer) Retry(string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.retries++
}

// together runs the closures in one batch and returns their errors in order.
func together(t *testing.T, d *db.DB, closures ...func(*db.Tx) error) []error {
	t.Helper()
	errs := make([]error, len(closures))
	started, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = d.Write(context.Background(), 0, func(*db.Tx) error {
			once.Do(func() { close(started); <-release })
			return nil
		})
	})
	<-started
	for i, fn := range closures {
		wg.Go(func() { errs[i] = d.Write(context.Background(), 0, fn) })
		waitFor(t, func() bool { return db.Waiting(d) == i+1 })
	}
	close(release)
	wg.Wait()
	return errs
}

func TestGroupCommit(t *testing.T) {
	var o observer
	d := dbtest.OnSQLite(t, schema)(func(options *db.Options) { options.Observe = &o })
	var closures []func(*db.Tx) error
	for i := range int64(20) {
		closures = append(closures, addAccount(i))
	}
	for i, err := range together(t, d, closures...) {
		if err != nil {
			t.Errorf("closure %d: %v", i, err)
		}
	}
	if len(o.batches) != 1 || o.batches[0] != 21 {
		t.Errorf("batches of %v, want one of 21", o.batches)
	}
}

// A closure of a batch loses the whole transaction. The others run again and succeed; it runs alone.
func TestLostTransaction(t *testing.T) {
	for name, healed := range map[string]bool{"only in company": true, "also alone": false} {
		t.Run(name, func(t *testing.T) {
			var o observer
			d := dbtest.OnSQLite(t, schema)(func(options *db.Options) { options.Observe = &o })
			var runs [4]int
			count := func(i int, fn func(*db.Tx) error) func(*db.Tx) error {
				return func(tx *db.Tx) error { runs[i]++; return fn(tx) }
			}
			errs := together(t, d,
				count(0, addAccount(1)),
				count(1, func(tx *db.Tx) error {
					if err := addAccount(2)(tx); err != nil || healed && runs[1] > 1 {
						return err
					}
					_, err := tx.Exec("INSERT OR ROLLBACK INTO account (id, counter) VALUES (2, 0)")
					return err
				}),
				count(2, addAccount(3)),
				count(3, func(*db.Tx) error { return errors.New("own") }),
			)
			if errs[0] != nil || errs[2] != nil || (errs[1] == nil) != healed || errs[3] == nil {
				t.Errorf("answers %v", errs)
			}
			if runs[0] != 2 || runs[1] != 2 || runs[2] != 1 || runs[3] != 1 {
				t.Errorf("runs %v, want the closure before it twice, it twice, those after it once", runs)
			}
			want := int64(2)
			if healed {
				want = 3
			}
			if n := accounts(t, d); n != want || o.retries == 0 {
				t.Errorf("%d accounts, want %d; %d retries", n, want, o.retries)
			}
		})
	}
}

// A test that ends inside a closure ends the writer's goroutine. The database goes on.
func TestGoexitInClosure(t *testing.T) {
	d := dbtest.OnSQLite(t, schema)()
	errs := together(t, d,
		addAccount(1),
		func(tx *db.Tx) error {
			must(t, addAccount(2)(tx))
			(&testing.T{}).FailNow()
			return nil
		},
		addAccount(3))
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Errorf("answers %v", errs)
	}
	if n := accounts(t, d); n != 2 {
		t.Errorf("%d accounts, want 2", n)
	}
}

// The disk is full for one closure of a batch. It is told so, the others are kept, and space that is made helps.
func TestDiskFull(t *testing.T) {
	d := dbtest.OnSQLite(t, schema)()
	limit := func(pages int) {
		write(t, d, func(tx *db.Tx) error {
			return tx.QueryRow(fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(nil)
		})
	}
	limit(1) // means: no more than there are now
	big := func(tx *db.Tx) error {
		_, err := tx.Exec("INSERT INTO item VALUES (1, 1, 0, 0, 0, NULL, $1)", make([]byte, 1<<20))
		return err
	}
	errs := together(t, d, addAccount(1), big, addAccount(2))
	if errs[0] != nil || errs[2] != nil {
		t.Errorf("the others: %v, %v", errs[0], errs[2])
	}
	if !db.IsUnavailable(errs[1]) {
		t.Errorf("a full disk: %v", errs[1])
	}
	limit(1 << 20)
	must(t, d.Write(t.Context(), 0, big))
	if n := accounts(t, d); n != 2 {
		t.Errorf("%d accounts, want 2", n)
	}
}

// Readers that hold their snapshot do not hold up writers, nor the copying back of the log for good.
func TestManyReaders(t *testing.T) {
	d := dbtest.OnSQLite(t, schema)()
	var wg sync.WaitGroup
	var sum atomic.Int64
	for i := range int64(200) {
		wg.Go(func() { must(t, d.Write(context.Background(), i%5, addAccount(i))) })
		wg.Go(func() {
			must(t, d.Read(context.Background(), func(tx *db.Tx) error {
				var a, b int64
				const count = "SELECT count(*) FROM account"
				err := errors.Join(tx.QueryRow(count).Scan(&a), tx.QueryRow(count).Scan(&b))
				if a != b {
					t.Errorf("one snapshot counts %d and %d", a, b)
				}
				sum.Add(a)
				return err
			}))
		})
	}
	wg.Wait()
	if n := accounts(t, d); n != 200 {
		t.Errorf("%d accounts, want 200", n)
	}
}

// The paths that people give their folders.
func TestOddPaths(t *testing.T) {
	for _, name := range []string{"with space.db", "100%.db", "a?b=c&d.db", "#1.db", "Grüße.db", "a+b.db"} {
		folder := t.TempDir()
		d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + filepath.Join(folder, name)})
		must(t, err)
		must(t, d.Migrate(t.Context(), schema))
		write(t, d, addAccount(1))
		must(t, d.Close())
		entries, err := os.ReadDir(folder)
		must(t, err)
		if len(entries) != 1 || entries[0].Name() != name {
			t.Errorf("%q: the folder holds %v", name, entries)
		}
	}
	if _, err := db.Open(t.Context(), db.Options{URL: "sqlite:a\x00b"}); err == nil {
		t.Error("a path with NUL was taken")
	}
}

func TestNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	must(t, os.WriteFile(path, []byte(strings.Repeat("this is not a database ", 1000)), 0o600))
	if _, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + path}); !db.IsUnavailable(err) {
		t.Errorf("a file that is no database: %v", err)
	}
}

// A database that was closed is one file: a backup of a stopped server may copy it alone. The connection that is closed
// last copies the log back and removes it; two that are closed at the same time would each leave it to the other.
func TestCloseLeavesNoLog(t *testing.T) {
	open := dbtest.OnSQLite(t, schema)
	for i := range int64(200) {
		var path string
		d := open(func(o *db.Options) { path = strings.TrimPrefix(o.URL, "sqlite:") })
		must(t, d.Write(t.Context(), 1, addAccount(i)))
		var wg, reading sync.WaitGroup
		reading.Add(4)
		for range 4 { // at once, so that each has a connection
			wg.Go(func() {
				must(t, d.Read(context.Background(), func(*db.Tx) error { reading.Done(); reading.Wait(); return nil }))
			})
		}
		wg.Wait()
		must(t, d.Close())
		if log, err := os.Stat(path + "-wal"); err == nil {
			t.Fatalf("after %d openings and closings a log of %d bytes is left", i+1, log.Size())
		}
	}
}
