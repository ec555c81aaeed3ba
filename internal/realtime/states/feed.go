package states

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// FeedOptions say what a Feed stands on.
type FeedOptions struct {
	Tx       *tx.Store
	Realtime *realtime.Realtime
	Report   func(error) // hears of reads that have failed; they are repeated. nil: nobody does
}

// Feed tells many listeners of the states of accounts. A change of an account is read once on each node, however many listen; an
// account that nobody listens to is not read. It is safe for concurrent use.
type Feed struct {
	o      FeedOptions
	ctx    context.Context // until Close
	cancel context.CancelFunc
	reads  chan struct{} // as many as may be under way at a time

	mu       sync.Mutex
	accounts map[mail.AccountID]*followed
}

// readsAtOnce bounds how many accounts are read at a time: a thousand clients that come back at once are no reason for a thousand
// reads beside those of others.
const readsAtOnce = 8

// firstPause and maxPause are between the repeats of a read that fails.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 10 * time.Second
)

// NewFeed makes a Feed, which reads until Close.
func NewFeed(o FeedOptions) *Feed {
	f := &Feed{o: o, reads: make(chan struct{}, readsAtOnce), accounts: map[mail.AccountID]*followed{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	if f.o.Report == nil {
		f.o.Report = func(error) {}
	}
	return f
}

// Close ends all reads. Listeners hear nothing more.
func (f *Feed) Close() { f.cancel() }

// followed is an account that somebody listens to.
type followed struct {
	feed    *Feed
	account mail.AccountID
	watch   *realtime.Watch
	now     atomic.Pointer[Snapshot]
	ready   chan struct{}             // closed when now is there
	news    atomic.Int64              // notices not read yet; who raises it from 0 starts the reading
	rung    atomic.Pointer[time.Time] // of the newest notice whose time is known

	listeners []*Listener // guarded by the feed
}

// follow finds the account for a listener; leave is its end.
func (f *Feed) follow(account mail.AccountID, l *Listener) *followed {
	f.mu.Lock()
	a := f.accounts[account]
	fresh := a == nil
	if fresh {
		a = &followed{feed: f, account: account, ready: make(chan struct{})}
		f.accounts[account] = a
	}
	a.listeners = append(a.listeners, l)
	f.mu.Unlock()
	if fresh {
		w := f.o.Realtime.WatchFunc(account, a.heard) // watch first, then read
		f.mu.Lock()
		a.watch = w // nobody else ends it before: l listens
		f.mu.Unlock()
		a.heard(mail.StateChange{}, time.Time{})
	}
	return a
}

func (f *Feed) leave(a *followed, l *Listener) {
	f.mu.Lock()
	if i := slices.Index(a.listeners, l); i >= 0 {
		a.listeners = slices.Delete(a.listeners, i, i+1)
	}
	var watch *realtime.Watch
	if len(a.listeners) == 0 && f.accounts[a.account] == a {
		delete(f.accounts, a.account)
		watch = a.watch
	}
	f.mu.Unlock()
	if watch != nil {
		watch.Close()
	}
}

// heard is called by who rings.
func (a *followed) heard(_ mail.StateChange, at time.Time) {
	if !at.IsZero() {
		a.rung.Store(&at)
	}
	if a.news.Add(1) == 1 {
		go a.read()
	}
}

// read reads the account until there are no notices that came before the last reading.
func (a *followed) read() {
	for pause := firstPause; ; {
		seen := a.news.Load()
		s, err := a.readOnce()
		if err != nil {
			if a.feed.ctx.Err() != nil || !a.wanted() {
				return // news stays: nobody reads this account again
			}
			a.feed.o.Report(err)
			select {
			case <-time.After(pause):
			case <-a.feed.ctx.Done():
			}
			pause = min(2*pause, maxPause)
			continue
		}
		pause = firstPause
		a.publish(s)
		if a.news.Add(-seen) == 0 {
			return
		}
	}
}

func (a *followed) readOnce() (s *Snapshot, err error) {
	a.feed.reads <- struct{}{}
	defer func() { <-a.feed.reads }()
	var rung time.Time
	if at := a.rung.Swap(nil); at != nil {
		rung = *at
	}
	err = a.feed.o.Tx.Read(a.feed.ctx, func(t *tx.Tx) (err error) {
		s, err = next(t, a.account, a.now.Load(), rung)
		return err
	})
	return s, err
}

// wanted reports whether somebody listens to the account still.
func (a *followed) wanted() bool {
	a.feed.mu.Lock()
	defer a.feed.mu.Unlock()
	return a.feed.accounts[a.account] == a
}

func (a *followed) publish(s *Snapshot) {
	first := a.now.Swap(s) == nil
	if first {
		close(a.ready)
	}
	a.feed.mu.Lock()
	listeners := slices.Clone(a.listeners)
	a.feed.mu.Unlock()
	for _, l := range listeners {
		l.heard(a, s)
	}
}
