package tx_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// bell notes what was rung.
type bell struct {
	mu   sync.Mutex
	rung []mail.StateChange
}

func (b *bell) Ring(c mail.StateChange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rung = append(b.rung, c)
}

func (b *bell) take() []mail.StateChange {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.rung
	b.rung = nil
	return out
}

// each runs test on every engine with the accounts 10, 11 and 12.
func each(t *testing.T, test func(t *testing.T, s *tx.Store, d *db.DB, b *bell)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		d := open()
		s, b := fill(t, d)
		test(t, s, d, b)
	})
}

// fill opens a Store on a database and makes the accounts.
func fill(t *testing.T, d *db.DB) (*tx.Store, *bell) {
	t.Helper()
	for id := mail.AccountID(10); id <= 12; id++ {
		addAccount(t, d, id)
	}
	b := new(bell)
	s, err := tx.New(t.Context(), tx.Options{DB: d, Bell: b})
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

func addAccount(t testing.TB, d *db.DB, id mail.AccountID) {
	t.Helper()
	err := d.Write(t.Context(), 0, func(d *db.Tx) error {
		d.Queue(`INSERT INTO account (id, state, epoch, modseq, log_floor, last_uidvalidity, quota_bytes, quota_messages,
			used_bytes, used_messages, wrapped_key) VALUES ($1, 'here', 1, 0, 0, 0, 0, 0, 0, 0, $2)`, id, []byte{1})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func change(a mail.AccountID, object int64) tx.Change {
	return tx.Change{Account: a, Kind: tx.KindEmail, Op: tx.Created, Object: object}
}

func log(t *testing.T, s *tx.Store, a mail.AccountID, since mail.ModSeq) (out []tx.Change) {
	t.Helper()
	err := s.Read(t.Context(), func(r *tx.Tx) error {
		out = nil
		return r.Changes(a, since, func(c tx.Change) bool { out = append(out, c); return true })
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAChangeIsLoggedNumberedAndRung(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, _ *db.DB, b *bell) {
		err := s.Write(t.Context(), []mail.AccountID{11, 10, 11}, func(w *tx.Tx) error {
			w.Changed(change(10, 100))
			w.Changed(change(11, 101))
			w.Changed(change(11, 102))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if rung := b.take(); !slices.Equal(rung, []mail.StateChange{{Account: 10, State: 1}, {Account: 11, State: 1}}) {
			t.Errorf("rung %v", rung)
		}
		got := log(t, s, 11, 0)
		if len(got) != 2 || got[0].Object != 101 || got[1].Object != 102 || got[1].ModSeq != 1 {
			t.Errorf("the log of 11 is %+v", got)
		}
		if got := log(t, s, 10, 1); len(got) != 0 {
			t.Errorf("after 1, the log of 10 is %+v", got)
		}
	})
}

// hasty reads as soon as it is rung, as a reader may.
type hasty struct {
	d     *db.DB
	heard []mail.StateChange
	early error
}

func (h *hasty) Ring(c mail.StateChange) {
	h.heard = append(h.heard, c)
	err := h.d.Read(context.Background(), func(q *db.Tx) error {
		var state mail.ModSeq
		err := q.QueryRow(`SELECT modseq FROM account WHERE id = $1`, c.Account).Scan(&state)
		if err == nil && state < c.State {
			err = fmt.Errorf("rung at %d, and found at %d", c.State, state)
		}
		return err
	})
	h.early = errors.Join(h.early, err)
}

// Who hears the bell finds at least the number it said.
func TestTheBellIsRungAfterTheCommit(t *testing.T) {
	each(t, func(t *testing.T, _ *tx.Store, d *db.DB, _ *bell) {
		h := &hasty{d: d}
		s, err := tx.New(t.Context(), tx.Options{DB: d, Bell: h})
		if err != nil {
			t.Fatal(err)
		}
		for object := range int64(3) {
			if err := s.Write(t.Context(), []mail.AccountID{10, 11}, func(w *tx.Tx) error {
				w.Changed(change(10, object))
				w.Changed(change(11, object))
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if h.early != nil || len(h.heard) != 6 {
			t.Errorf("%d rings: %v", len(h.heard), h.early)
		}
	})
}

// At most 256 changed objects share a number, and the next write goes on after the last.
func TestManyChangesTakeSeveralNumbers(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, _ *db.DB, b *bell) {
		for range 2 {
			err := s.Write(t.Context(), []mail.AccountID{10}, func(w *tx.Tx) error {
				for i := range 600 {
					w.Changed(change(10, int64(i)))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if rung := b.take(); !slices.Equal(rung, []mail.StateChange{{Account: 10, State: 3}, {Account: 10, State: 6}}) {
			t.Errorf("rung %v", rung)
		}
		perNumber := map[mail.ModSeq]int{}
		for _, c := range log(t, s, 10, 0) {
			perNumber[c.ModSeq]++
		}
		for n := mail.ModSeq(1); n <= 6; n++ {
			if want := []int{88, 256, 256}[n%3]; perNumber[n] != want {
				t.Errorf("number %d has %d changes, want %d", n, perNumber[n], want)
			}
		}
	})
}

func TestAFailedWriteLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, _ *db.DB, b *bell) {
		boom := errors.New("boom")
		err := s.Write(t.Context(), []mail.AccountID{10}, func(w *tx.Tx) error {
			w.Changed(change(10, 1))
			return boom
		})
		if !errors.Is(err, boom) {
			t.Errorf("got %v", err)
		}
		if rung := b.take(); len(rung) != 0 || len(log(t, s, 10, 0)) != 0 {
			t.Errorf("rung %v, logged %v", rung, log(t, s, 10, 0))
		}
	})
}

// Two requests never have one key, however close they come.
func TestKeysAreDrawn(t *testing.T) {
	drawn := map[tx.Key]bool{}
	for range 10_000 {
		drawn[tx.NewKey()] = true
	}
	if len(drawn) != 10_000 {
		t.Errorf("%d of 10,000 keys are unlike the others", len(drawn))
	}
}

func TestOnceRunsOnce(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, _ *db.DB, b *bell) {
		type answer struct{ UID int }
		key, ran := tx.NewKey(), 0
		run := func(accounts ...mail.AccountID) answer {
			got, err := tx.Once(t.Context(), s, key, accounts, func(w *tx.Tx) (answer, error) {
				ran++
				w.Changed(change(11, int64(ran)))
				return answer{41 + ran}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		first, again := run(11, 12), run(12, 11)
		if first != again || first.UID != 42 {
			t.Errorf("answers %v and %v", first, again)
		}
		if got := log(t, s, 11, 0); ran != 1 || len(got) != 1 || len(b.take()) != 1 {
			t.Errorf("ran %d times, logged %v", ran, got)
		}
	})
}

// A closure whose first answer failed has no record, so that the repeat runs.
func TestOnceForgetsAFailure(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, _ *db.DB, _ *bell) {
		key := tx.NewKey()
		try := func(fail error) (int, error) {
			return tx.Once(t.Context(), s, key, []mail.AccountID{10}, func(*tx.Tx) (int, error) { return 7, fail })
		}
		if _, err := try(errors.New("no")); err == nil {
			t.Error("a failure was answered with success")
		}
		if got, err := try(nil); got != 7 || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, d *db.DB, _ *bell) {
		nothing := func(*tx.Tx) error { return nil }
		if err := s.Write(t.Context(), []mail.AccountID{10, 999}, nothing); !mail.Is(err, mail.Gone) {
			t.Errorf("an unknown account: %v", err)
		}
		many := make([]mail.AccountID, tx.MaxAccounts+1)
		for i := range many {
			many[i] = mail.AccountID(i + 1)
		}
		if err := s.Write(t.Context(), many, nothing); !mail.Is(err, mail.Limit) {
			t.Errorf("too many accounts: %v", err)
		}
		err := s.Write(t.Context(), []mail.AccountID{10}, func(w *tx.Tx) error { w.Changed(change(11, 1)); return nil })
		if err == nil {
			t.Error("an account that is not locked was changed")
		}
		if err := d.Write(t.Context(), 0, func(d *db.Tx) error {
			d.Queue(`UPDATE account SET state = 'leaving' WHERE id = 10`)
			d.Queue(`UPDATE account SET log_floor = 5 WHERE id = 11`)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), []mail.AccountID{10}, nothing); !mail.Is(err, mail.Gone) {
			t.Errorf("an account on its way to another shard: %v", err)
		}
		err = s.Read(t.Context(), func(r *tx.Tx) error { return r.Changes(11, 4, func(tx.Change) bool { return true }) })
		if !mail.Is(err, mail.Gone) {
			t.Errorf("a log that does not reach back: %v", err)
		}
	})
}

// Ids are drawn by many at once, over the end of a block, by two stores on one database, and none comes twice.
func TestIDsAreNeverReused(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, d *db.DB, _ *bell) {
		other, err := tx.New(t.Context(), tx.Options{DB: d})
		if err != nil {
			t.Fatal(err)
		}
		const perDrawer = 20_000
		drawn := make([][]int64, 8)
		var wg sync.WaitGroup
		for i := range drawn {
			store := []*tx.Store{s, other}[i%2]
			wg.Go(func() {
				for range perDrawer {
					id, err := store.NewID(context.Background())
					if err != nil {
						t.Error(err)
						return
					}
					drawn[i] = append(drawn[i], id)
				}
			})
		}
		wg.Wait()
		all := slices.Sorted(slices.Values(slices.Concat(drawn...)))
		if len(all) != len(drawn)*perDrawer || len(slices.Compact(all)) != len(drawn)*perDrawer || all[0] <= 0 {
			t.Errorf("%d ids drawn, some twice", len(all))
		}
	})
}

// Two writes over the same accounts in opposite order do not deadlock, and each sees the other whole.
func TestOppositeOrders(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, _ *db.DB, _ *bell) {
		var wg sync.WaitGroup
		for i := range 8 {
			accounts := []mail.AccountID{10, 11, 12}
			if i%2 == 1 {
				slices.Reverse(accounts)
			}
			wg.Go(func() {
				for range 25 {
					err := s.Write(t.Context(), accounts, func(w *tx.Tx) error {
						for _, a := range accounts {
							w.Changed(change(a, 1))
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for id := mail.AccountID(10); id <= 12; id++ {
			if n := len(log(t, s, id, 0)); n != 200 {
				t.Errorf("account %v has %d changes, want 200", id, n)
			}
		}
	})
}
