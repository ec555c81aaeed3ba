package tx_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// lossy is a database that can lose the answer to the next COMMIT.
type lossy struct {
	db   *db.DB
	lose func()
}

// prepare writes once, so that statements are prepared: what is lost then is COMMIT.
func prepare(t *testing.T, s *tx.Store) {
	t.Helper()
	if _, err := tx.Once(t.Context(), s, tx.NewKey(), []mail.AccountID{11}, func(w *tx.Tx) (int, error) {
		w.Changed(change(11, 1))
		return 0, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// eachLossy runs test for every way in which the answer to COMMIT gets lost. stands says whether the commit does.
func eachLossy(t *testing.T, test func(t *testing.T, l lossy, stands bool)) {
	t.Run("sqlite", func(t *testing.T) { // the sync of the log fails, and what it should have kept is not trusted
		disk := dbtest.NewDisk(t)
		d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + filepath.Join(disk.Folder(), "mail.db")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		if err := d.Migrate(t.Context(), schema.Files); err != nil {
			t.Fatal(err)
		}
		test(t, lossy{d, func() { disk.FailSync("-wal", 1) }}, false)
	})
	for name, loss := range map[string]dbtest.Loss{"COMMIT": dbtest.Request, "answer": dbtest.Answer} {
		t.Run("postgres/"+name, func(t *testing.T) {
			p, d := dbtest.ThroughProxy(t, schema.Files)
			test(t, lossy{d, func() { p.Lose(loss) }}, loss == dbtest.Answer)
		})
	}
}

// The answer to COMMIT is lost: Once finds out under its key, the effect is there once, and the bell is rung once for it.
func TestLostAnswerToCommit(t *testing.T) {
	eachLossy(t, func(t *testing.T, l lossy, stands bool) {
		s, b := fill(t, l.db)
		for _, account := range []mail.AccountID{10, 11} { // the first time statements are prepared, too
			ran := 0
			got, err := tx.Once(t.Context(), s, tx.NewKey(), []mail.AccountID{account}, func(w *tx.Tx) (int, error) {
				ran++
				w.Changed(change(account, 1))
				if account == 11 && ran == 1 {
					l.lose()
				}
				return 40 + ran, nil
			})
			want := 1
			if account == 11 && !stands {
				want = 2
			}
			if err != nil || ran != want || got != 40+want {
				t.Errorf("account %v: answer %d, %v after %d runs, want %d runs", account, got, err, ran, want)
			}
			lines := log(t, s, account, 0)
			rung := b.take()
			if len(lines) != 1 || !slices.Equal(rung, []mail.StateChange{{Account: account, State: lines[0].ModSeq}}) {
				t.Errorf("account %v: logged %+v, rung %v", account, lines, rung)
			}
		}
	})
}

// Without a key the closure runs again: it must come to the same end.
func TestWriteRepeatsALostCommit(t *testing.T) {
	eachLossy(t, func(t *testing.T, l lossy, _ bool) {
		s, b := fill(t, l.db)
		for round := range 2 {
			ran := 0
			err := s.Write(t.Context(), []mail.AccountID{10}, func(w *tx.Tx) error {
				if ran++; ran == 1 && round == 1 {
					l.lose()
				}
				w.Changed(change(10, 1))
				return nil
			})
			if rung := b.take(); err != nil || ran != round+1 || len(rung) != 1 {
				t.Errorf("%v after %d runs, rung %v", err, ran, rung)
			}
		}
	})
}

// Where several commits are lost one after the other, the caller does not hear of it: a client that is told to come again makes a
// second copy, should one of them stand.
func TestCommitsLostInARow(t *testing.T) {
	eachLossy(t, func(t *testing.T, l lossy, _ bool) {
		s, _ := fill(t, l.db)
		prepare(t, s)
		const losses = 7
		ran := 0
		got, err := tx.Once(t.Context(), s, tx.NewKey(), []mail.AccountID{10}, func(w *tx.Tx) (int, error) {
			if ran++; ran <= losses {
				l.lose()
			}
			w.Changed(change(10, 1))
			return 7, nil
		})
		if lines := log(t, s, 10, 0); err != nil || got != 7 || len(lines) != 1 {
			t.Errorf("after %d runs: %d, %v; logged %v", ran, got, err, lines)
		}
	})
}

// A caller that leaves between two repeats hears that the outcome is unknown.
func TestTheCallerLeavesBetweenRepeats(t *testing.T) {
	eachLossy(t, func(t *testing.T, l lossy, stands bool) {
		if stands {
			return // then there is no second loss
		}
		s, _ := fill(t, l.db)
		prepare(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		ran := 0
		_, err := tx.Once(ctx, s, tx.NewKey(), []mail.AccountID{10}, func(w *tx.Tx) (int, error) {
			if ran++; ran == 2 {
				cancel()
			}
			l.lose()
			w.Changed(change(10, 1))
			return 7, nil
		})
		if !errors.Is(err, db.ErrCommitUnknown) || ran != 2 {
			t.Errorf("after %d runs: %v", ran, err)
		}
	})
}

// What a room calls after the commit is called once, also where the answer was lost, and never for what was not committed.
func TestAfterCommit(t *testing.T) {
	eachLossy(t, func(t *testing.T, l lossy, _ bool) {
		s, _ := fill(t, l.db)
		for round := range 2 {
			called, ran := 0, 0
			_, err := tx.Once(t.Context(), s, tx.NewKey(), []mail.AccountID{10}, func(w *tx.Tx) (int, error) {
				if ran++; ran == 1 && round == 1 {
					l.lose()
				}
				w.AfterCommit(func() { called++ })
				return 0, nil
			})
			if err != nil || called != 1 {
				t.Errorf("round %d: called %d times, %v", round, called, err)
			}
		}
		err := s.Write(t.Context(), nil, func(w *tx.Tx) error {
			w.AfterCommit(func() { t.Error("called although nothing was committed") })
			return errOnPurpose
		})
		if !errors.Is(err, errOnPurpose) {
			t.Error(err)
		}
	})
}

// When the answer stays away, and when the repetition fails for another reason, the caller hears that the outcome is
// unknown: it must not take the message for refused.
func TestUnknownStaysUnknown(t *testing.T) {
	eachLossy(t, func(t *testing.T, l lossy, _ bool) {
		s, _ := fill(t, l.db)
		ctx, cancel := context.WithCancel(t.Context())
		key := tx.NewKey()
		prepare(t, s)
		once := func(ctx context.Context, end func()) (int, error) {
			return tx.Once(ctx, s, key, []mail.AccountID{10}, func(w *tx.Tx) (int, error) {
				w.Changed(change(10, 1))
				end()
				return 7, nil
			})
		}
		_, err := once(ctx, func() { l.lose(); cancel() })
		if !errors.Is(err, db.ErrCommitUnknown) || !mail.Is(err, mail.Unavailable) {
			t.Errorf("the caller left after the answer was lost: %v", err)
		}
		if got, err := once(t.Context(), func() {}); got != 7 || err != nil || len(log(t, s, 10, 0)) != 1 {
			t.Errorf("the repetition answers %d, %v; logged %v", got, err, log(t, s, 10, 0))
		}
	})
}

// Where no account is locked, two commits under one key can meet on PostgreSQL. One of them wins, both hear its answer.
func TestOnceWithoutAccounts(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, d *db.DB, _ *bell) {
		key := tx.NewKey()
		const callers = 2
		var arrived, left sync.WaitGroup
		if d.Engine() == db.Postgres { // SQLite runs one closure at a time
			arrived.Add(callers)
		}
		answers := make([]int, callers)
		for i := range callers {
			var first sync.Once
			left.Go(func() {
				var err error
				answers[i], err = tx.Once(t.Context(), s, key, nil, func(*tx.Tx) (int, error) {
					if d.Engine() == db.Postgres {
						first.Do(arrived.Done)
						arrived.Wait() // none has seen another's answer
					}
					return i, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		left.Wait()
		if len(slices.Compact(answers)) != 1 {
			t.Errorf("the answers are %v", answers)
		}
	})
}

// What a unit of work costs on PostgreSQL: BEGIN, the clock, the locks and the question for an earlier answer; then
// whatever it reads; then all rows with COMMIT.
func TestRoundTrips(t *testing.T) {
	p, d := dbtest.ThroughProxy(t, schema.Files)
	s, _ := fill(t, d)
	for name, accounts := range map[string][]mail.AccountID{"one account": {10}, "three accounts": {10, 11, 12}} {
		var trips int64
		for range 3 { // the first time statements are prepared
			before := p.Trips()
			_, err := tx.Once(t.Context(), s, tx.NewKey(), accounts, func(w *tx.Tx) (int, error) {
				for _, a := range accounts {
					w.Changed(change(a, 1))
				}
				return 1, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			trips = p.Trips() - before
		}
		if trips != 2 {
			t.Errorf("%s: %d round trips, want 2", name, trips)
		}
	}
}

// Answers are kept for DoneKept, and forgotten some at a time.
func TestForgetDone(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		now := time.UnixMilli(1_700_000_000_000)
		s, _ := fill(t, open(func(o *db.Options) { o.Now = func() time.Time { return now } }))
		once := func(key tx.Key) (ran bool) {
			if _, err := tx.Once(t.Context(), s, key, []mail.AccountID{10}, func(*tx.Tx) (int, error) { ran = true; return 0, nil }); err != nil {
				t.Fatal(err)
			}
			return ran
		}
		forget := func(limit int) int64 {
			n, err := s.ForgetDone(t.Context(), limit)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		long := tx.NewKey()
		if _, err := tx.Once(t.Context(), s, long, []mail.AccountID{10}, func(t *tx.Tx) (int, error) { t.KeepAnswer(time.Hour); return 0, nil }); err != nil {
			t.Fatal(err)
		}
		keys := []tx.Key{tx.NewKey(), tx.NewKey(), tx.NewKey()}
		for _, key := range keys {
			once(key)
		}
		now = now.Add(tx.DoneKept)
		if n := forget(10); n != 0 || once(keys[0]) {
			t.Errorf("%d answers are forgotten before their time", n)
		}
		now = now.Add(time.Millisecond)
		if a, b := forget(2), forget(2); a != 2 || b != 1 || !once(keys[0]) {
			t.Errorf("%d, then %d answers are forgotten", a, b)
		}
		if once(long) {
			t.Error("what was to be kept longer is forgotten")
		}
		now = now.Add(time.Hour)
		if n := forget(1); n != 1 || !once(long) {
			t.Errorf("%d answers that were kept longer are forgotten in the end", n)
		}
	})
}
