package search_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// watch is an Observer that can be waited for.
type watch struct {
	mu      sync.Mutex
	indexed int
	changed chan struct{}
}

func (w *watch) Indexed(emails int, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.indexed += emails
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watch) Behind(int) {}

// until waits until so many emails were indexed.
func (w *watch) until(t *testing.T, n int) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		w.mu.Lock()
		indexed, changed := w.indexed, w.changed
		w.mu.Unlock()
		if indexed >= n {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%d emails are indexed, want %d", indexed, n)
		}
	}
}

// bell rings the index that is there.
type bell struct{ index atomic.Pointer[search.Index] }

func (b *bell) Ring(c mail.StateChange) {
	if x := b.index.Load(); x != nil {
		x.Ring(c)
	}
}

// The worker indexes what was there when it began, and then what the bell tells of.
func TestRun(t *testing.T) {
	t.Parallel()
	d := dbtest.OnSQLite(t, schema.Files)()
	s := newStore(t, d)
	for i := range 3 {
		s.deliver(text(fmt.Sprint(i), "word"), alice)
	}
	b := new(bell)
	var err error
	s.tx, err = tx.New(t.Context(), tx.Options{DB: d, Bell: b})
	s.must(err)
	w := &watch{changed: make(chan struct{})}
	s.index = search.NewIndex(search.Options{Tx: s.tx, Bodies: s.bodies, Observe: w})
	b.index.Store(s.index)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.index.Run(ctx) })
	w.until(t, 3)
	s.deliver(text("late", "word"), alice, bob)
	w.until(t, 5)
	stop()
	running.Wait()
	s.want(anywhere("word"), alice, 4, 0)
	s.want(anywhere("word"), bob, 1, 0)
}

// failing are bodies that cannot be opened now.
type failing struct {
	search.Bodies
	err error
}

func (f *failing) Open(ctx context.Context, account mail.AccountID, id mail.BlobID) (blob.Reader, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Bodies.Open(ctx, account, id)
}

// While bodies cannot be read the index waits; one that is damaged does not hold up the others.
func TestBodiesThatCannotBeRead(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		f := &failing{Bodies: s.bodies, err: mail.E("test", mail.Unavailable, errors.New("not now"))}
		s.index = search.NewIndex(search.Options{Tx: s.tx, Bodies: f})
		s.deliver(text("one", "word"), alice)
		if _, err := s.index.Step(t.Context(), alice, false); err != nil {
			t.Fatal(err) // begins
		}
		if _, err := s.index.Step(t.Context(), alice, false); !mail.Is(err, mail.Unavailable) {
			t.Fatal(err)
		}
		f.err = nil
		s.catchUp(alice)
		s.want(anywhere("word"), alice, 1, 0)
		f.err = errors.New("damaged")
		s.deliver(text("two", "word"), alice)
		s.catchUp(alice)
		f.err = nil
		s.deliver(text("three", "word"), alice)
		s.catchUp(alice)
		s.want(anywhere("word"), alice, 3, 1)
	})
}

// A step whose commit fails has done nothing, and is done again.
func TestStepCutOff(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		for i := range 10 {
			s.deliver(text(fmt.Sprint(i), strings.Repeat("word ", 20_000)), alice)
		}
		s.catchUp(alice)
		s.must(s.index.Rebuild(t.Context(), alice))
		more := true
		for n := 0; more; n++ {
			ctx, cancel := context.WithCancel(t.Context())
			if n%2 == 0 {
				cancel()
			}
			var err error
			if again, stepped := s.index.Step(ctx, alice, false); n%2 == 0 {
				if stepped == nil {
					t.Fatal("a step went on without its context")
				}
			} else {
				more, err = again, stepped
			}
			cancel()
			s.must(err)
			s.want(anywhere("word"), alice, 10, s.notYet(alice))
		}
		if n := s.entries(alice); n != 10 {
			t.Errorf("%d entries, want 10", n)
		}
	})
}

// Recipients of one message are indexed from one reading of it.
func TestOneReadingForAll(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		f := &failing{Bodies: s.bodies}
		s.index = search.NewIndex(search.Options{Tx: s.tx, Bodies: f})
		s.deliver(text("one", "word"), alice, bob)
		s.catchUp(alice)
		f.err = errors.New("it was read before")
		s.catchUp(bob)
		f.err = nil
		s.want(anywhere("word"), bob, 1, 0)
	})
}

// chorus rings several indexes, as the bus does on every node.
type chorus []*search.Index

func (c chorus) Ring(change mail.StateChange) {
	for _, x := range c {
		x.Ring(change)
	}
}

// Two nodes keep up a part of the accounts each, whichever takes the mail, or is told to make an index anew.
func TestParts(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		d := open()
		s := newStore(t, d)
		bus := inprocess.New()
		var nodes chorus
		watches := make([]*watch, 2)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for i := range watches {
			watches[i] = &watch{changed: make(chan struct{})}
			x := search.NewIndex(search.Options{Tx: s.tx, Bodies: s.bodies, Observe: watches[i], Bus: bus, Parts: 2})
			nodes = append(nodes, x)
			running.Go(func() { x.RunPart(ctx, i) })
		}
		defer running.Wait()
		defer stop()
		var err error
		s.tx, err = tx.New(t.Context(), tx.Options{DB: d, Bell: nodes})
		s.must(err)
		want := [2]int{}
		for i := range 4 {
			s.deliver(text(fmt.Sprint(i), "word"), alice, bob)
			want[uint64(alice)%2]++
			want[uint64(bob)%2]++
		}
		for i, w := range watches {
			w.until(t, want[i])
		}
		s.must(nodes[1-uint64(alice)%2].Rebuild(t.Context(), alice)) // by the node that does not keep it up
		want[uint64(alice)%2] += 4
		for i, w := range watches {
			w.until(t, want[i])
			if w.indexed != want[i] {
				t.Errorf("node %d has indexed %d emails, want %d", i, w.indexed, want[i])
			}
		}
	})
}
