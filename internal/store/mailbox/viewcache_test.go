package mailbox

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// reader is the database of a cache: it counts readings, and can hold them up.
type reader struct {
	mu       sync.Mutex
	readings int
	state    mail.ModSeq
	err      error
	size     int
	hold     chan struct{} // if set, each reading waits for one value, after it took its snapshot
}

func (r *reader) refresh(_ context.Context, key viewKey, known snapshot) (snapshot, error) {
	r.mu.Lock()
	r.readings++
	state, err, hold := r.state, r.err, r.hold
	r.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if err != nil {
		return snapshot{}, err
	}
	if known.view != nil && known.at == state {
		return known, nil
	}
	v := viewOf(upTo(r.size)...)
	v.account, v.mailbox, v.status.ModSeq = key.account, key.mailbox, state
	return snapshot{v, state}, nil
}

func TestViewCacheReadsAgainForEachQuestion(t *testing.T) {
	r := &reader{state: 1}
	c := newViewCache(1<<20, r.refresh)
	key := viewKey{alice, 1}
	a, err := c.get(t.Context(), key, 0)
	if err != nil || a.Status().ModSeq != 1 {
		t.Fatal(a, err)
	}
	if b, _ := c.get(t.Context(), key, 0); b != a || r.readings != 2 {
		t.Errorf("same state, same view: %d readings", r.readings)
	}
	r.state = 5
	if b, _ := c.get(t.Context(), key, 0); b.Status().ModSeq != 5 {
		t.Errorf("an old state: %v", b.Status())
	}
	for _, atLeast := range []mail.ModSeq{1, 4, 5} {
		c.get(t.Context(), key, atLeast)
	}
	if r.readings != 3 {
		t.Errorf("what is known was asked for: %d readings", r.readings)
	}
	c.get(t.Context(), key, 6)
	if r.readings != 4 {
		t.Errorf("what is not known was not asked for: %d readings", r.readings)
	}
}

// Many who ask at once share readings, but none gets a state older than its question.
func TestViewCacheSharesReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{state: 1, hold: make(chan struct{})}
		c := newViewCache(1<<20, r.refresh)
		key := viewKey{alice, 1}
		var wg sync.WaitGroup
		ask := func(n int, want mail.ModSeq) {
			for range n {
				wg.Go(func() {
					v, err := c.get(t.Context(), key, 0)
					if err != nil || v.Status().ModSeq < want {
						t.Errorf("got %v, %v, want state %d", v, err, want)
					}
				})
			}
			synctest.Wait()
		}
		ask(1, 1) // begins a reading, whose snapshot is at 1
		r.mu.Lock()
		r.state = 2 // a commit
		r.mu.Unlock()
		ask(100, 2) // these must not get that snapshot
		if r.readings != 1 {
			t.Errorf("%d readings at once", r.readings)
		}
		r.hold <- struct{}{}
		synctest.Wait()
		ask(100, 2)
		r.hold <- struct{}{}
		r.hold <- struct{}{}
		wg.Wait()
		if r.readings != 3 {
			t.Errorf("%d readings for 201 questions, want 3", r.readings)
		}
	})
}

func TestViewCacheACallerThatGivesUpEndsNobodysReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{state: 1, hold: make(chan struct{})}
		c := newViewCache(1<<20, r.refresh)
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp, got := make(chan error, 1), make(chan error, 1)
		go func() { _, err := c.get(ctx, viewKey{alice, 1}, 0); gaveUp <- err }()
		synctest.Wait()
		cancel()
		if err := <-gaveUp; !mail.Is(err, mail.Unavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		go func() { _, err := c.get(t.Context(), viewKey{alice, 1}, 0); got <- err }()
		synctest.Wait()
		r.hold <- struct{}{}
		r.hold <- struct{}{}
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
}

func TestViewCacheIsBounded(t *testing.T) {
	r := &reader{state: 1, size: 100}
	one := viewOf(upTo(100)...).weight()
	c := newViewCache(3*one, r.refresh)
	for id := range mail.MailboxID(10) {
		c.get(t.Context(), viewKey{alice, id + 1}, 0)
		c.get(t.Context(), viewKey{alice, 1}, 1) // in use all the time
	}
	if r.readings != 10 {
		t.Errorf("%d readings, want one of each", r.readings)
	}
	if len(c.entries) != 3 || c.used.Len() != 3 || c.weight != 3*one {
		t.Errorf("%d views of %d bytes", len(c.entries), c.weight)
	}
	if c.entries[viewKey{alice, 1}] == nil || c.entries[viewKey{alice, 10}] == nil {
		t.Error("the wrong views were dropped")
	}
	r.size = 10_000 // larger than the cache: kept alone
	c.get(t.Context(), viewKey{bob, 1}, 0)
	if len(c.entries) != 1 || c.weight <= 3*one {
		t.Errorf("%d views of %d bytes", len(c.entries), c.weight)
	}
}

func TestViewCacheKeepsNothingOfAFailure(t *testing.T) {
	r := &reader{state: 1, err: mail.E("test", mail.NotFound, nil)}
	c := newViewCache(1<<20, r.refresh)
	for id := range mail.MailboxID(100) {
		if _, err := c.get(t.Context(), viewKey{alice, id}, 0); !mail.Is(err, mail.NotFound) {
			t.Fatal(err)
		}
	}
	if len(c.entries) != 0 || c.used.Len() != 0 || c.weight != 0 {
		t.Errorf("%d entries", len(c.entries))
	}
	r.err = nil
	v, _ := c.get(t.Context(), viewKey{alice, 1}, 0)
	r.err, r.state = mail.E("test", mail.Unavailable, nil), 2
	if _, err := c.get(t.Context(), viewKey{alice, 1}, 0); !mail.Is(err, mail.Unavailable) {
		t.Error(err)
	}
	if again, err := c.get(t.Context(), viewKey{alice, 1}, 1); again != v || err != nil {
		t.Errorf("the view that was known is lost: %v", err)
	}
}

// Sessions and a writer at once: what a caller reads holds every commit answered before.
func TestViewsWhileMailArrives(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		const n = 40
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				known := r.view(alice, in.ID)
				for known.Len() < n {
					v, err := r.View(t.Context(), alice, in.ID)
					if err != nil || v.Len() < known.Len() {
						t.Errorf("%d after %d messages, %v", v.Len(), known.Len(), err)
						return
					}
					if d := Compare(known, v); len(d.Added) != v.Len()-known.Len() || len(d.Expunged) != 0 {
						t.Errorf("diff %+v", d)
					}
					known = v
				}
			})
		}
		for i := range n {
			a := r.append(alice, in.ID, testMessage("m"))
			v, err := r.ViewSince(t.Context(), alice, in.ID, a.ModSeq)
			if err != nil || v.Len() < i+1 {
				t.Fatalf("%d messages after %d, %v", v.Len(), i+1, err)
			}
		}
		wg.Wait()
	})
}

func TestAViewIsReadAnewWhenTheLogCannotBeFollowed(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		r.fill(alice, in.ID, 5)
		r.view(alice, in.ID)
		breaks := map[string][]string{
			"unknown-kind-of-change": {`UPDATE change SET kind = 77, op = 3, uid = 0, mailbox_id = 0 WHERE modseq = (SELECT MAX(modseq) FROM change WHERE account_id = 10)`},
			"below-the-floor":        {`UPDATE account SET log_floor = modseq WHERE id = 10`, `DELETE FROM change WHERE account_id = 10`},
		}
		for name, damage := range breaks {
			_, err := r.StoreFlags(t.Context(), alice, in.ID, set("1:5"), FlagChange{Flags: flags(name)})
			r.must(err)
			for _, sql := range damage {
				r.must(r.write(alice, func(t *tx.Tx) error { _, err := t.SQL().Exec(sql); return err }))
			}
			if v := r.view(alice, in.ID); v.Len() != 5 || len(v.Keywords(v.At(5))) != 1 || v.Keywords(v.At(5))[0] != name {
				t.Errorf("%s: %d messages, the last with %q", name, v.Len(), v.Keywords(v.At(5)))
			}
		}
		r.append(alice, in.ID, testMessage("x"))
		r.must(r.write(alice, func(t *tx.Tx) error { _, err := t.SQL().Exec(`DELETE FROM change`); return err }))
		if v := r.view(alice, in.ID); v.Len() != 6 { // the log has nothing, the counters say so
			t.Errorf("%d messages", v.Len())
		}
	})
}
