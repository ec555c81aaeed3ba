package realtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/mail"
)

func state(account, n int64) mail.StateChange {
	return mail.StateChange{Account: mail.AccountID(account), State: mail.ModSeq(n)}
}

// take returns the notice that waits, or the zero notice.
func take(w *Watch) mail.StateChange {
	select {
	case c := <-w.C():
		return c
	default:
		return mail.StateChange{}
	}
}

func wantNotice(t *testing.T, w *Watch, want mail.StateChange) {
	t.Helper()
	if got := take(w); got != want {
		t.Errorf("notice %v, want %v", got, want)
	}
}

func TestRingReachesEveryWatchOfTheAccount(t *testing.T) {
	bus := inprocess.New()
	here, there := New(Options{Bus: bus}), New(Options{Bus: bus}) // two nodes
	a1, a2, b := here.Watch(1), there.Watch(1), here.Watch(2)
	here.Ring(state(1, 7))
	wantNotice(t, a1, state(1, 7))
	wantNotice(t, a2, state(1, 7))
	wantNotice(t, b, mail.StateChange{})
}

// One ring tells of many watches, and never makes who rings wait.
func TestWatchInto(t *testing.T) {
	r := New(Options{Bus: inprocess.New()})
	ring := make(chan struct{}, 1)
	a, b := r.WatchInto(1, ring), r.WatchInto(2, ring)
	r.Ring(state(3, 1))
	if len(ring) != 0 {
		t.Error("it rings for an account that is not watched")
	}
	r.Ring(state(1, 1))
	r.Ring(state(2, 1))
	r.Ring(state(1, 2))
	if len(ring) != 1 {
		t.Error("it does not ring")
	}
	wantNotice(t, a, state(1, 2))
	wantNotice(t, b, state(2, 1))
	<-ring
	a.Close()
	r.Ring(state(1, 3))
	r.Ring(state(2, 1)) // heard before
	if len(ring) != 0 {
		t.Error("it rings for what is closed, or known")
	}
}

func TestNewestWins(t *testing.T) {
	r := New(Options{Bus: inprocess.New()})
	w := r.Watch(1)
	for n := range int64(1000) { // nobody receives: none of these may block
		r.Ring(state(1, n+1))
	}
	r.Ring(state(1, 500)) // late
	wantNotice(t, w, state(1, 1000))
	r.Ring(state(1, 1000)) // twice
	r.Ring(state(1, 999))
	wantNotice(t, w, mail.StateChange{})
	r.Ring(state(1, 1001))
	wantNotice(t, w, state(1, 1001))
}

func TestSeen(t *testing.T) {
	r := New(Options{Bus: inprocess.New()})
	w := r.Watch(1)
	r.Ring(state(1, 5))
	w.Seen(4)
	wantNotice(t, w, state(1, 5)) // news to who has seen 4
	r.Ring(state(1, 6))
	w.Seen(6)
	wantNotice(t, w, mail.StateChange{})
	w.Seen(8)
	r.Ring(state(1, 8))
	wantNotice(t, w, mail.StateChange{})
	r.Ring(state(1, 9))
	wantNotice(t, w, state(1, 9))
}

func TestClose(t *testing.T) {
	r := New(Options{Bus: inprocess.New()})
	a, b := r.Watch(1), r.Watch(1)
	a.Close()
	a.Close()
	r.Ring(state(1, 3))
	wantNotice(t, a, mail.StateChange{})
	wantNotice(t, b, state(1, 3))
	b.Close()
	if left := r.watched(); len(left) != 0 {
		t.Errorf("accounts still watched: %v", left)
	}
	c := r.Watch(1)
	r.Close()
	r.Ring(state(1, 4))
	wantNotice(t, c, mail.StateChange{})
}

type observer struct {
	mu        sync.Mutex
	delays    []time.Duration
	recovered int
}

func (o *observer) Delay(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.delays = append(o.delays, d)
}

func (o *observer) Recovered(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.recovered += n
}

// lateBus delivers later than it was told, by the fake clock of synctest.
type lateBus struct {
	inprocess.Bus
	late time.Duration
}

func (b *lateBus) Publish(subject string, payload []byte) {
	time.Sleep(b.late)
	b.Bus.Publish(subject, payload)
}

func TestDelayIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o observer
		r := New(Options{Bus: &lateBus{late: 3 * time.Millisecond}, Observe: &o})
		r.Ring(state(1, 1)) // nobody watches: no delay
		w := r.Watch(1)
		r.Ring(state(1, 2))
		r.Ring(state(1, 2)) // no news: no delay
		wantNotice(t, w, state(1, 2))
		if len(o.delays) != 1 || o.delays[0] != 3*time.Millisecond {
			t.Errorf("delays %v, want one of 3ms", o.delays)
		}
	})
}

// states is a store that knows some accounts.
type states struct {
	mu    sync.Mutex
	at    map[mail.AccountID]mail.ModSeq
	asked []int // accounts a question
	err   error
}

func (s *states) States(_ context.Context, ids []mail.AccountID) (out []mail.StateChange, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, len(ids))
	for _, id := range ids {
		if at, ok := s.at[id]; ok {
			out = append(out, mail.StateChange{Account: id, State: at})
		}
	}
	return out, s.err
}

func TestPollFindsLostNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{Bus: inprocess.New()})
		lost, fresh, unknown := r.Watch(1), r.Watch(2), r.Watch(3)
		store := &states{at: map[mail.AccountID]mail.ModSeq{1: 10, 2: 20}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go r.Run(ctx, store, func(err error) { t.Errorf("poll: %v", err) })
		r.Ring(state(2, 20))
		wantNotice(t, fresh, state(2, 20))

		time.Sleep(PollInterval)
		synctest.Wait()
		wantNotice(t, lost, state(1, 10))
		wantNotice(t, fresh, mail.StateChange{})
		wantNotice(t, unknown, mail.StateChange{})

		time.Sleep(PollInterval)
		synctest.Wait()
		wantNotice(t, lost, mail.StateChange{})
	})
}

// Only what was lost is counted: not what was there before the watch, nor a notice that comes after the question which
// found its change already.
func TestOnlyLostNoticesAreCounted(t *testing.T) {
	for _, c := range []struct {
		name string
		ring func(r *Realtime, round int64) // once the store has answered round: the account's state is 10 times that
		want int
	}{
		{"none comes", func(*Realtime, int64) {}, 3},
		{"all come late", func(r *Realtime, round int64) { r.Ring(state(1, 10*round)) }, 0},
		{"all come early", func(r *Realtime, round int64) { r.Ring(state(1, 10*round+10)) }, 0},
		{"one does not come", func(r *Realtime, round int64) {
			if round != 3 {
				r.Ring(state(1, 10*round))
			}
		}, 1},
		{"a newer one comes in its place", func(r *Realtime, round int64) { r.Ring(state(1, 10*round+5)) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var o observer
			r := New(Options{Bus: inprocess.New(), Observe: &o})
			w := r.Watch(1)
			defer w.Close()
			for round := int64(1); round <= 5; round++ { // the last one's notice may still come
				store := &states{at: map[mail.AccountID]mail.ModSeq{1: mail.ModSeq(10 * round)}}
				if err := r.Poll(t.Context(), store); err != nil {
					t.Fatal(err)
				}
				c.ring(r, round)
			}
			if o.recovered != c.want {
				t.Errorf("%d recovered, want %d", o.recovered, c.want)
			}
		})
	}
}

func TestPollAsksInPieces(t *testing.T) {
	r := New(Options{Bus: inprocess.New()})
	store := &states{}
	if err := r.Poll(t.Context(), store); err != nil || len(store.asked) != 0 {
		t.Errorf("with no watch: asked %v, error %v", store.asked, err)
	}
	for i := range mail.AccountID(2500) {
		r.Watch(i + 1)
		r.Watch(i + 1) // twice watched is asked once
	}
	if err := r.Poll(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(store.asked); got != "[1000 1000 500]" {
		t.Errorf("asked %s accounts, want [1000 1000 500]", got)
	}
}

func TestPollGoesOnAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{Bus: inprocess.New()})
		w := r.Watch(1)
		store := &states{at: map[mail.AccountID]mail.ModSeq{1: 1}, err: errors.New("no database")}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		failures := 0
		go r.Run(ctx, store, func(error) { failures++ })
		time.Sleep(PollInterval)
		synctest.Wait()
		if failures != 1 {
			t.Fatalf("%d failures reported, want 1", failures)
		}
		wantNotice(t, w, mail.StateChange{})
		store.mu.Lock()
		store.err = nil
		store.mu.Unlock()
		time.Sleep(PollInterval)
		synctest.Wait()
		wantNotice(t, w, state(1, 1))
	})
}

// Whatever order notices come in, the last one a reader receives is the highest, and what it receives only grows.
func TestWatchModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := New(Options{Bus: inprocess.New()})
		w := r.Watch(1)
		var highest, received, seen mail.ModSeq
		t.Repeat(map[string]func(*rapid.T){
			"ring": func(t *rapid.T) {
				n := mail.ModSeq(rapid.IntRange(1, 50).Draw(t, "state"))
				r.Ring(mail.StateChange{Account: 1, State: n})
				highest = max(highest, n)
			},
			"receive": func(t *rapid.T) {
				c := take(w)
				if c.State == 0 {
					if highest > max(received, seen) {
						t.Fatalf("nothing to receive, but %d was rung after %d", highest, received)
					}
					return
				}
				if c.State != highest || c.State <= received {
					t.Fatalf("received %d after %d, want %d", c.State, received, highest)
				}
				received = c.State
			},
			"seen": func(t *rapid.T) {
				seen = max(seen, mail.ModSeq(rapid.IntRange(1, 50).Draw(t, "state")))
				w.Seen(seen)
			},
		})
	})
}

func TestManyAtOnce(t *testing.T) {
	r := New(Options{Bus: inprocess.New()})
	var writers, readers sync.WaitGroup
	const last = 200
	for reader := range 8 {
		w := r.Watch(mail.AccountID(reader%2 + 1))
		readers.Go(func() {
			defer w.Close()
			for known := mail.ModSeq(0); known < last; {
				c := <-w.C()
				if c.State <= known {
					t.Errorf("received %d after %d", c.State, known)
				}
				known = c.State
				w.Seen(known)
			}
		})
	}
	for range 4 {
		writers.Go(func() {
			for n := range int64(last) {
				r.Ring(state(1, n+1))
				r.Ring(state(2, n+1))
				r.Watch(3).Close()
			}
		})
	}
	writers.Wait()
	readers.Wait()
}

func FuzzParseNotice(f *testing.F) {
	f.Add(notice{state(1, 2), time.Unix(3, 4)}.appendTo(nil))
	f.Add([]byte{})
	f.Add([]byte{2, 1, 1})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, ok := parseNotice(b)
		if !ok {
			return
		}
		again, ok := parseNotice(n.appendTo(nil))
		if !ok || again.StateChange != n.StateChange || !again.at.Equal(n.at) {
			t.Errorf("%v became %v", n, again)
		}
	})
}

func BenchmarkRing(b *testing.B) {
	for _, watches := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("watches=%d", watches), func(b *testing.B) {
			r := New(Options{Bus: inprocess.New()})
			for i := range watches {
				r.Watch(mail.AccountID(i + 1))
			}
			b.ReportAllocs()
			for n := int64(1); b.Loop(); n++ {
				r.Ring(state(1, n))
			}
		})
	}
}
