package imapserver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// shares has the accounts that are signed in. What one account's sessions do together must leave room for others, however
// many sessions it opens.
type shares struct {
	mu  sync.Mutex
	all map[mail.AccountID]*share
}

// share is one account's part of the server.
type share struct {
	sessions int       // that hold it
	pace     pace      // of its commands
	lists    chan turn // LIST and its kin hold all names while their clients take the answer

	names    atomic.Pointer[nameTable] // the newest one that a session has read
	ordering chan turn                 // one sort or thread is held for it at a time
}

type turn struct{}

// join gives a session its account's share, until leave.
func (s *shares) join(id mail.AccountID, l *Limits) *share {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.all[id]
	if one == nil {
		one = &share{pace: newPace(l.CommandRate, l.CommandBurst), lists: make(chan turn, l.Lists), ordering: make(chan turn, 1)}
		s.all[id] = one
	}
	one.sessions++
	return one
}

func (s *shares) leave(id mail.AccountID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.all[id]
	if one.sessions--; one.sessions == 0 {
		delete(s.all, id)
	}
}

// pace is a token bucket that may go into debt, which is what callers wait off.
type pace struct {
	rate, burst float64 // tokens a second, and at most

	mu     sync.Mutex
	tokens float64
	at     time.Time
}

func newPace(rate, burst int) pace {
	return pace{rate: float64(rate), burst: float64(burst), tokens: float64(burst)}
}

// shortest is the least that a command waits: many short waits would cost more than they save.
const shortest = 50 * time.Millisecond

// take takes a token and returns how long to wait before it is used.
func (p *pace) take(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.at.IsZero() {
		p.tokens = min(p.burst, p.tokens+p.rate*now.Sub(p.at).Seconds())
	}
	p.at = now
	p.tokens--
	if debt := time.Duration(-p.tokens / p.rate * float64(time.Second)); debt >= shortest {
		return debt
	}
	return 0
}

// keepPace lets a client wait whose account sends more commands than Limits.CommandRate. It has its replies first.
func (s *session) keepPace() {
	if s.share == nil {
		return // strangers have few commands
	}
	wait := s.share.pace.take(time.Now())
	if wait == 0 || s.out.Flush() != nil {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
}

// takeTurn takes a turn at looking through messages, and returns what ends it.
func (s *session) takeTurn() (end func(), err error) { return s.o.Finder.Turn(s.ctx, s.account) }

// listing lets few commands of an account at a time hold the names of all its mailboxes.
func listing(run func(*session, imap.Request) (reply, error)) func(*session, imap.Request) (reply, error) {
	return func(s *session, r imap.Request) (reply, error) {
		lists := s.share.lists
		if err := take(s.ctx, lists); err != nil {
			return reply{}, err
		}
		defer func() { <-lists }()
		return run(s, r)
	}
}

func take(ctx context.Context, turns chan turn) error {
	select {
	case turns <- turn{}:
		return nil
	case <-ctx.Done():
		return mail.E("imapserver.take", mail.Unavailable, context.Cause(ctx))
	}
}
