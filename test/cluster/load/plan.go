package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/bench/message"
	"github.com/mailmesh/mailmesh/test/cluster/history"
)

// Targets are where the servers are. Any address of a protocol will do for any account. A protocol without addresses has no clients.
type Targets struct {
	SMTP, LMTP, Submission, IMAP, JMAP []string // host:port; submission with STARTTLS, JMAP with TLS
	Accounts                           []Account
	Relays                             []Relay
}

// Account is one that the clients use.
type Account struct{ Address, Password string }

// Relay is an address from where mail goes on through the queue, such as that of a group with one member, to an account.
type Relay struct{ Address, Account string }

// Plan is what load there is. The zero value of a field is that of Mixed, but for the numbers of clients.
type Plan struct {
	Senders, Deliverers, Submitters int // in all
	Editors, JMAPEditors            int // of each account
	Idlers, Resyncers, Listeners    int // of each account

	Pause      time.Duration // between two operations of a client
	Patience   time.Duration // for an answer
	Connect    time.Duration // for a connection with its sign-in, before the next address is tried
	Stay       time.Duration // how long a resyncer stays, about
	Size, Most int           // octets of a message: at least and at most
	Operations int           // the record holds at most so many
	Seed       uint64        // of what clients choose; 0: another one each time
}

// Mixed is a load of everything.
func Mixed() Plan {
	return Plan{Senders: 3, Deliverers: 1, Submitters: 2, Editors: 1, JMAPEditors: 1, Idlers: 1, Resyncers: 1, Listeners: 1}.filled()
}

func (p Plan) filled() Plan {
	fill := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	fill(&p.Pause, 5*time.Millisecond)
	fill(&p.Patience, 10*time.Second)
	fill(&p.Connect, time.Second)
	fill(&p.Stay, time.Second)
	if p.Size == 0 {
		p.Size, p.Most = 2<<10, 16<<10
	}
	if p.Operations == 0 {
		p.Operations = 500_000
	}
	p.Most = max(p.Most, p.Size)
	if p.Seed == 0 {
		p.Seed = rand.Uint64()
	}
	return p
}

// Run is a load under way.
type Run struct {
	targets  Targets
	plan     Plan
	recorder *history.Recorder
	number   uint64 // of the run, in its messages' ids
	prefix   string // of these ids
	text     *message.Text
	copied   *claims // messages that somebody has begun to copy
	moved    *claims // messages that somebody has begun to move
	removed  *claims // messages that somebody has begun to remove
	known    arrivals

	ctx     context.Context // of working
	end     context.CancelFunc
	clients sync.WaitGroup
	done    chan struct{} // closed when all clients have ended
	follow  []follower
	workers int // ids of generators given out
}

// follower is a client that keeps a state of its own.
type follower interface {
	// catchUp brings the state up to date and hands it to the recorder.
	catchUp(ctx context.Context)
}

// Start prepares the accounts and starts the clients. They go on until End, or until ctx ends.
func Start(ctx context.Context, t Targets, p Plan) (*Run, error) {
	if len(t.Accounts) == 0 {
		return nil, fmt.Errorf("a load needs accounts")
	}
	p = p.filled()
	if p.Size < message.MinSize {
		return nil, fmt.Errorf("messages of %d octets are too small: %d are needed", p.Size, message.MinSize)
	}
	if err := prepare(ctx, t, p); err != nil {
		return nil, err
	}
	r := newRun(ctx, t, p)
	r.start()
	return r, nil
}

func newRun(ctx context.Context, t Targets, p Plan) *Run {
	r := &Run{targets: t, plan: p, number: message.NewRun(), text: message.TextFor(p.Seed, p.Most),
		copied: newClaims(), moved: newClaims(), removed: newClaims(), known: arrivals{at: map[history.Key]time.Duration{}}}
	r.prefix = fmt.Sprintf("%016x.", r.number)
	r.recorder = history.NewRecorder(r.prefix, p.Operations)
	r.done = make(chan struct{})
	r.ctx, r.end = context.WithCancel(ctx)
	return r
}

func (r *Run) start() {
	p, t := r.plan, r.targets
	for i := range p.Senders {
		r.sender("smtp", i, t.SMTP)
	}
	for i := range p.Deliverers {
		r.sender("lmtp", i, t.LMTP)
	}
	for i := range p.Submitters {
		r.sender("submission", i, t.Submission)
	}
	for a, account := range t.Accounts {
		for i := range p.Editors {
			r.editor(a, i, account)
		}
		for i := range p.JMAPEditors {
			r.jmapEditor(a, i, account)
		}
		for i := range p.Idlers {
			r.idler(a, i, account)
		}
		for i := range p.Resyncers {
			r.resyncer(a, i, account)
		}
		for i := range p.Listeners {
			r.listener(a, i, account)
		}
	}
	go func() {
		r.clients.Wait()
		close(r.done)
	}()
}

// Await waits until so many operations have been acknowledged in all.
func (r *Run) Await(ctx context.Context, operations int) error {
	for {
		n, more := r.recorder.Acknowledged()
		if n >= operations {
			return nil
		}
		select {
		case <-more:
		case <-r.done:
			return fmt.Errorf("the load has ended after %d acknowledged operations, %d were waited for: the record takes %d of any outcome", n, operations, r.plan.Operations)
		case <-ctx.Done():
			return fmt.Errorf("%d of %d operations were acknowledged: %w", n, operations, ctx.Err())
		}
	}
}

// Acknowledged is how many operations have been acknowledged by now.
func (r *Run) Acknowledged() int { n, _ := r.recorder.Acknowledged(); return n }

// Record is what has been taken down by now.
func (r *Run) Record() history.Record { return r.recorder.Record() }

// End ends the clients, each after its operation under way. Those that follow changes stay connected.
func (r *Run) End() {
	r.end()
	<-r.done
}

// CatchUp has the clients that follow changes learn of the last ones, and returns the whole record. The run has ended, and
// the servers rest: what they do later nobody here would know of. ctx bounds the waiting.
func (r *Run) CatchUp(ctx context.Context) history.Record {
	var g errgroup.Group
	g.SetLimit(8)
	for _, f := range slices.Clone(r.follow) {
		g.Go(func() error { f.catchUp(ctx); return nil })
	}
	g.Wait()
	return r.recorder.Record()
}

// claims are messages with which somebody has begun what is done once only, or ends what others may do.
type claims struct {
	mu   sync.Mutex
	made map[history.Key]bool
}

func newClaims() *claims { return &claims{made: map[history.Key]bool{}} }

// arrivals are when deliveries were acknowledged, for those who wait for the news.
type arrivals struct {
	mu sync.Mutex
	at map[history.Key]time.Duration
}
