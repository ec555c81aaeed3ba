package nats

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
)

// Options say what a bus stands on.
type Options struct {
	Secret []byte // of the cluster; who knows it is one of its nodes
	Log    *slog.Logger

	// Stuck is called when messages from other nodes were dropped because handlers did not return. nil: nobody asks.
	Stuck func()
}

// Bus implements cluster.Bus.
type Bus struct {
	o     Options
	local *inprocess.Bus

	routing sync.Mutex // held, before mu, while the server is told of routes; guards running.options

	mu      sync.Mutex
	remote  map[string]*remote // by subject
	running *running           // nil before Start and after Close
	starts  bool
	pings   pings
}

// remote is a subject that somebody here listens to.
type remote struct {
	listeners int
	sub       *client.Subscription // nil while no server runs
}

// running is the server of a bus, and the client through which the bus uses it.
type running struct {
	server  *server.Server
	options *server.Options
	conn    *client.Conn
	addr    string
}

var (
	_ cluster.Bus    = (*Bus)(nil)
	_ cluster.Pinger = (*Bus)(nil)
)

// New returns a bus that reaches nobody else yet.
func New(o Options) *Bus {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Stuck == nil {
		o.Stuck = func() {}
	}
	return &Bus{o: o, local: inprocess.New(), remote: map[string]*remote{}}
}

// prefix keeps our subjects apart from those of NATS.
const prefix = "mailmesh."

// Publish implements cluster.Bus.
func (b *Bus) Publish(subject string, payload []byte) {
	if !cluster.Valid(subject, payload) {
		return
	}
	if conn := b.conn(); conn != nil {
		conn.Publish(prefix+subject, payload) // it fails when the server stops
	}
	b.local.Publish(subject, payload)
}

func (b *Bus) conn() *client.Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running == nil {
		return nil
	}
	return b.running.conn
}

// Subscribe implements cluster.Bus. A subject that breaks the limits hears nothing.
func (b *Bus) Subscribe(subject string, handler func([]byte)) (cancel func()) {
	if !cluster.ValidSubject(subject) {
		return func() {}
	}
	cancelLocal := b.local.Subscribe(subject, handler)
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.remote[subject]
	if r == nil {
		r = new(remote)
		b.remote[subject] = r
		if b.running != nil {
			b.listen(b.running.conn, subject, r)
		}
	}
	r.listeners++
	return sync.OnceFunc(func() {
		cancelLocal()
		b.unsubscribe(subject, r)
	})
}

func (b *Bus) unsubscribe(subject string, r *remote) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.listeners--; r.listeners > 0 {
		return
	}
	delete(b.remote, subject)
	if r.sub != nil {
		r.sub.Unsubscribe() // it fails when the server has stopped
	}
}

// listen hears what other nodes publish. The lock is held.
func (b *Bus) listen(conn *client.Conn, subject string, r *remote) {
	sub, err := conn.Subscribe(prefix+subject, func(m *client.Msg) {
		if len(m.Data) <= cluster.MaxPayload {
			b.local.Publish(subject, m.Data)
		}
	})
	if err != nil {
		b.o.Log.Error("messages of other nodes are not heard", "subject", subject, "err", err)
		return
	}
	sub.SetPendingLimits(maxWaiting, maxPending) // it fails for a subscription that is gone
	r.sub = sub
}

// Start listens for other nodes, at host:port. It returns where.
func (b *Bus) Start(endpoint string) (addr string, err error) {
	b.mu.Lock()
	if b.starts {
		b.mu.Unlock()
		return "", errors.New("the bus has been started before")
	}
	b.starts = true
	b.mu.Unlock()
	password := rand.Text()
	r, err := b.startServer(endpoint, password)
	if err != nil {
		return "", fmt.Errorf("listen for other nodes at %s: %w", endpoint, err)
	}
	r.conn, err = client.Connect("", client.InProcessServer(r.server), client.NoEcho(), client.UserInfo(user, password), client.MaxReconnects(-1),
		client.ReconnectWait(100*time.Millisecond), client.RetryOnFailedConnect(false), client.ErrorHandler(b.failed))
	if err != nil {
		r.server.Shutdown()
		return "", fmt.Errorf("use the bus: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = r
	for subject, s := range b.remote {
		b.listen(r.conn, subject, s)
	}
	b.answerPings(r.conn)
	return r.addr, nil
}

// failed hears of what went wrong in the client.
func (b *Bus) failed(_ *client.Conn, _ *client.Subscription, err error) {
	if errors.Is(err, client.ErrSlowConsumer) {
		b.o.Stuck()
	}
	b.o.Log.Warn("events of other nodes were lost; what they told is asked for from the store", "err", err)
}

// Close leaves the other nodes. What was published is sent before, if that is possible at once.
func (b *Bus) Close() {
	b.mu.Lock()
	r := b.running
	b.running = nil
	b.starts = true
	for _, s := range b.remote {
		s.sub = nil
	}
	b.mu.Unlock()
	if r == nil {
		return
	}
	b.routing.Lock()
	defer b.routing.Unlock()
	r.conn.FlushTimeout(time.Second) // what is not sent by then is lost
	r.conn.Close()
	r.server.Shutdown()
	r.server.WaitForShutdown()
}
