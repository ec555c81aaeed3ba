package members

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

// The times of a lease.
const (
	RenewEvery = 3 * time.Second
	LeaseFor   = 7 * time.Second // two renewals may fail
	LookEvery  = 2 * time.Second

	retryEvery = 500 * time.Millisecond // after a renewal that has failed
	margin     = 500 * time.Millisecond // a node stops this much before its lease ends
	sayEvery   = 10 * time.Second       // that something fails again and again
)

// MaxName bounds a name, in bytes.
const MaxName = 200

// Options say who joins.
type Options struct {
	DB      *db.DB
	Name    string // for people; what makes it the only one is added
	Version string // the release
	Schema  int64  // the newest schema version that this program knows; 0: the database is not asked if that is enough
	Alone   bool   // no other process can use the database
	Address string // host:port where other nodes reach this one; "" where there are none
	Log     *slog.Logger

	// Now is the clock of Holds, time.Now where nil. Lease, Renew and Look replace LeaseFor, RenewEvery and LookEvery.
	Now                func() time.Time
	Lease, Renew, Look time.Duration
}

// Member is this process among the nodes.
type Member struct {
	o    Options
	name string

	patience patience

	mu    sync.Mutex
	life  *Life
	state State
	wish  Wish // when it was last seen: a next life keeps it
	ended []*func()
	seen  []func([]Node)
}

// State is what a node is at, for the others.
type State string

// The states of a node.
const (
	Starting State = "starting" // its doors are not open yet
	Serving  State = "serving"
	Draining State = "draining" // it says goodbye to its clients and takes no new work
	Drained  State = "drained"  // none of them is left
)

// Wish is what an operator wants of a node.
type Wish string

// The wishes.
const (
	Serve Wish = ""
	Drain Wish = "drain" // say goodbye to the clients, take no new work, and stay
)

// Node is a node that lives, as the others see it.
type Node struct {
	Name            string
	Epoch           int64
	Version         string
	Address         string // where it listens for other nodes, "" where it does not
	State           State
	Wish            Wish
	Schema          int64     // the newest version that it knows
	Joined, Expires time.Time // by the database's clock
}

// Life is a node in one epoch.
type Life struct {
	Name  string
	Epoch int64

	now   func() time.Time
	alone bool
	over  chan struct{}

	mu    sync.Mutex
	since time.Time // when the last renewal that was answered was sent
	lasts time.Duration
}

// Join makes this process a node. The life lasts until Leave, or until Run does not renew it.
func Join(ctx context.Context, o Options) (*Member, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Lease, o.Renew, o.Look = cmp.Or(o.Lease, LeaseFor), cmp.Or(o.Renew, RenewEvery), cmp.Or(o.Look, LookEvery)
	unique := "." + strings.ToLower(rand.Text()[:10])
	m := &Member{o: o, state: Starting, name: o.Name[:min(len(o.Name), MaxName-len(unique))] + unique}
	return m, m.join(ctx, 1)
}

// forever is when the life of a node expires that is alone.
var forever = time.UnixMilli(1 << 53).UTC()

// join begins a life.
func (m *Member) join(ctx context.Context, epoch int64) error {
	sent := m.o.Now()
	err := m.o.DB.Write(ctx, 0, func(t *db.Tx) error {
		if m.o.Schema > 0 {
			if err := db.CheckReach(t, m.o.Schema); err != nil {
				return err
			}
		}
		expires := t.Now().Add(m.o.Lease)
		if m.o.Alone {
			expires = forever
			t.Queue(`DELETE FROM node`)
		}
		t.Queue(`INSERT INTO node (name, epoch, version, joined, expires, address, state, wish, schema) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, expires = excluded.expires, joined = excluded.joined, state = excluded.state`,
			m.name, epoch, m.o.Version, t.Now(), expires, m.o.Address, string(m.State()), string(m.lastWish()), m.o.Schema)
		return nil
	})
	if err != nil {
		return fmt.Errorf("join the nodes of the server: %w", err)
	}
	l := &Life{Name: m.name, Epoch: epoch, now: m.o.Now, alone: m.o.Alone, over: make(chan struct{}), since: sent, lasts: m.o.Lease - min(margin, m.o.Lease/10)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.life = l
	return nil
}

// OnEnded has f called, from Run, whenever lives of others were found to have ended, until forget is called.
func (m *Member) OnEnded(f func()) (forget func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := &f
	m.ended = append(m.ended, own)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.ended = slices.DeleteFunc(m.ended, func(other *func()) bool { return other == own })
	}
}

// OnSeen has f called with the nodes that live, this one among them, by name: whenever Run has looked for them.
func (m *Member) OnSeen(f func([]Node)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = append(m.seen, f)
}

// Life is the present life. It may be over: then another begins soon.
func (m *Member) Life() *Life {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.life
}

// Over is closed when it is known that the life was ended by others.
func (l *Life) Over() <-chan struct{} { return l.over }

// Holds reports whether nobody else can have ended this life yet.
func (l *Life) Holds() bool {
	select {
	case <-l.over:
		return false
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	return l.alone || now.Sub(l.since) < l.lasts && now.Round(0).Sub(l.since.Round(0)) < l.lasts
}

// Age is how long ago the last renewal was sent that was answered.
func (l *Life) Age() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now().Sub(l.since)
}

func (l *Life) renewed(sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.since = sent
}

// Run renews the life and looks for lives that have ended, until ctx ends. It does not leave.
func (m *Member) Run(ctx context.Context) {
	if m.o.Alone {
		<-ctx.Done()
		return
	}
	m.patience.start(m.o.Now(), &m.o)
	var running sync.WaitGroup
	running.Go(func() { m.repeat(ctx, m.o.Renew, min(retryEvery, m.o.Renew), "renew the lease of this node", m.renew) })
	running.Go(func() { m.repeat(ctx, m.o.Look, m.o.Look, "look for nodes that have ended", m.look) })
	running.Wait()
}

func (m *Member) repeat(ctx context.Context, every, again time.Duration, what string, do func(context.Context) error) {
	var said time.Time
	for wait := every; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = every
		switch err := do(ctx); {
		case err == nil:
			said = time.Time{}
		case ctx.Err() == nil:
			wait = again
			if time.Since(said) >= sayEvery {
				said = time.Now()
				m.o.Log.Warn("cannot "+what, "err", err)
			}
		}
	}
}

// renew prolongs the life, or begins another where it was ended.
func (m *Member) renew(ctx context.Context) error {
	l := m.Life()
	sent := m.o.Now()
	var hit int64
	ctx, cancel := context.WithTimeout(ctx, m.o.Lease)
	defer cancel()
	err := m.o.DB.Write(ctx, 0, func(t *db.Tx) (err error) {
		hit, err = t.Exec(`UPDATE node SET expires = $3 WHERE name = $1 AND epoch = $2`, l.Name, l.Epoch, t.Now().Add(m.o.Lease))
		return err
	})
	switch {
	case err != nil:
		return err
	case hit > 0:
		l.renewed(sent)
		return nil
	}
	m.o.Log.Error("this node did not renew its lease in time, and others have taken over its work: it begins anew", "node", l.Name, "epoch", l.Epoch)
	select {
	case <-l.over: // before, and beginning anew has failed
	default:
		close(l.over)
	}
	return m.join(ctx, l.Epoch+1)
}
