package webpush

import (
	"context"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// places are those of requests under way. An account has a few of them: whoever names places that answer late, or not at all, makes
// others wait no longer for that.
type places struct {
	all chan struct{}

	mu       sync.Mutex
	accounts map[mail.AccountID]*lane
}

// lane is what an account has of the places.
type lane struct {
	own   chan struct{}
	users int // that have one, wait for one, or will
}

func newPlaces() *places {
	return &places{all: make(chan struct{}, AtOnce), accounts: map[mail.AccountID]*lane{}}
}

// join has a caller for whom there is not more than so many others use the places of an account, until leave is called. ok is false
// for one more.
func (p *places) join(account mail.AccountID, most int) (l *lane, leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l = p.accounts[account]; l == nil {
		l = &lane{own: make(chan struct{}, PerAccount)}
		p.accounts[account] = l
	}
	if l.users >= most {
		return nil, nil, false
	}
	l.users++
	return l, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(p.accounts, account)
		}
	}, true
}

// take waits for a place, which release gives back. ok is false where ctx ends first.
func (p *places) take(ctx context.Context, l *lane) (release func(), ok bool) {
	select {
	case l.own <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	select {
	case p.all <- struct{}{}:
		return func() { <-p.all; <-l.own }, true
	case <-ctx.Done():
		<-l.own
		return nil, false
	}
}
