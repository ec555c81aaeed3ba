package presence

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// people are the accounts of a world: each has its address and an alias.
var people = []string{"ann", "bob", "cleo"}

func addressOf(name string) mail.Address { return mail.Address{Local: name, Domain: "example.org"} }

// world are nodes on one bus and one database, with a clock that the test moves. Nobody works but when the test says so.
type world struct {
	t   testing.TB
	tx  *tx.Store
	bus *inprocess.Bus
	o   StoreOptions

	deaf bool // the bus loses everything

	id    map[string]mail.AccountID // by address
	nodes []*Presence
	now   time.Time
	sent  []Outgoing

	mu    sync.Mutex
	wakes map[*follower]mail.AccountID
}

type follower struct {
	w    *world
	wake func()
}

func (f *follower) Seen() {}
func (f *follower) Close() {
	f.w.mu.Lock()
	defer f.w.mu.Unlock()
	delete(f.w.wakes, f)
}

func (w *world) follow(_ context.Context, account mail.AccountID, wake func()) (Follower, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := &follower{w, wake}
	w.wakes[f] = account
	return f, nil
}

// Ring is the bell of the commits.
func (w *world) Ring(c mail.StateChange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for f, account := range w.wakes {
		if account == c.Account {
			f.wake()
		}
	}
}

// Send is a Remote.
func (w *world) Send(o Outgoing) { w.sent = append(w.sent, o) }

func newWorld(t testing.TB, d *db.DB, nodes int) *world {
	w := &world{t: t, bus: inprocess.New(), id: map[string]mail.AccountID{}, now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), wakes: map[*follower]mail.AccountID{}}
	var err error
	w.tx, err = tx.New(t.Context(), tx.Options{DB: d, Bell: w})
	w.must(err)
	b, err := bodies.New(bodies.Options{Tx: w.tx, Blobs: new(blobtest.Memory), MasterKey: make([]byte, bodies.MasterKeySize)})
	w.must(err)
	w.o = StoreOptions{Tx: w.tx, Directory: directory.New(directory.Options{}), Contacts: contacts.New(), Mailbox: mailbox.New(mailbox.Options{Tx: w.tx, Bodies: b})}
	w.o.Contacts.OnRevoked(func(account mail.AccountID) { w.nodes[0].Revoked(account) })
	w.must(w.tx.Write(t.Context(), nil, func(t *tx.Tx) error {
		if _, err := w.o.Directory.AddDomain(t, "example.org"); err != nil {
			return err
		}
		for i, name := range people {
			id := mail.AccountID(100 + i)
			if _, err := w.o.Directory.AddAccount(t, directory.Account{ID: id, Address: addressOf(name)}); err != nil {
				return err
			}
			if err := w.o.Directory.AddHome(t, id, make([]byte, 60), directory.Quota{}); err != nil {
				return err
			}
			if err := w.o.Directory.AddAlias(t, addressOf(name+"2"), addressOf(name)); err != nil {
				return err
			}
			w.id[name], w.id[name+"2"] = id, id
		}
		return nil
	}))
	for range nodes {
		w.nodes = append(w.nodes, w.node())
	}
	t.Cleanup(func() {
		for _, n := range w.nodes {
			n.Close()
		}
	})
	return w
}

func (w *world) node() *Presence {
	return open(Options{Bus: lossy{w.bus, w}, Society: NewSociety(w.o), Follow: w.follow, Remote: w, Now: func() time.Time { return w.now }})
}

// Publish loses what it is given while the world is deaf.
func (b lossy) Publish(subject string, payload []byte) {
	if !b.w.deaf {
		b.Bus.Publish(subject, payload)
	}
}

type lossy struct {
	*inprocess.Bus
	w *world
}

// fail ends a node without a word, and begins it anew.
func (w *world) fail(at int) {
	w.nodes[at].Close()
	for i := range w.nodes[at].workers {
		w.nodes[at].workers[i].end()
	}
	w.nodes[at] = w.node()
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
}

// work lets all nodes do what there is to do.
func (w *world) work() {
	for did := true; did; {
		did = false
		for _, n := range w.nodes {
			for i := range n.workers {
				did = n.workers[i].work() || did
			}
		}
	}
}

// pass lets time pass at all nodes.
func (w *world) pass(d time.Duration) {
	step := tickEvery
	if d > 5*time.Minute { // a slow node, for speed
		step = beatEvery
	}
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(min(step, end.Sub(w.now)))
		for _, n := range w.nodes {
			n.tick()
		}
		w.work()
	}
}

func (w *world) write(name string, fn func(t *tx.Tx) error) {
	w.t.Helper()
	w.must(w.tx.Write(w.t.Context(), []mail.AccountID{w.id[name]}, fn))
	w.work()
}

// letter has one address write to another.
func (w *world) letter(from, to string) {
	w.t.Helper()
	w.write(from, func(t *tx.Tx) error {
		return w.o.Contacts.Wrote(t, w.id[from], addressOf(from), []contacts.Person{{Address: addressOf(to)}})
	})
}

// letters has both write to each other.
func (w *world) letters(a, b string) {
	w.t.Helper()
	w.letter(a, b)
	w.letter(b, a)
}

// block has an account block an address, or allow it again.
func (w *world) block(name, address string, on bool) {
	w.t.Helper()
	w.write(name, func(t *tx.Tx) error {
		c, err := w.o.Contacts.Of(t, w.id[name], addressOf(address))
		if err != nil {
			return err
		}
		c.Blocked = on
		if c.Created.IsZero() {
			_, err = w.o.Contacts.Add(t, w.id[name], c)
		} else {
			_, err = w.o.Contacts.Change(t, w.id[name], c)
		}
		return err
	})
}

func (w *world) set(name string, v contacts.Setting) {
	w.t.Helper()
	v.Displayed = contacts.Known
	w.write(name, func(t *tx.Tx) error { return w.o.Contacts.SetSetting(t, w.id[name], v) })
}

// client is one that listens: what it was told since it was asked last, and what it believes of whom.
type client struct {
	told []Signal
	sees map[string]State // of people, by name
	stop func()
}

func (w *world) connect(name string, node int) *client {
	c := &client{sees: map[string]State{}}
	var watch *Watch
	watch, c.stop = w.nodes[node].watch(w.id[name], func(s Signal) {
		switch s.State {
		case Online, SeenToday, Unknown:
			c.sees[s.From.Address.Local] = s.State
		}
		c.told = append(c.told, s)
	})
	watch.flush()
	w.work()
	return c
}

// take returns what a client was told, in short.
func (c *client) take() (out []string) {
	for _, s := range c.told {
		line := fmt.Sprintf("%s %s", s.From.Address.Local, s.State)
		if s.Thread != 0 {
			line += " " + s.Thread.String()
		}
		out = append(out, line)
	}
	c.told = nil
	return out
}

func (w *world) want(c *client, want ...string) {
	w.t.Helper()
	if got := c.take(); !slices.Equal(got, want) {
		w.t.Errorf("was told %q, want %q", got, want)
	}
}

// signal sends a signal, which must be taken.
func (w *world) signal(node int, from string, s State, to ...string) {
	w.t.Helper()
	d := Draft{From: w.id[from], State: s}
	for _, a := range to {
		d.To = append(d.To, addressOf(a))
	}
	w.must(w.nodes[node].Send(d))
	w.work()
}
