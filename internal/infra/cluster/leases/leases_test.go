package leases

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
)

// server is a database with a clock that the test turns.
type server struct {
	testing.TB
	db    *db.DB
	clock *dbtest.Clock
}

func each(t *testing.T, test func(t *testing.T, s *server)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		s := &server{TB: t, clock: dbtest.NewClock()}
		s.db = open(func(o *db.Options) { o.Now = s.clock.Now })
		test(t, s)
	})
}

func (s *server) do(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *server) exec(sql string, args ...any) {
	s.Helper()
	s.do(s.db.Write(context.Background(), 0, func(t *db.Tx) error { _, err := t.Exec(sql, args...); return err }))
}

// node is a node whose looks the test makes, and whose work does nothing by itself.
type node struct {
	*server
	member *members.Member
	*round
}

func (s *server) node(name string, works ...Work) *node {
	s.Helper()
	m, err := members.Join(context.Background(), members.Options{DB: s.db, Name: name, Now: s.clock.Now, Lease: 10000 * time.Hour})
	s.do(err)
	return &node{s, m, &round{Leases: New(Options{DB: s.db, Member: m}), works: works}}
}

// look makes the node look, and gives back at once what it is to let go of.
func (n *node) look() (taken []string) {
	n.Helper()
	held, err := n.round.look(context.Background())
	n.do(err)
	for _, h := range held {
		taken = append(taken, h.work.Name)
	}
	for _, h := range n.held {
		select {
		case <-h.stop:
			n.end(h.work.Name, false)
		default:
		}
	}
	n.do(n.giveBack(context.Background()))
	return taken
}

// end has a turn of work end.
func (n *node) end(name string, whole bool) {
	if h := n.held[name]; h != nil && !slices.Contains(n.ended, h) {
		h.whole = whole
		n.ended = append(n.ended, h)
	}
}

// die ends the life of the node as others do that find it expired.
func (n *node) die() {
	n.exec(`DELETE FROM node WHERE name = $1`, n.member.Life().Name)
}

func (n *node) has() []string { return slices.Sorted(maps.Keys(n.held)) }

// commit commits something under the fence of a work.
func (n *node) commit(h *Held) error {
	return n.db.Write(context.Background(), 0, func(t *db.Tx) error { return h.Fence(t) })
}

func lasting(n int) (works []Work) {
	for i := range n {
		works = append(works, Work{Name: fmt.Sprintf("part/%02d", i)})
	}
	return works
}

func TestWorkIsShared(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		works := lasting(7)
		a := s.node("a", works...)
		if got := len(a.look()); got != 7 {
			t.Errorf("who is alone takes %d of 7", got)
		}
		b, c := s.node("b", works...), s.node("c", works...)
		for range 5 {
			a.look()
			b.look()
			c.look()
		}
		counts := []int{len(a.has()), len(b.has()), len(c.has())}
		if slices.Max(counts) != 3 || counts[0]+counts[1]+counts[2] != 7 {
			t.Errorf("three nodes have %v of 7", counts)
		}
		if b.look(); len(b.has()) != counts[1] {
			t.Error("it does not come to rest")
		}
	})
}

// A node that lives and takes no work (it is of an older release, or drains) does not keep work from being done.
func TestWorkThatNobodyElseTakes(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		works := lasting(4)
		s.node("idle")
		a := s.node("a", works...)
		if a.look(); len(a.has()) != 2 {
			t.Errorf("it takes %v at once, want its share", a.has())
		}
		s.clock.Advance(patience)
		a.look()
		for range 3 {
			if a.look(); len(a.has()) != 4 {
				t.Errorf("it has %v, want all", a.has())
			}
		}
		b := s.node("b", works...)
		for range 3 {
			a.look()
			b.look()
		}
		if len(b.has()) != 2 {
			t.Errorf("who comes later has %v", b.has())
		}
	})
}

// Who is drained is not waited for, and has his share again when he serves again.
func TestWorkOfTheDrained(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		works := lasting(4)
		a, b := s.node("a", works...), s.node("b", works...)
		s.do(b.member.SetState(t.Context(), members.Drained))
		if a.look(); len(a.has()) != 4 {
			t.Errorf("a has %v while b is drained", a.has())
		}
		s.do(b.member.SetState(t.Context(), members.Serving))
		for range 3 {
			a.look()
			b.look()
		}
		if len(b.has()) != 2 {
			t.Errorf("b has %v when it serves again", b.has())
		}
	})
}

func TestWorkOfTheDead(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		w := Work{Name: "sweep", Every: time.Hour}
		s.exec(`INSERT INTO lease (name, owner, epoch, fence, since, every, due) VALUES ('sweep', '', 0, 0, 0, 3600000, 0)`)
		a, b := s.node("a", w), s.node("b", w)
		if got := a.look(); !slices.Equal(got, []string{"sweep"}) {
			t.Fatalf("a takes %v", got)
		}
		if got := b.look(); len(got) > 0 {
			t.Fatalf("b takes %v, which a does", got)
		}
		old := a.held["sweep"]
		s.do(a.commit(old))
		a.die()
		if got := b.look(); !slices.Equal(got, []string{"sweep"}) {
			t.Fatalf("b takes %v of the dead", got)
		}
		if err := a.commit(old); !errors.Is(err, ErrLost) || !mail.Is(err, mail.Unavailable) {
			t.Errorf("the commit of who was taken for dead: %v", err)
		}
		s.do(b.commit(b.held["sweep"]))
		b.end("sweep", true)
		if b.look(); len(b.has()) > 0 {
			t.Errorf("b has %v after its turn", b.has())
		}
		s.clock.Advance(time.Hour / 2)
		if got := b.look(); len(got) > 0 {
			t.Error("it is done again before it is due")
		}
		s.clock.Advance(time.Hour)
		if got := b.look(); len(got) != 1 {
			t.Error("it is not done again when it is due")
		}
		b.end("sweep", false)
		if got := b.look(); len(got) != 1 {
			t.Error("what was cut off is not done at once")
		}
	})
}

// While a holder is committing nobody takes its work: either the commit stands before, or it fails.
func TestFenceKeepsTheRow(t *testing.T) {
	w := Work{Name: "w"}
	d := dbtest.OnPostgres(t, schema.Files)()
	s := &server{TB: t, db: d, clock: dbtest.ClockAt(time.Now())}
	a, b := s.node("a", w), s.node("b", w)
	a.look()
	inside, goOn, committed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(committed)
		first := true
		err := d.Write(t.Context(), 0, func(tx *db.Tx) error {
			err := a.held["w"].Fence(tx)
			if first {
				first = false
				close(inside)
				<-goOn
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}()
	<-inside
	a.die()
	taken := make(chan struct{})
	go func() { b.look(); close(taken) }()
	select {
	case <-taken:
		t.Error("work was taken in the middle of its holder's commit")
	case <-time.After(50 * time.Millisecond): // a fault can only be missed by this, not made up
	}
	close(goOn)
	<-committed
	<-taken
	if len(b.has()) != 1 {
		t.Errorf("b has %v", b.has())
	}
}

// A random history: whoever commits under a fence is the last who took the work.
func TestModel(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		rapid.Check(t, func(r *rapid.T) {
			s.exec(`DELETE FROM lease`)
			s.exec(`DELETE FROM node`)
			works := append(lasting(3), Work{Name: "again", Every: time.Minute}, Work{Name: "seldom", Every: time.Hour})
			nodes := []*node{s.node("a", works...), s.node("b", works...)}
			last := map[string]*Held{} // who took it last
			var all []*Held
			for range 40 {
				n := nodes[rapid.IntRange(0, len(nodes)-1).Draw(r, "node")]
				switch rapid.IntRange(0, 6).Draw(r, "step") {
				case 0, 1:
					held, err := n.round.look(context.Background())
					if err != nil {
						r.Fatal(err)
					}
					for _, h := range held {
						if before := last[h.work.Name]; before != nil && before.fence >= h.fence {
							r.Fatalf("%s: fence %d follows %d", h.work.Name, h.fence, before.fence)
						}
						last[h.work.Name] = h
						all = append(all, h)
					}
				case 2:
					w := rapid.SampledFrom(works).Draw(r, "work")
					n.end(w.Name, rapid.Bool().Draw(r, "whole"))
				case 3:
					n.die()
					nodes = append(nodes, s.node("c", works...))
				case 4:
					s.clock.Advance(time.Duration(rapid.IntRange(1, 100).Draw(r, "s")) * time.Second)
				default:
					if len(all) > 0 {
						h := rapid.SampledFrom(all).Draw(r, "holder")
						if err := n.commit(h); err == nil && last[h.work.Name] != h {
							r.Fatalf("%s: a commit under fence %d stands, after %d was given", h.work.Name, h.fence, last[h.work.Name].fence)
						}
					}
				}
			}
		})
	})
}

// Two nodes run for real: the work is never done by two, is done on when its holder stops, and when it is taken for dead.
func TestRun(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		var mu sync.Mutex
		doing, most := 0, 0
		began := make(chan string, 100)
		work := func(name string) Work {
			return Work{Name: "w", Do: func(ctx context.Context, h *Held) error {
				mu.Lock()
				doing++
				most = max(most, doing)
				mu.Unlock()
				began <- name
				<-ctx.Done()
				mu.Lock()
				doing--
				mu.Unlock()
				return ctx.Err()
			}}
		}
		start := func(name string) (m *members.Member, stop func()) {
			n := s.node(name)
			ctx, cancel := context.WithCancel(context.Background())
			var running sync.WaitGroup
			running.Go(func() {
				if err := n.Run(ctx, work(name)); err != nil {
					t.Error(err)
				}
			})
			stop = sync.OnceFunc(func() { cancel(); running.Wait() })
			t.Cleanup(stop)
			return n.member, stop
		}
		_, stopA := start("a")
		if got := <-began; got != "a" {
			t.Fatal(got)
		}
		b, _ := start("b")
		stopA()
		if got := <-began; got != "b" {
			t.Fatal(got)
		}
		start("c")
		s.exec(`DELETE FROM node WHERE name = $1`, b.Life().Name)
		if got := <-began; got != "c" {
			t.Fatal(got)
		}
		mu.Lock()
		defer mu.Unlock()
		if most > 2 { // b, which does not know of its end before its next look, and c; its commits would fail
			t.Errorf("%d did it at once", most)
		}
	})
}

func TestNames(t *testing.T) {
	l := New(Options{})
	for _, name := range []string{"", string(make([]byte, MaxName+1))} {
		if err := l.Run(t.Context(), Work{Name: name}); err == nil {
			t.Errorf("a work of the name %q is taken", name)
		}
	}
}
