package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

var (
	addText = db.Text{
		One:  `INSERT INTO account (id, counter) VALUES ($1, $2)`,
		Many: `INSERT INTO account (id, counter) SELECT * FROM unnest($1::bigint[], $2::bigint[])`,
	}
	countText = db.Text{
		One: `UPDATE account SET counter = counter + $2 WHERE id = $1`,
		Many: `UPDATE account SET counter = counter + d.more FROM unnest($1::bigint[], $2::bigint[]) AS d (id, more)
			WHERE account.id = d.id`,
	}
	readText = db.Text{
		One:  `SELECT counter FROM account WHERE id = $1`,
		Many: `SELECT of.n, counter FROM unnest($1::bigint[]) WITH ORDINALITY AS of (id, n) JOIN account ON account.id = of.id`,
	}
	waitText = db.Text{
		One: `UPDATE account SET counter = counter + 1 WHERE id = $1 RETURNING counter`,
		Many: `WITH own AS MATERIALIZED (SELECT of.n, account.id FROM unnest($1::bigint[]) WITH ORDINALITY AS of (id, n)
				JOIN account ON account.id = of.id ORDER BY account.id FOR UPDATE OF account)
			UPDATE account SET counter = counter + 1 FROM own WHERE account.id = own.id RETURNING own.n, counter`,
	}
	takeText = db.Text{
		One: `UPDATE account SET counter = counter + 1 WHERE id = (SELECT id FROM account WHERE id = $1 FOR UPDATE SKIP LOCKED)
			RETURNING counter`,
		Many: `WITH free AS MATERIALIZED (SELECT of.n, account.id FROM unnest($1::bigint[]) WITH ORDINALITY AS of (id, n)
				JOIN account ON account.id = of.id FOR UPDATE OF account SKIP LOCKED)
			UPDATE account SET counter = counter + 1 FROM free WHERE account.id = free.id RETURNING free.n, counter`,
	}
)

// commits notes how many closures each COMMIT had.
type commits struct {
	mu       sync.Mutex
	closures []int
	retries  []string
}

func (c *commits) Commit(closures int, _ time.Duration, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closures = append(c.closures, closures)
}

func (c *commits) Retry(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retries = append(c.retries, reason)
}

// eachShared opens a database of each engine whose commits are noted.
func eachShared(t *testing.T, test func(t *testing.T, d *db.DB, c *commits)) {
	t.Run("sqlite", func(t *testing.T) {
		c := new(commits)
		test(t, openWith(t, "sqlite:"+t.TempDir()+"/x.db", c), c)
	})
	t.Run("postgres", func(t *testing.T) {
		c := new(commits)
		test(t, openWith(t, dbtest.PostgresURL(t, schema), c), c)
	})
}

func openWith(t *testing.T, url string, c db.Observer) *db.DB {
	d, err := db.Open(t.Context(), db.Options{URL: url, Observe: c})
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	must(t, d.Migrate(t.Context(), schema))
	return d
}

// sideBySide runs closures that all wait while another of their kind runs, so that they share a transaction. The answers are in
// order. The one that runs is of the turn 1000.
func sideBySide(t *testing.T, d *db.DB, fns map[int64]func(*db.Tx) error) map[int64]error {
	t.Helper()
	started, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	wg.Go(func() {
		must(t, d.WriteShared(context.Background(), 1000, func(tx *db.Tx) error {
			once.Do(func() { close(started) })
			<-release
			return nil
		}))
	})
	<-started
	var mu sync.Mutex
	out := make(map[int64]error)
	for turn, fn := range fns {
		wg.Go(func() {
			err := d.WriteShared(context.Background(), turn, fn)
			mu.Lock()
			defer mu.Unlock()
			out[turn] = err
		})
	}
	waitFor(t, func() bool { return db.Waiting(d) == len(fns) })
	close(release)
	wg.Wait()
	return out
}

// What waits at the same time is committed together, and each closure gets the answers to its own questions.
func TestSharedCommit(t *testing.T) {
	eachShared(t, func(t *testing.T, d *db.DB, c *commits) {
		read := make([]int64, 6)
		fns := make(map[int64]func(*db.Tx) error)
		for turn := range int64(6) {
			fns[turn+1] = func(tx *db.Tx) error {
				tx.QueueText(&addText, turn+1, turn*10)
				if turn%2 == 0 { // one more statement, of a shape of its own
					if n, err := tx.Exec(`UPDATE account SET counter = counter + 1 WHERE id = $1`, turn+1); err != nil || n != 1 {
						return fmt.Errorf("%d rows, %w", n, err)
					}
				}
				tx.QueueText(&countText, turn+1, 5)
				b := tx.Batch()
				b.QueryText(&readText, turn+1)
				b.QueryText(&readText, turn+1000) // which is not there
				b.Query(`SELECT id FROM account WHERE id = $1`, turn+1)
				if err := b.QueryRow().Scan(&read[turn]); err != nil {
					return err
				}
				if err := b.QueryRow().Scan(new(int64)); err != db.ErrNoRows {
					return fmt.Errorf("a row that is not there: %w", err)
				}
				var id int64
				if err := b.QueryRow().Scan(&id); err != nil || id != turn+1 {
					return fmt.Errorf("read %d: %w", id, err)
				}
				if tx.Now().IsZero() {
					return errors.New("no time")
				}
				tx.QueueText(&countText, turn+1, 100)
				return nil
			}
		}
		for turn, err := range sideBySide(t, d, fns) {
			if err != nil {
				t.Errorf("%d: %v", turn, err)
			}
		}
		for turn := range int64(6) {
			want := turn*10 + 5 + (turn+1)%2
			if read[turn] != want || number(t, d, `SELECT counter FROM account WHERE id = $1`, turn+1) != want+100 {
				t.Errorf("turn %d has read %d and left %d, want %d", turn, read[turn], number(t, d, `SELECT counter FROM account WHERE id = $1`, turn+1), want)
			}
		}
		if last := c.closures[len(c.closures)-1]; last < 6 || len(c.retries) > 0 {
			t.Errorf("the last commit had %d closures, repeated was %v", last, c.retries)
		}
	})
}

// A closure that fails takes nothing along, and nothing of it is left.
func TestSharedFailure(t *testing.T) {
	fate := errors.New("fate")
	for name, fail := range map[string]func(*db.Tx) error{
		"error": func(tx *db.Tx) error { return fate },
		"error before": func(tx *db.Tx) error {
			return tx.QueryRow(`SELECT counter FROM account WHERE id = 77`).Scan(new(int64))
		},
		"panic":     func(tx *db.Tx) error { panic("fate") },
		"statement": func(tx *db.Tx) error { _, err := tx.Exec(`UPDATE nothing SET x = 1`); return err },
		"queued":    func(tx *db.Tx) error { tx.QueueText(&addText, 3, 1); return nil },
		"rows":      func(tx *db.Tx) error { _, err := tx.Query(`SELECT id FROM account`); return errors.Join(err, fate) },
	} {
		t.Run(name, func(t *testing.T) {
			eachShared(t, func(t *testing.T, d *db.DB, _ *commits) {
				fns := make(map[int64]func(*db.Tx) error)
				for turn := int64(1); turn <= 5; turn++ {
					fns[turn] = func(tx *db.Tx) error {
						if turn == 3 && name == "error before" {
							return fail(tx)
						}
						tx.QueueText(&addText, turn, turn)
						var n int64
						b := tx.Batch()
						b.QueryText(&readText, turn)
						if err := b.QueryRow().Scan(&n); err != nil {
							return err
						}
						if turn == 3 {
							return fail(tx)
						}
						return nil
					}
				}
				for turn, err := range sideBySide(t, d, fns) {
					if (err != nil) != (turn == 3) || errors.Is(err, db.ErrAlone) || name == "queued" && err != nil && !db.IsUnique(err) {
						t.Errorf("%d: %v", turn, err)
					}
				}
				if n := accounts(t, d); n != 4 || number(t, d, `SELECT count(*) FROM account WHERE id = 3`) != 0 {
					t.Errorf("%d accounts are there", n)
				}
				exec(t, d, `INSERT INTO account VALUES (50, 1)`)
			})
		})
	}
}

// A closure whose row another transaction has locked waits alone: those that shared its transaction are done before.
func TestSharedDoesNotWait(t *testing.T) {
	d := dbtest.OnPostgres(t, schema)()
	for id := range int64(6) {
		exec(t, d, `INSERT INTO account VALUES ($1, 0)`, id)
	}
	locked, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		must(t, d.Write(t.Context(), 3, func(tx *db.Tx) error {
			_, err := tx.Exec(`UPDATE account SET counter = 100 WHERE id = 3`)
			close(locked)
			<-release
			return err
		}))
	})
	<-locked
	var done atomic.Int64
	count := func(id int64) {
		must(t, d.WriteShared(t.Context(), id, func(tx *db.Tx) error {
			b := tx.Batch()
			if tx.Shared() {
				b.QueryText(&takeText, id)
			} else {
				b.Query(`UPDATE account SET counter = counter + 1 WHERE id = $1 RETURNING counter`, id)
			}
			err := b.QueryRow().Scan(new(int64))
			if err == db.ErrNoRows && tx.Shared() {
				return db.ErrAlone
			}
			return err
		}))
		if done.Add(1) == 5 {
			close(release)
		}
	}
	for id := range int64(6) {
		wg.Go(func() { count(id) })
	}
	wg.Wait() // comes only when the others do not wait for the third
	if n := number(t, d, `SELECT counter FROM account WHERE id = 3`); n != 101 {
		t.Errorf("counter %d, want 101", n)
	}
}

// onRetry calls a function with the reason of each transaction that runs again.
type onRetry func(reason string)

func (onRetry) Commit(int, time.Duration, error) {}
func (f onRetry) Retry(reason string)            { f(reason) }

// Closures that met a lock wait for it together, for a time, and then each alone.
func TestSharedLockIsWaitedFor(t *testing.T) {
	for _, until := range []string{"locked", "failed closure"} { // when they begin to wait together, and when that was not enough
		t.Run(until, func(t *testing.T) {
			release := make(chan struct{})
			reached := sync.OnceFunc(func() { close(release) })
			d := openWith(t, dbtest.PostgresURL(t, schema), onRetry(func(reason string) {
				if reason == until {
					reached()
				}
			}))
			for id := range 3 {
				exec(t, d, `INSERT INTO account VALUES ($1, 0)`, id)
			}
			locked := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				must(t, d.Write(t.Context(), 0, func(tx *db.Tx) error {
					_, err := tx.Exec(`UPDATE account SET counter = 100`)
					close(locked)
					<-release
					return err
				}))
			})
			<-locked
			for id := range int64(3) {
				wg.Go(func() {
					must(t, d.WriteShared(t.Context(), id, func(tx *db.Tx) error {
						b := tx.Batch()
						if tx.MayWait() {
							b.QueryText(&waitText, id)
						} else {
							b.QueryText(&takeText, id)
						}
						var counter int64
						err := b.QueryRow().Scan(&counter)
						if err == db.ErrNoRows && !tx.MayWait() {
							return db.ErrAlone
						}
						if err == nil && counter != 101 {
							err = fmt.Errorf("counter %d, want 101", counter)
						}
						return err
					}))
				})
			}
			wg.Wait()
			if n := number(t, d, `SELECT sum(counter)::bigint FROM account`); n != 303 {
				t.Errorf("the counters are %d together, want 303", n)
			}
		})
	}
}

// When the answer to a shared COMMIT is lost, all whose changes were in it hear that.
func TestSharedCommitAnswerLost(t *testing.T) {
	proxy, d := dbtest.ThroughProxy(t, schema)
	exec(t, d, `INSERT INTO account VALUES (50, 1)`) // prepares COMMIT
	var waiting atomic.Int64
	fns := make(map[int64]func(*db.Tx) error)
	for turn := int64(1); turn <= 4; turn++ {
		fns[turn] = func(tx *db.Tx) error {
			b := tx.Batch()
			tx.QueueText(&addText, turn, turn)
			b.QueryText(&readText, turn)
			if err := b.QueryRow().Scan(new(int64)); err != nil {
				return err
			}
			if waiting.Add(1) == 4 {
				proxy.Lose(dbtest.Answer)
			}
			return nil
		}
	}
	for turn, err := range sideBySide(t, d, fns) {
		if !errors.Is(err, db.ErrCommitUnknown) {
			t.Errorf("%d: %v", turn, err)
		}
	}
	if n := accounts(t, d); n != 5 {
		t.Errorf("%d accounts, want the 4 that were committed", n-1)
	}
}

// TestSharedModel runs closures that share what they can, beside others that do not, and some that fail.
func TestSharedModel(t *testing.T) {
	dbtest.EachWith(t, schema, func(t *testing.T, open dbtest.Open) {
		d := open()
		var base int64
		rapid.Check(t, func(rt *rapid.T) {
			base += 100
			turns := rapid.SliceOfN(rapid.Int64Range(1, 8), 1, 40).Draw(rt, "turns")
			fates := rapid.SliceOfN(rapid.SampledFrom([]string{"fine", "fine", "fine", "fine", "plain", "error", "panic"}), len(turns), len(turns)).Draw(rt, "fates")
			for turn := range int64(8) {
				exec(t, d, `INSERT INTO account VALUES ($1, 0)`, base+turn+1)
			}
			var wg sync.WaitGroup
			kept := make([]atomic.Int64, 9)
			for i, turn := range turns {
				write := d.WriteShared
				if fates[i] == "plain" {
					write = d.Write
				}
				wg.Go(func() {
					err := write(context.Background(), base+turn, sharedStep(base+turn, fates[i]))
					if (err == nil) != (fates[i] == "fine" || fates[i] == "plain") {
						rt.Errorf("%s: %v", fates[i], err)
					}
					if err == nil {
						kept[turn].Add(1)
					}
				})
			}
			wg.Wait()
			for turn := int64(1); turn <= 8; turn++ {
				want := kept[turn].Load() * 11
				if have := number(t, d, `SELECT counter FROM account WHERE id = $1`, base+turn); have != want {
					rt.Errorf("turn %d: counter %d, want %d", turn, have, want)
				}
			}
		})
	})
}

// sharedStep adds 1 and 10 to the counter of an account, in which nobody else may be seen.
func sharedStep(id int64, fate string) func(*db.Tx) error {
	return func(tx *db.Tx) error {
		var before int64
		b := tx.Batch()
		switch {
		case tx.Shared():
			b.QueryText(&takeText, id)
		default:
			b.Query(`UPDATE account SET counter = counter + 1 WHERE id = $1 RETURNING counter`, id)
		}
		if err := b.QueryRow().Scan(&before); err == db.ErrNoRows && tx.Shared() {
			return db.ErrAlone
		} else if err != nil {
			return err
		}
		tx.QueueText(&countText, id, 10)
		var after int64
		if err := tx.QueryRow(`SELECT counter FROM account WHERE id = $1`, id).Scan(&after); err != nil {
			return err
		}
		switch {
		case after != before+10 || before%11 != 1:
			return fmt.Errorf("%d became %d", before, after)
		case fate == "error":
			return errors.New("fate")
		case fate == "panic":
			panic("fate")
		}
		return nil
	}
}
