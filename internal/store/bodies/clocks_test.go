package bodies_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// A machine that slept, or was put back from a picture of its memory, has not felt the time go by, in which others have
// removed the bytes that it holds a body for. The database's clock tells it.
func TestABodyIsNotNamedAfterASleep(t *testing.T) {
	each(t, func(r *room) {
		felt := time.Unix(1_700_000_000, 0)
		r.Store = r.open(func(o *bodies.Options) { o.Clock = func() time.Time { return felt } })
		hold := func(b *bodies.Body) error {
			return r.tx.Write(t.Context(), []mail.AccountID{10}, func(t *tx.Tx) error { _, err := r.Hold(t, 10, b); return err })
		}
		b := r.put("hello")
		r.clock.Advance(bodies.MaxAge)
		if err := hold(b); err != nil {
			t.Errorf("Hold at the last moment: %v", err)
		}
		b = r.put("slept over")
		r.clock.Advance(bodies.MaxAge + time.Millisecond)
		if err := hold(b); !errors.Is(err, bodies.ErrPutAgain) {
			t.Errorf("Hold after a sleep: %v, want ErrPutAgain", err)
		}
		b = r.put("of the future")
		r.clock.Advance(-bodies.MaxAge - time.Millisecond)
		if err := hold(b); !errors.Is(err, bodies.ErrPutAgain) {
			t.Errorf("Hold of what was put long after now: %v, want ErrPutAgain", err)
		}
	})
}

// sleeper is a node of a cluster as the collection sees it: a Store with its own feeling of time.
type sleeper struct {
	*bodies.Store
	felt   time.Time
	asleep bool
	put    []put
}

// cluster is some nodes, which put and name bodies and collect and sweep at any time, on one database whose clock jumps when
// another server takes over.
type cluster struct {
	*room
	nodes []*sleeper
	held  map[name]string
}

func (c *cluster) node(t *rapid.T) *sleeper { return rapid.SampledFrom(c.nodes).Draw(t, "node") }

// pass lets time go by, which nodes feel that do not sleep.
func (c *cluster) pass(d time.Duration) {
	c.clock.Advance(d)
	for _, n := range c.nodes {
		if !n.asleep {
			n.felt = n.felt.Add(d)
		}
	}
}

func (c *cluster) deliver(t *rapid.T) {
	n := c.node(t)
	content := fmt.Sprint("content ", rapid.IntRange(0, 3).Draw(t, "content"))
	c.room.Store = n.Store
	n.put = append(n.put, put{c.room.put(content), content})
}

// name names the oldest body that a node has put.
func (c *cluster) name(t *rapid.T) {
	n := c.node(t)
	if len(n.put) == 0 {
		return
	}
	p := n.put[0]
	n.put = n.put[1:]
	a := rapid.SampledFrom(accounts).Draw(t, "account")
	var id mail.BlobID
	err := c.tx.Write(context.Background(), []mail.AccountID{a}, func(t *tx.Tx) (err error) { id, err = n.Hold(t, a, p.body); return err })
	if errors.Is(err, bodies.ErrPutAgain) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, twice := c.held[name{a, id}]; twice {
		c.release(a, id)
	}
	c.held[name{a, id}] = p.content
}

func (c *cluster) letGo(t *rapid.T) {
	for n := range c.held {
		c.release(n.account, n.blob)
		delete(c.held, n)
		return
	}
}

func (c *cluster) check(t *rapid.T) {
	for n, content := range c.held {
		c.want(n.account, n.blob, content)
	}
}

// Whatever nodes feel of the time, and whatever time the database has after another server took over: what is named is there.
func TestCollectionWhileClocksAreWrong(t *testing.T) {
	r := newRoom(t, dbtest.OnSQLite(t, schema.Files), nil)
	const keep = bodies.OrphanAge
	rapid.Check(t, func(t *rapid.T) {
		c := &cluster{room: r, held: map[name]string{}}
		for range 3 {
			n := &sleeper{felt: time.Unix(1_700_000_000, 0)}
			n.Store = r.open(func(o *bodies.Options) { o.Clock = func() time.Time { return n.felt } })
			c.nodes = append(c.nodes, n)
		}
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"deliver": c.deliver,
			"name":    c.name,
			"release": c.letGo,
			"collect": func(t *rapid.T) { _, err := c.node(t).Collect(context.Background(), keep); must(err) },
			"sweep":   func(t *rapid.T) { _, err := c.node(t).SweepOrphans(context.Background(), keep); must(err) },
			"sleep":   func(t *rapid.T) { n := c.node(t); n.asleep = !n.asleep },
			"minutes": func(t *rapid.T) { c.pass(time.Duration(rapid.IntRange(1, 70).Draw(t, "minutes")) * time.Minute) },
			"days":    func(t *rapid.T) { c.pass(time.Duration(rapid.IntRange(13, 60).Draw(t, "hours")) * time.Hour) },
			"takeover": func(t *rapid.T) {
				c.clock.Advance(time.Duration(rapid.IntRange(-15, 15).Draw(t, "minutes")) * time.Minute)
			},
			"check": c.check,
		})
		c.check(t)
		for n := range c.held {
			c.release(n.account, n.blob)
		}
		c.room.Store = c.nodes[0].Store
		c.pass(keep + time.Hour)
		c.collect(0)
		c.empty()
	})
}

// cleaned is a store that may be left with uploads that ended half way.
type cleaned struct {
	*blobtest.Memory
	before time.Time
}

func (c *cleaned) Clean(_ context.Context, before time.Time) error { c.before = before; return nil }

// A sweep ends what nobody will go on with, by the database's clock.
func TestSweepEndsUploads(t *testing.T) {
	each(t, func(r *room) {
		c := &cleaned{Memory: r.blobs}
		s := r.open(func(o *bodies.Options) { o.Blobs = c })
		if _, err := s.SweepOrphans(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if want := r.clock.Now().Add(-bodies.OrphanAge); !c.before.Equal(want) {
			t.Errorf("what began before %v was ended, want %v", c.before, want)
		}
	})
}
