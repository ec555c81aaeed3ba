package webpush

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/infra/fetch"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/webpush"
	"github.com/mailmesh/mailmesh/internal/store/push"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits.
const (
	AtOnce      = 32
	PerAccount  = 4
	MaxWaiting  = 200 // messages of an account that are under way or wait: beyond them notifications are dropped
	FirstPause  = 10 * time.Second
	MaxPause    = 6 * time.Hour
	pollEvery   = 15 * time.Second
	requestTime = 30 * time.Second
	dueAtATime  = 100
	pageSize    = 1000
	stateTTL    = 24 * time.Hour
)

// Observer is told what became of messages. Its methods return at once.
type Observer interface {
	// Sent is the time from the commit until the push service had a message.
	Sent(kind string, after time.Duration)
	// Pushed counts requests by what they led to: sent, gone, failed.
	Pushed(result string)
}

// Kind is what Observer.Sent is told.
const Kind = "webpush"

// Fetcher makes requests to servers of strangers.
type Fetcher interface {
	Do(ctx context.Context, r fetch.Request) (fetch.Response, error)
}

// Options say what a Sender stands on.
type Options struct {
	Bus           cluster.Bus
	Tx            *tx.Store
	Subscriptions *push.Store
	Server        *webpush.Server
	Fetch         Fetcher
	// Holds reports whether what a client was signed in with is still good. nil: it always is.
	Holds   func(t *tx.Tx, s push.Subscription) (bool, error)
	Observe Observer     // nil: nobody looks
	Log     *slog.Logger // nil discards
}

// Sender is the room.
type Sender struct {
	o      Options
	ctx    context.Context // until Close
	end    context.CancelFunc
	rung   chan struct{}
	ended  chan struct{} // nodes have ended: what they were to tell is looked for
	unhear func()

	places *places

	mu       sync.Mutex
	accounts map[mail.AccountID]bool      // that have subscriptions, as far as is known
	dirty    map[mail.AccountID]time.Time // to be looked at, and since when
	busy     map[mail.AccountID]bool      // being looked at
	polled   bool                         // since the start
	running  sync.WaitGroup
}

// New makes a Sender.
func New(o Options) (*Sender, error) {
	if o.Bus == nil || o.Tx == nil || o.Subscriptions == nil || o.Server == nil || o.Fetch == nil {
		return nil, errors.New("webpush: Bus, Tx, Subscriptions, Server and Fetch are needed")
	}
	if o.Observe == nil {
		o.Observe = nobody{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Holds == nil {
		o.Holds = func(*tx.Tx, push.Subscription) (bool, error) { return true, nil }
	}
	s := &Sender{o: o, places: newPlaces(), rung: make(chan struct{}, 1), ended: make(chan struct{}, 1), accounts: map[mail.AccountID]bool{},
		dirty: map[mail.AccountID]time.Time{}, busy: map[mail.AccountID]bool{}}
	s.ctx, s.end = context.WithCancel(context.Background())
	s.unhear = o.Bus.Subscribe(subject, s.hear)
	return s, nil
}

// Close ends what is under way.
func (s *Sender) Close() {
	s.unhear()
	s.end()
	s.running.Wait()
}

// Ring is told of each commit on this node that changed an account, and returns at once.
func (s *Sender) Ring(c mail.StateChange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts[c.Account] {
		s.look(c.Account, time.Now())
	}
}

// lookAt has an account looked at.
func (s *Sender) lookAt(account mail.AccountID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look(account, time.Time{})
}

// look has an account looked at. The lock is held.
func (s *Sender) look(account mail.AccountID, since time.Time) {
	if _, waits := s.dirty[account]; !waits {
		s.dirty[account] = since
	}
	select {
	case s.rung <- struct{}{}:
	default:
	}
}

// Created has the client of a new subscription sent its code, and returns at once.
func (s *Sender) Created(sub push.Subscription) { s.verify(s.ctx, sub) }

// subject is where nodes tell each other which accounts have a subscription that was just verified: each looks after the changes that
// it commits itself.
const subject = "push.verified"

const noticeFormat = 1

// Verified has an account looked after, by all nodes, that has a subscription which is verified.
func (s *Sender) Verified(account mail.AccountID) {
	s.o.Bus.Publish(subject, binary.AppendVarint([]byte{noticeFormat}, int64(account)))
}

func (s *Sender) hear(b []byte) {
	if len(b) < 2 || b[0] != noticeFormat {
		return
	}
	account, n := binary.Varint(b[1:])
	if n <= 0 {
		return
	}
	s.lookAfter(mail.AccountID(account))
}

// NodesEnded has what is looked for that a node may have left untold which is no more, and returns at once.
func (s *Sender) NodesEnded() {
	select {
	case s.ended <- struct{}{}:
	default:
	}
}

func (s *Sender) lookAfter(account mail.AccountID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[account] = true
	s.look(account, time.Time{})
}

// Check refuses a URL that nothing will be sent to.
func (s *Sender) Check(url string) error { return fetch.Check(url, false) }

// Run sends until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	s.recover(ctx)
	for s.poll(ctx); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.poll(ctx)
		case <-s.ended:
			s.recover(ctx)
			s.poll(ctx)
		case <-s.rung:
		}
		s.start(ctx)
	}
}

// recover marks what a process that is no more was to tell.
func (s *Sender) recover(ctx context.Context) {
	if err := s.o.Tx.Write(ctx, nil, s.o.Subscriptions.Recover); err != nil && ctx.Err() == nil {
		s.o.Log.Error("web push: what was missed cannot be found out", "err", err)
	}
}

// poll finds out which accounts have subscriptions, those of other nodes too, and what is due.
func (s *Sender) poll(ctx context.Context) {
	known := map[mail.AccountID]bool{}
	var due []push.Ref
	err := s.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		clear(known)
		for after := mail.AccountID(0); ; {
			page, err := s.o.Subscriptions.Accounts(t, after, pageSize)
			if err != nil {
				return err
			}
			for _, account := range page {
				known[account], after = true, account
			}
			if len(page) < pageSize {
				break
			}
		}
		due, err = s.o.Subscriptions.Due(t, dueAtATime)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			s.o.Log.Error("web push: subscriptions cannot be read", "err", err)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for account := range s.accounts { // one that was added meanwhile stays until the next time
		known[account] = known[account] || s.dirty[account] != (time.Time{})
	}
	for account := range known { // what this node has committed before it knew of the account was not told
		if s.polled && !s.accounts[account] {
			s.look(account, time.Time{})
		}
	}
	s.accounts, s.polled = known, true
	for _, r := range due {
		s.look(r.Account, time.Time{})
	}
}

// start looks at the accounts that are to be looked at, but for those that somebody is at.
func (s *Sender) start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for account, since := range s.dirty {
		if s.busy[account] {
			continue
		}
		delete(s.dirty, account)
		s.busy[account] = true
		s.running.Go(func() {
			s.tell(ctx, account, since)
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.busy, account)
			if _, again := s.dirty[account]; again {
				s.look(account, time.Time{})
			}
		})
	}
}

type nobody struct{}

func (nobody) Sent(string, time.Duration) {}
func (nobody) Pushed(string)              {}
