package presence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Society says who may know what of whom. It reads it anew each time.
type Society interface {
	// Circle returns the mutual contacts of an account, at most MaxCircle; shown is false where it hides.
	Circle(ctx context.Context, account mail.AccountID) (circle []Link, shown bool, err error)
	// Recipients returns who may hear of a draft: those here, and those at other servers as far as this side decides.
	Recipients(ctx context.Context, d Draft) (here []Link, elsewhere []Outgoing, err error)
	// Incoming returns who may hear of a signal from another server, as a Link of its sender; ok is false for nobody.
	Incoming(ctx context.Context, o Outgoing) (l Link, ok bool, err error)
}

// Follower hears of the changes of an account's contacts and settings. Seen says that they are about to be read.
type Follower interface {
	Seen()
	Close()
}

// What became of a signal, for Observer.
const (
	Passed  = "passed"  // on, to somebody
	Nobody  = "nobody"  // may hear of it
	Dropped = "dropped" // too much waits, it has waited too long, or it could not be decided on
)

// Observer is told how the plane fares, and of no person. Its methods return at once.
type Observer interface {
	Signal(result string)
	Here(accounts int) // with clients at this node
}

type nobody struct{}

func (nobody) Signal(string) {}
func (nobody) Here(int)      {}

// Options say what a Presence stands on.
type Options struct {
	Bus     cluster.Bus
	Society Society
	// Follow has wake called when the contacts or settings of an account have changed since Seen. wake returns at once.
	Follow  func(ctx context.Context, account mail.AccountID, wake func()) (Follower, error)
	Remote  Remote           // nil: there are no other servers
	Observe Observer         // nil: nobody looks
	Log     *slog.Logger     // nil discards. No account, address or signal is ever logged
	Now     func() time.Time // nil: time.Now
}

// Presence is the plane at one node. It is safe for concurrent use.
type Presence struct {
	o       Options
	ctx     context.Context // until Close
	cancel  context.CancelFunc
	unhear  func()
	workers [workerCount]worker
	done    sync.WaitGroup

	mu      sync.Mutex
	table   *table
	buckets map[mail.AccountID]*bucket
}

// workerCount is how many decide at a time. What one account sends is decided on in its order.
const workerCount = 8

// tickEvery is how often time is looked at.
const tickEvery = 2 * time.Second

// New returns a Presence that works until Close.
func New(o Options) *Presence {
	p := open(o)
	for i := range p.workers {
		p.done.Go(p.workers[i].run)
	}
	p.done.Go(p.run)
	return p
}

// open makes one for which nobody works yet.
func open(o Options) *Presence {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = nobody{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Presence{o: o, table: newTable(rand.Uint64()), buckets: map[mail.AccountID]*bucket{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for i := range p.workers {
		p.workers[i].init(p)
	}
	p.unhear = o.Bus.Subscribe(subject, p.hear)
	return p
}

// Close ends it. Clients hear nothing more; what the other nodes know of this one's fades.
func (p *Presence) Close() {
	p.unhear()
	p.cancel()
	p.done.Wait()
}

// run lets time pass.
func (p *Presence) run() {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			p.tick()
		case <-p.ctx.Done():
			return
		}
	}
}

func (p *Presence) tick() {
	var here int
	p.change(func(now time.Time) do {
		p.forgetBuckets(now)
		d := p.table.tick(now)
		here = len(p.table.here)
		return d
	})
	p.o.Observe.Here(here)
}

// Watch has send called with each signal for an account from now on, and with what is known of its circle already, until stop is
// called. send is called by other goroutines, one at a time; it returns at once and uses nothing of Presence. While somebody
// watches, the account is there.
func (p *Presence) Watch(account mail.AccountID, send func(Signal)) (stop func()) {
	w, stop := p.watch(account, send)
	go w.flush() // who calls may have locked what send needs
	return stop
}

// watch is Watch without sending yet.
func (p *Presence) watch(account mail.AccountID, send func(Signal)) (w *Watch, stop func()) {
	w = &Watch{account: account, send: send, sending: true}
	p.change(func(time.Time) do { return p.table.open(w) })
	w.mu.Lock()
	w.sending = false
	w.mu.Unlock()
	return w, sync.OnceFunc(func() {
		w.close()
		p.change(func(now time.Time) do { p.table.close(w, now); return do{} })
	})
}

// Send sends a signal, to whoever of the recipients may hear of it. It neither waits for that nor tells who that is. The errors are
// mail.Invalid and mail.Limit, and depend on nothing but what the sender has sent.
func (p *Presence) Send(d Draft) error {
	const op = "presence.Send"
	if !conversational[d.State] {
		return mail.E(op, mail.Invalid, fmt.Errorf("a signal says composing, paused, gone or reading, not %.40q", d.State))
	}
	if n := len(d.To); n == 0 || n > MaxRecipients {
		return mail.E(op, mail.Invalid, fmt.Errorf("a signal is for 1 to %d recipients, not %d", MaxRecipients, n))
	}
	d.At = p.o.Now()
	if !p.take(d.From, len(d.To), d.At) {
		return mail.E(op, mail.Limit, fmt.Errorf("an account signals to at most %d recipients at once and %d a second; wait for some seconds", Burst, PerSecond))
	}
	p.worker(d.From).draft(d)
	return nil
}

// Receive takes a signal from another server, which answers for it that From has sent it.
func (p *Presence) Receive(ctx context.Context, o Outgoing) error {
	if !conversational[o.State] {
		return mail.E("presence.Receive", mail.Invalid, errors.New("between servers go composing, paused, gone and reading"))
	}
	l, ok, err := p.o.Society.Incoming(ctx, o)
	if err != nil || !ok {
		return err
	}
	p.publish(notice{kind: kindSignal, node: p.table.node, to: l.Peer, as: l.As, state: o.State, thread: l.Thread, at: o.At})
	return nil
}

// Revoked says that an account has committed to show less: it blocks somebody, forgets a contact, or has changed its settings. Whoever
// knows of it looks anew whether he may, wherever he is, and whether the account is there or not.
func (p *Presence) Revoked(account mail.AccountID) {
	p.publish(notice{kind: kindRevoked, node: p.table.node, from: account, at: p.o.Now()})
}

func (p *Presence) worker(account mail.AccountID) *worker {
	return &p.workers[uint64(account)%workerCount]
}

// hear takes what a node has published, this one too.
func (p *Presence) hear(payload []byte) {
	if n, ok := parseNotice(payload); ok {
		p.change(func(now time.Time) do { return p.table.heard(n, now) })
	}
}

// change changes the table, and does what follows from that.
func (p *Presence) change(fn func(now time.Time) do) {
	p.mu.Lock()
	d := fn(p.o.Now())
	for _, v := range d.deliver {
		for _, w := range v.to {
			w.queue(v.signal)
		}
	}
	p.mu.Unlock()
	for _, v := range d.deliver {
		for _, w := range v.to {
			w.flush()
		}
	}
	for _, n := range d.publish {
		p.publish(n)
	}
	for _, account := range d.load {
		p.worker(account).load(account)
	}
	for _, account := range d.stop {
		p.worker(account).load(account) // finds that nobody is here
	}
}

func (p *Presence) publish(n notice) {
	var buffer [128]byte
	p.o.Bus.Publish(subject, n.append(buffer[:0]))
}

// bucket is what an account may still send.
type bucket struct {
	left float64
	at   time.Time
}

// take takes n recipients from what an account may send.
func (p *Presence) take(account mail.AccountID, n int, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.buckets[account]
	if b == nil {
		b = &bucket{Burst, now}
		p.buckets[account] = b
	}
	b.fill(now)
	if b.left < float64(n) {
		return false
	}
	b.left -= float64(n)
	return true
}

func (b *bucket) fill(now time.Time) {
	b.left = min(Burst, b.left+max(0, now.Sub(b.at).Seconds())*PerSecond)
	b.at = now
}

// forgetBuckets forgets those that are full again.
func (p *Presence) forgetBuckets(now time.Time) {
	for account, b := range p.buckets {
		if b.fill(now); b.left == Burst {
			delete(p.buckets, account)
		}
	}
}
