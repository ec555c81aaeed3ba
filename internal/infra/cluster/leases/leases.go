package leases

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/infra/db"
)

const (
	// LookEvery is how often a node looks for work that is free.
	LookEvery = time.Second

	// MaxName bounds the name of a work, in bytes.
	MaxName = 100

	// patience is how long work that lasts may be free before a node takes more of it than its share.
	patience = 4 * time.Second

	// spread is the time over which works that come again become due when they are first known.
	spread = time.Minute

	doubt = 500 * time.Millisecond // how often a holder asks itself if its life still holds
)

// Member is this process among the nodes; *members.Member is one.
type Member interface{ Life() *members.Life }

// Options are what Leases stand on.
type Options struct {
	DB     *db.DB
	Member Member
	Log    *slog.Logger
}

// Work is what one node does at a time.
type Work struct {
	Name string

	// Every is the time from the end of one turn to the next. 0: the work lasts, and Do returns when its context ends.
	Every time.Duration

	// Do does it. What it commits goes through held.Fence. An error is logged, and the work is due again as after success.
	Do func(ctx context.Context, held *Held) error
}

// Leases are the works of this node.
type Leases struct {
	o    Options
	wake chan struct{}

	mu    sync.Mutex
	held  map[string]*Held // by name
	ended []*Held          // done, and not yet given back
}

// New returns Leases. Nothing is taken before Run.
func New(o Options) *Leases {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Leases{o: o, wake: make(chan struct{}, 1), held: map[string]*Held{}}
}

// Wake makes Run look at once: a node has ended, or a turn of work has.
func (l *Leases) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run takes works and does them, each in a goroutine of its own, until ctx ends; then it waits for all, and gives them back.
func (l *Leases) Run(ctx context.Context, works ...Work) error {
	for _, w := range works {
		if w.Name == "" || len(w.Name) > MaxName {
			return fmt.Errorf("leases: %.110q is no name of a work: it has 1 to %d bytes", w.Name, MaxName)
		}
	}
	r := &round{Leases: l, works: slices.SortedFunc(slices.Values(works), func(a, b Work) int { return strings.Compare(a.Name, b.Name) })}
	var running sync.WaitGroup
	defer func() {
		running.Wait()
		leaving, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer done()
		l.quiet(leaving, "give back work", l.giveBack(leaving))
	}()
	for {
		taken, err := r.look(ctx)
		l.quiet(ctx, "look for work", err)
		for _, h := range taken {
			running.Go(func() { l.do(ctx, h) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		case <-time.After(LookEvery):
		}
	}
}

func (l *Leases) quiet(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		l.o.Log.Warn("leases: cannot "+what+", it is tried again", "err", err)
	}
}

// do does a work until it is over, or is held no more.
func (l *Leases) do(ctx context.Context, h *Held) {
	ctx, cancel := context.WithCancel(ctx)
	h.cancel = cancel
	watched := make(chan struct{})
	go func() { h.watch(ctx); close(watched) }()
	err := h.work.Do(ctx, h)
	cut := ctx.Err() != nil
	cancel()
	<-watched
	if err != nil && !cut {
		l.o.Log.Error("work of the server failed, it will be tried again", "work", h.work.Name, "err", err)
	}
	h.whole = !cut
	l.mu.Lock()
	l.ended = append(l.ended, h)
	l.mu.Unlock()
	l.Wake()
}

// Held is a work that this node does.
type Held struct {
	work   Work
	life   *members.Life
	fence  int64
	cancel context.CancelFunc
	stop   chan struct{} // closed when it is to be given back
	once   sync.Once
	whole  bool // the turn was not cut off
}

// watch ends the work when it is held no more.
func (h *Held) watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.stop:
		case <-h.life.Over():
		case <-time.After(doubt):
			if h.life.Holds() {
				continue
			}
		}
		h.cancel()
		return
	}
}

// release has the work end and be given back.
func (h *Held) release() { h.once.Do(func() { close(h.stop) }) }

// Fence fails the transaction where this node has not the work any more, and keeps others from taking it before the commit. It
// comes first in the transaction: who takes work holds no other row.
func (h *Held) Fence(t *db.Tx) error {
	hit, err := t.Exec(`UPDATE lease SET since = since WHERE name = $1 AND owner = $2 AND epoch = $3 AND fence = $4`,
		h.work.Name, h.life.Name, h.life.Epoch, h.fence)
	if err == nil && hit != 1 {
		h.release()
		err = fmt.Errorf("%w: %s", ErrLost, h.work.Name)
	}
	return err
}

// next is when work that comes again is due after a turn.
func (w Work) next(now time.Time) time.Time { return now.Add(w.Every*3/4 + rand.N(max(1, w.Every/2))) }

// first is when work that is new is due: not all at once.
func (w Work) first(now time.Time) time.Time {
	if w.Every == 0 {
		return now
	}
	return now.Add(rand.N(cmp.Or(min(w.Every, spread), 1)))
}
