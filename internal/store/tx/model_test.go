package tx_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// TestModel holds the log, the numbers, the bell and the answers equal to a simple model, over units of work one after
// another. Each round has accounts of its own.
func TestModel(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, d *db.DB, b *bell) {
		next := mail.AccountID(1000)
		rapid.Check(t, func(rt *rapid.T) {
			m := &model{s: s, b: b, last: map[mail.AccountID]mail.ModSeq{}, log: map[mail.AccountID][]tx.Change{}, answers: map[tx.Key]int{}}
			for range 3 {
				addAccount(t, d, next)
				m.accounts = append(m.accounts, next)
				next++
			}
			b.take()
			for range rapid.IntRange(1, 6).Draw(rt, "steps") { // few: each is a commit, and a log is soon long enough
				rapid.SampledFrom([]func(*rapid.T){m.write, m.write, m.again}).Draw(rt, "step")(rt)
			}
			m.check(rt)
		})
	})
}

// model is what is known of some accounts.
type model struct {
	s        *tx.Store
	b        *bell
	accounts []mail.AccountID
	last     map[mail.AccountID]mail.ModSeq
	log      map[mail.AccountID][]tx.Change
	keys     []tx.Key
	answers  map[tx.Key]int
}

var errOnPurpose = errors.New("on purpose")

// write makes changes to some accounts under a new key, and may fail.
func (m *model) write(rt *rapid.T) {
	accounts := rapid.SliceOfNDistinct(rapid.SampledFrom(m.accounts), 1, 3, rapid.ID).Draw(rt, "accounts")
	counts := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 2, 31, 32, 33, 255, 256, 257, 300}), len(accounts), len(accounts)).Draw(rt, "changes")
	fail := rapid.Bool().Draw(rt, "fail")
	key, answer := tx.NewKey(), len(m.keys)
	made := map[mail.AccountID][]tx.Change{}
	got, err := tx.Once(rt.Context(), m.s, key, accounts, func(w *tx.Tx) (int, error) {
		for i, a := range accounts {
			made[a] = nil
			for n := range counts[i] {
				c := change(a, int64(n))
				promised := w.ModSeq(a)
				if c.ModSeq = w.Changed(c); c.ModSeq != promised {
					rt.Errorf("the number is %d, not %d as promised", c.ModSeq, promised)
				}
				made[a] = append(made[a], c)
			}
		}
		if fail {
			return 0, errOnPurpose
		}
		return answer, nil
	})
	rung := m.b.take()
	if fail {
		if !errors.Is(err, errOnPurpose) || len(rung) > 0 {
			rt.Fatalf("a write that fails: %v, rung %v", err, rung)
		}
		return
	}
	if err != nil || got != answer {
		rt.Fatalf("answer %d, %v, want %d", got, err, answer)
	}
	m.keys = append(m.keys, key)
	m.answers[key] = answer
	for _, a := range slices.Sorted(slices.Values(accounts)) {
		m.changed(rt, a, made[a])
		if len(made[a]) == 0 {
			continue
		}
		if want := (mail.StateChange{Account: a, State: m.last[a]}); len(rung) == 0 || rung[0] != want {
			rt.Fatalf("rung %v, want %v", rung, want)
		}
		rung = rung[1:]
	}
	if len(rung) > 0 {
		rt.Errorf("rung besides: %v", rung)
	}
}

// changed adds a commit to the log of an account. Its numbers are above all before, and none stands for too many changes.
func (m *model) changed(rt *rapid.T, a mail.AccountID, made []tx.Change) {
	per := map[mail.ModSeq]int{}
	before, last := m.last[a], m.last[a]
	for _, c := range made {
		if per[c.ModSeq]++; c.ModSeq <= before || c.ModSeq < last || per[c.ModSeq] > 256 {
			rt.Fatalf("number %d after %d, for %d changes", c.ModSeq, last, per[c.ModSeq])
		}
		last = c.ModSeq
	}
	m.last[a] = last
	m.log[a] = append(m.log[a], made...)
}

// again repeats a unit of work under a key that has committed.
func (m *model) again(rt *rapid.T) {
	if len(m.keys) == 0 {
		return
	}
	key := rapid.SampledFrom(m.keys).Draw(rt, "key")
	// The answer lies with the lowest of its accounts; which one that was does not matter here.
	for _, accounts := range [][]mail.AccountID{{m.accounts[0]}, {m.accounts[1]}, {m.accounts[2]}} {
		got, err := tx.Once(rt.Context(), m.s, key, accounts, func(*tx.Tx) (int, error) { return 0, errOnPurpose })
		if err == nil && got == m.answers[key] {
			if rung := m.b.take(); len(rung) > 0 {
				rt.Errorf("a repetition rang %v", rung)
			}
			return
		}
		if !errors.Is(err, errOnPurpose) {
			rt.Fatalf("answer %d, %v, want %d", got, err, m.answers[key])
		}
	}
	rt.Errorf("the answer %d is lost", m.answers[key])
}

// check reads all logs, and each from some number on.
func (m *model) check(rt *rapid.T) {
	for _, a := range m.accounts {
		since := rapid.SampledFrom([]mail.ModSeq{0, m.last[a] / 2, m.last[a], m.last[a] + 1}).Draw(rt, "since")
		var want, got []tx.Change
		for _, c := range m.log[a] {
			if c.ModSeq > since {
				want = append(want, c)
			}
		}
		var state mail.ModSeq
		err := m.s.Read(rt.Context(), func(r *tx.Tx) (err error) {
			got = nil
			if state, _, err = r.State(a); err != nil {
				return err
			}
			return r.Changes(a, since, func(c tx.Change) bool { got = append(got, c); return true })
		})
		if err != nil || state < m.last[a] || !slices.Equal(got, want) {
			rt.Fatalf("account %v at %d since %d: %v\n got %v\nwant %v", a, state, since, err, got, want)
		}
	}
}

// TestOrderOfNumbersIsOrderOfVisibility has many write to the same accounts while readers follow the logs, each from the
// state that its last snapshot had: what they have read is in the end the whole log. A number that became visible after a
// higher one would be missing.
func TestOrderOfNumbersIsOrderOfVisibility(t *testing.T) {
	each(t, func(t *testing.T, s *tx.Store, d *db.DB, _ *bell) {
		accounts := []mail.AccountID{10, 11, 12}
		const writers, writes = 6, 40
		var writing, reading sync.WaitGroup
		stop := make(chan struct{})
		readers := make([]*follower, len(accounts))
		for i, a := range accounts {
			readers[i] = &follower{t: t, s: s, account: a}
			reading.Go(func() { readers[i].follow(stop) })
		}
		for n := range writers {
			writing.Go(func() {
				for i := range writes {
					some := []mail.AccountID{accounts[(n+i)%3], accounts[n%3]}
					if err := s.Write(t.Context(), some, func(w *tx.Tx) error {
						for c := range 1 + 300*(i%8/7) { // now and then more than one number
							w.Changed(change(some[0], int64(n<<32|i<<16|c)))
						}
						w.Changed(change(some[1], int64(n)))
						return nil
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writing.Wait()
		close(stop)
		reading.Wait()
		for i, a := range accounts {
			whole := log(t, s, a, 0)
			if !slices.Equal(readers[i].seen, whole) {
				t.Errorf("account %v: a reader saw %d changes, the log has %d", a, len(readers[i].seen), len(whole))
			}
		}
	})
}

// follower reads an account's log as a client does.
type follower struct {
	t       *testing.T
	s       *tx.Store
	account mail.AccountID
	state   mail.ModSeq
	seen    []tx.Change
}

// follow reads until stop, and once more after it.
func (f *follower) follow(stop <-chan struct{}) {
	for over := false; !over; {
		select {
		case <-stop:
			over = true
		default:
		}
		var state mail.ModSeq
		var news []tx.Change
		err := f.s.Read(f.t.Context(), func(r *tx.Tx) (err error) {
			news = nil
			if state, _, err = r.State(f.account); err != nil {
				return err
			}
			return r.Changes(f.account, f.state, func(c tx.Change) bool { news = append(news, c); return true })
		})
		if err != nil {
			f.t.Error(err)
			return
		}
		if len(news) > 0 && news[len(news)-1].ModSeq > state {
			f.t.Errorf("a snapshot at %d holds %d", state, news[len(news)-1].ModSeq)
		}
		f.seen, f.state = append(f.seen, news...), state
	}
}
