package pushing

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// Limits.
const (
	MaxClients     = 100 // of an account
	MaxObjects     = 600 // of Sources that wait for a client: as many people may be there when it comes (presence.MaxCircle)
	MessageTimeout = 30 * time.Second
	WriteTimeout   = 30 * time.Second // for 64 KiB
	PingEvery      = time.Minute

	goodbyeTime = 3 * time.Second  // for clients to take notice
	openTimeout = 10 * time.Second // for reading the states that a client begins with
	piece       = 64 << 10         // bytes of a message that are written at a time
	atOnce      = 4                // requests of a WebSocket
	large       = 64 << 10         // a message of more bytes waits until few others of the account are read
	largeAtOnce = 4
)

// Kinds of clients, for Observer.
const (
	OverWebSocket   = "websocket"
	OverEventSource = "eventsource"
)

// Observer is told of clients and of what they are told. Its methods return at once.
type Observer interface {
	Connected(kind string)
	Disconnected(kind string)
	// Sent is the time from the commit of a change, or from when an object came to be, until it was written to a client.
	Sent(kind string, after time.Duration)
}

// Options say what Pushing stands on.
type Options struct {
	Feed *states.Feed
	// Accounts are those that a user sees something of, and the types of each that it is told of.
	Accounts func(ctx context.Context, u *method.User) (map[mail.AccountID]states.Types, error)
	// Run carries out a request and has answer send the response; the request is over when answer has returned. An error that is
	// no *method.Problem is the server's, and logged.
	Run func(ctx context.Context, u *method.User, request []byte, answer func(response []byte)) error

	Sources []Source
	Observe Observer     // nil: nobody looks
	Log     *slog.Logger // nil discards
	Now     func() time.Time
}

// Source has objects that clients are told of beside states.
type Source interface {
	// Type is what clients name to have them: the objects' "@type", and the name of the event.
	Type() string
	// Attach has send called with each object for the user from then on, until detach is called. send may be called from any
	// goroutine, and never waits.
	Attach(u *method.User, send func(Object)) (detach func())
}

// Object is what a Source has for a client.
type Object struct {
	JSON  ijson.Value // an object with its "@type"
	Key   string      // an object takes the place of one with the same key that still waits; "": of none
	At    time.Time   // when what it tells of happened; zero: not to be measured
	Until time.Time   // it is not sent later; zero: it keeps
}

// Pushing is the room. It is safe for concurrent use.
type Pushing struct {
	o      Options
	ctx    context.Context // until Close
	cancel context.CancelFunc

	writeTimeout, pingEvery, second time.Duration // shorter in tests

	mu      sync.Mutex
	closed  bool
	clients map[*client]struct{}
	count   map[mail.AccountID]int
	large   map[mail.AccountID]chan struct{} // taken by large messages
	done    sync.WaitGroup
}

// New makes a Pushing.
func New(o Options) (*Pushing, error) {
	if o.Feed == nil || o.Accounts == nil || o.Run == nil {
		return nil, errors.New("pushing: Feed, Accounts and Run are needed")
	}
	if o.Observe == nil {
		o.Observe = nobody{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Pushing{o: o, clients: map[*client]struct{}{}, count: map[mail.AccountID]int{}, large: map[mail.AccountID]chan struct{}{},
		writeTimeout: WriteTimeout, pingEvery: PingEvery, second: time.Second}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// Close says goodbye to all clients, and waits until they are gone.
func (p *Pushing) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	for _, c := range p.connected() {
		go c.end(goingAway)
	}
	defer time.AfterFunc(goodbyeTime, p.cancel).Stop()
	p.done.Wait()
	p.cancel()
}

// Clients is how many are connected.
func (p *Pushing) Clients() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.clients)
}

func (p *Pushing) connected() []*client {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.clients))
}

// TurnAway ends the connections of all clients, which are told to try again later (RFC 6455 7.4, code 1013). It waits for none of
// them, and new ones may come.
func (p *Pushing) TurnAway() {
	for _, c := range p.connected() {
		go c.end(notNow)
	}
}

// Spread says goodbye to the clients that are connected, one after the other in the time within, so that they do not come back all at
// once. It ends early with ctx.
func (p *Pushing) Spread(ctx context.Context, within time.Duration) {
	all := p.connected()
	listen.Spread(ctx, within, len(all), func(i int) { go all[i].end(goingAway) })
}

type nobody struct{}

func (nobody) Connected(string)           {}
func (nobody) Disconnected(string)        {}
func (nobody) Sent(string, time.Duration) {}
