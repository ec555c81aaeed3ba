package members

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
)

// cluster is a database with a clock that the test turns, and the nodes on it.
type cluster struct {
	*testing.T
	clock *dbtest.Clock
	ahead time.Duration // of the database's clock
	open  func() *db.DB
	ended int // how often somebody was told that others have ended
}

func each(t *testing.T, test func(c *cluster)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		c := &cluster{T: t, clock: dbtest.NewClock()}
		c.open = func() *db.DB {
			return open(func(o *db.Options) { o.Now = func() time.Time { return c.clock.Now().Add(c.ahead) } })
		}
		test(c)
	})
}

func (c *cluster) join(name string, change ...func(*Options)) *Member {
	c.Helper()
	o := Options{DB: c.open(), Name: name, Version: "1", Now: c.clock.Now}
	for _, f := range change {
		f(&o)
	}
	m, err := Join(c.Context(), o)
	if err != nil {
		c.Fatal(err)
	}
	m.OnEnded(func() { c.ended++ })
	return m
}

func (c *cluster) do(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// living fails the test where others live than these, in their present epochs.
func (c *cluster) living(by *Member, want ...*Member) {
	c.Helper()
	epochs := map[string]int64{}
	for _, m := range want {
		epochs[m.Life().Name] = m.Life().Epoch
	}
	got, err := by.Living(c.Context())
	if err != nil || !maps.Equal(got, epochs) {
		c.Errorf("living are %v, %v, want %v", got, err, epochs)
	}
}

func TestALifeLastsWhileItIsRenewed(t *testing.T) {
	each(t, func(c *cluster) {
		a, b := c.join("a"), c.join("b")
		if a.Life().Name == b.Life().Name || !strings.HasPrefix(a.Life().Name, "a.") {
			t.Errorf("the names are %q and %q", a.Life().Name, b.Life().Name)
		}
		for range 10 {
			c.clock.Advance(RenewEvery)
			c.do(a.renew(c.Context()))
			c.do(b.renew(c.Context()))
			c.do(a.look(c.Context()))
			if !a.Life().Holds() || !b.Life().Holds() || c.ended > 0 {
				t.Fatal("a life that is renewed has ended")
			}
		}
		c.living(b, a, b)
		c.do(b.Leave(c.Context()))
		c.living(a, a)
		if err := b.Leave(c.Context()); !mail.Is(err, mail.Gone) {
			t.Errorf("leave again: %v", err)
		}
	})
}

// A node that stands still is ended by another, knows it by itself before, and begins anew when it wakes up.
func TestTakeover(t *testing.T) {
	each(t, func(c *cluster) {
		a, b := c.join("a"), c.join("b")
		old := b.Life()
		took := time.Duration(0)
		for ; c.ended == 0; took += 100 * time.Millisecond {
			if took > time.Minute {
				t.Fatal("it is never ended")
			}
			c.clock.Advance(100 * time.Millisecond)
			c.do(a.renew(c.Context()))
			held := old.Holds()
			if c.do(a.look(c.Context())); c.ended > 0 && held {
				t.Error("it was ended while it held its lease")
			}
		}
		if took > LeaseFor+200*time.Millisecond || took+LookEvery > 10*time.Second {
			t.Errorf("the end was found after %v", took)
		}
		c.living(a, a)
		select {
		case <-old.Over():
			t.Error("it was told before it asked")
		default:
		}
		c.do(b.renew(c.Context()))
		<-old.Over()
		if l := b.Life(); l.Name != old.Name || l.Epoch != old.Epoch+1 || !l.Holds() || old.Holds() {
			t.Errorf("after %+v it lives as %+v", old, l)
		}
		c.living(a, a, b)
		c.clock.Advance(RenewEvery)
		c.do(b.renew(c.Context()))
		if old.Holds() {
			t.Error("the new life's renewal has woken the old one")
		}
	})
}

// While the database does not answer, nobody can take over either: a node that finds its row goes on in the same life, but
// between it did not hold its lease.
func TestTheDatabaseIsAway(t *testing.T) {
	each(t, func(c *cluster) {
		a := c.join("a")
		life := a.Life()
		away, cancel := context.WithCancel(c.Context())
		cancel()
		for range 4 {
			c.clock.Advance(RenewEvery)
			if err := a.renew(away); err == nil {
				t.Fatal("renewed without a database")
			}
		}
		if life.Holds() {
			t.Error("the lease is held after it has run out")
		}
		c.do(a.renew(c.Context()))
		if a.Life() != life || !life.Holds() {
			t.Error("the life does not go on")
		}
	})
}

// The clock of a new primary is ahead: all rows have expired before their time, and nobody is ended who goes on renewing. Who
// does not is ended, when it can hold its lease no more. So it is where the clock is behind, and rows seem to last for long.
func TestTheDatabasesClockJumps(t *testing.T) {
	t.Run("ahead", func(t *testing.T) { clockJumps(t, time.Minute) })
	t.Run("back", func(t *testing.T) { clockJumps(t, -time.Minute) })
}

func clockJumps(t *testing.T, by time.Duration) {
	each(t, func(c *cluster) {
		a, b, dead := c.join("a"), c.join("b"), c.join("dead")
		c.do(a.look(c.Context()))
		c.do(b.look(c.Context()))
		c.ahead = by
		for passed := time.Duration(0); passed < 2*LeaseFor; passed += time.Second {
			if c.do(a.look(c.Context())); c.ended > 0 && dead.Life().Holds() {
				t.Fatalf("after %v a life was ended that holds its lease", passed)
			}
			c.clock.Advance(time.Second)
			if passed%RenewEvery == 0 {
				c.do(a.renew(c.Context()))
				c.do(b.renew(c.Context()))
			}
			c.do(b.look(c.Context()))
		}
		c.living(a, a, b)
		if a.Life().Epoch != 1 || b.Life().Epoch != 1 || c.ended == 0 {
			t.Errorf("a is in epoch %d, b in %d, others were found to have ended %d times", a.Life().Epoch, b.Life().Epoch, c.ended)
		}
	})
}

// The database was away for longer than a lease lasts. Who looks first when it is back does not end all the others.
func TestTheFirstToLookAfterAnOutage(t *testing.T) {
	each(t, func(c *cluster) {
		a, b := c.join("a"), c.join("b")
		c.do(a.look(c.Context()))
		c.clock.Advance(3 * LeaseFor)
		c.do(a.renew(c.Context()))
		c.do(a.look(c.Context()))
		c.do(b.renew(c.Context()))
		if c.living(a, a, b); b.Life().Epoch != 1 {
			t.Error("the other was ended")
		}
	})
}

// Time counts from before a renewal was sent, however long the answer took.
func TestTheLeaseCountsFromBeforeTheRenewal(t *testing.T) {
	each(t, func(c *cluster) {
		slow := false
		m := c.join("a", func(o *Options) {
			o.Now = func() time.Time {
				now := c.clock.Now()
				if slow {
					c.clock.Advance(2 * time.Second) // the request is under way
				}
				return now
			}
		})
		sent := c.clock.Now()
		slow = true
		c.do(m.renew(c.Context()))
		slow = false
		if !m.Life().since.Equal(sent) {
			t.Errorf("the lease counts from %v, sent was at %v", m.Life().since, sent)
		}
	})
}

func TestAlone(t *testing.T) {
	each(t, func(c *cluster) {
		c.join("crashed")
		before := c.join("before", func(o *Options) { o.Alone = true })
		a := c.join("a", func(o *Options) { o.Alone = true })
		c.living(a, a)
		c.clock.Advance(1000 * time.Hour)
		c.do(a.look(c.Context()))
		c.living(a, a)
		if !a.Life().Holds() {
			t.Error("a node that is alone loses its lease")
		}
		if err := before.Leave(c.Context()); !mail.Is(err, mail.Gone) {
			t.Errorf("the one before: %v", err)
		}
	})
}

// Run does all this by itself: of two, one ends without leaving, and the other is told.
func TestRun(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		told := make(chan struct{}, 10)
		join := func(name string) (m *Member, stop func()) {
			m, err := Join(t.Context(), Options{DB: open(), Name: name,
				Lease: time.Second, Renew: 100 * time.Millisecond, Look: 50 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			m.OnEnded(func() { told <- struct{}{} })
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { m.Run(ctx) })
			return m, func() { cancel(); wg.Wait() }
		}
		a, stopA := join("a")
		b, stopB := join("b")
		defer stopA()
		stopB()
		<-told
		if !a.Life().Holds() || b.Life().Holds() {
			t.Errorf("the one that runs holds: %v, the other: %v", a.Life().Holds(), b.Life().Holds())
		}
		if living, err := a.Living(t.Context()); err != nil || len(living) != 1 {
			t.Errorf("living are %v, %v", living, err)
		}
	})
}

// Every node sees who the others are, where, and what they are at, as soon as it looks.
func TestNodesSeeEachOther(t *testing.T) {
	each(t, func(c *cluster) {
		a := c.join("a", func(o *Options) { o.Address = "192.0.2.1:9626" })
		b := c.join("b")
		var seen []Node
		a.OnSeen(func(n []Node) { seen = n })
		c.do(b.SetState(c.Context(), Draining))
		c.do(a.look(c.Context()))
		if len(seen) != 2 || seen[0].Name != a.Life().Name || seen[0].Address != "192.0.2.1:9626" || seen[0].State != Starting || seen[0].Version != "1" ||
			seen[1].Name != b.Life().Name || seen[1].Address != "" || seen[1].State != Draining || !seen[1].Expires.Equal(c.clock.Now().Add(LeaseFor)) {
			t.Errorf("a sees %+v", seen)
		}
		c.clock.Advance(LeaseFor + time.Millisecond)
		c.do(b.renew(c.Context()))
		c.do(b.look(c.Context()))
		if nodes, err := b.Nodes(c.Context()); err != nil || len(nodes) != 1 || nodes[0].State != Draining {
			t.Errorf("b sees %+v, %v", nodes, err)
		}
		c.do(a.look(c.Context()))
		if len(seen) != 1 || seen[0].Epoch != b.Life().Epoch {
			t.Errorf("a, whose life is over, sees %+v", seen)
		}
	})
}

// What an operator wants of a node it learns when it looks, and keeps when it has to begin anew.
func TestWishes(t *testing.T) {
	each(t, func(c *cluster) {
		a := c.join("a")
		var wish Wish
		a.OnSeen(func(n []Node) { wish = n[0].Wish })
		d := c.open()
		if err := Ask(c.Context(), d, "b", Drain); !mail.Is(err, mail.NotFound) {
			t.Errorf("there is no b: %v", err)
		}
		c.do(Ask(c.Context(), d, a.Life().Name, Drain))
		c.do(a.look(c.Context()))
		if wish != Drain {
			t.Errorf("it sees %q", wish)
		}
		c.clock.Advance(LeaseFor + time.Millisecond)
		c.do(c.join("b").look(c.Context()))
		c.do(a.renew(c.Context()))
		wish = Serve
		c.do(a.look(c.Context()))
		if a.Life().Epoch != 2 || wish != Drain {
			t.Errorf("in epoch %d it sees %q", a.Life().Epoch, wish)
		}
		c.do(Ask(c.Context(), d, a.Life().Name, Serve))
		if nodes, now, err := Look(c.Context(), d); err != nil || !now.Equal(c.clock.Now()) || nodes[0].Wish != Serve {
			t.Errorf("%+v at %v, %v", nodes, now, err)
		}
	})
}

// A program that is too old for the database is no node, also when it has to begin anew; while it is one, it is found.
func TestShutOut(t *testing.T) {
	each(t, func(c *cluster) {
		old := c.join("old", func(o *Options) { o.Schema = 1 })
		c.join("new", func(o *Options) { o.Schema = 2 })
		d := c.open()
		if names, err := Older(c.Context(), d, 2); err != nil || len(names) != 1 || !strings.HasPrefix(names[0], "old.") {
			t.Errorf("older are %q, %v", names, err)
		}
		c.do(d.Write(c.Context(), 0, func(t *db.Tx) error { _, err := t.Exec(`UPDATE schema_reach SET oldest = 2`); return err }))
		if _, err := Join(c.Context(), Options{DB: d, Name: "old", Schema: 1, Now: c.clock.Now}); !errors.Is(err, db.ErrShutOut) {
			t.Errorf("an old one joins: %v", err)
		}
		c.clock.Advance(LeaseFor + time.Millisecond)
		if names, err := Older(c.Context(), d, 2); err != nil || len(names) > 0 {
			t.Errorf("older are %q, %v", names, err)
		}
		c.do(c.join("new", func(o *Options) { o.Schema = 2 }).look(c.Context()))
		if err := old.renew(c.Context()); !errors.Is(err, db.ErrShutOut) || old.Life().Holds() {
			t.Errorf("it goes on: %v", err)
		}
	})
}
