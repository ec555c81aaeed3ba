package finding

import (
	"context"
	"runtime"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Options says what a Finder stands on.
type Options struct {
	Tx      *tx.Store
	Mailbox *mailbox.Store
	Bodies  *bodies.Store
	Index   *search.Index // of the text of messages; nil: searches read them
	Turns   int           // messages that are read at a time, one for each account; 0: half of the processors
}

// Finder carries out searches. It is safe for concurrent use.
type Finder struct {
	o     Options
	turns chan turn

	mu       sync.Mutex
	accounts map[mail.AccountID]*queue
}

type turn struct{}

// queue is where the searches of one account wait for each other.
type queue struct {
	turn chan turn
	here int // that wait, or have the turn
}

// New makes a Finder.
func New(o Options) *Finder {
	if o.Turns == 0 {
		o.Turns = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return &Finder{o: o, turns: make(chan turn, o.Turns), accounts: map[mail.AccountID]*queue{}}
}

// Turn takes a turn at reading for an account, and returns what ends it.
func (f *Finder) Turn(ctx context.Context, who mail.AccountID) (end func(), err error) {
	q := f.join(who)
	if err := take(ctx, q.turn); err != nil {
		f.leave(who, q)
		return nil, err
	}
	if err := take(ctx, f.turns); err != nil {
		<-q.turn
		f.leave(who, q)
		return nil, err
	}
	return func() {
		<-f.turns
		<-q.turn
		f.leave(who, q)
	}, nil
}

func (f *Finder) join(who mail.AccountID) *queue {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := f.accounts[who]
	if q == nil {
		q = &queue{turn: make(chan turn, 1)}
		f.accounts[who] = q
	}
	q.here++
	return q
}

func (f *Finder) leave(who mail.AccountID, q *queue) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if q.here--; q.here == 0 {
		delete(f.accounts, who)
	}
}

func take(ctx context.Context, turns chan turn) error {
	if ctx.Err() == nil { // who is gone takes no turn that is free either
		select {
		case turns <- turn{}:
			return nil
		case <-ctx.Done():
		}
	}
	return mail.E("finding.Turn", mail.Unavailable, context.Cause(ctx))
}
