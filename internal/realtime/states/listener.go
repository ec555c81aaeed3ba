package states

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Listening says what a Listener wants to hear of.
type Listening struct {
	Accounts map[mail.AccountID]Types // and of which types of each
	Since    PushState                // what the client knows; nil: it is told of what comes from now on
	Wake     func()                   // called when Next has something; it returns at once
	Settings func()                   // called when a sign-in to one of the accounts may have ended; it returns at once. nil: never
}

// Listener hears of the states of some accounts, for one client. Next, Follow and Close are called by one goroutine at a time.
type Listener struct {
	feed     *Feed
	wake     func()
	settings func()

	mu       sync.Mutex
	accounts []following // by id
}

// following is an account that the client hears of.
type following struct {
	*followed
	types    Types
	told     State // what the client knows
	settings mail.ModSeq
}

// Listen begins to listen. What has changed after Listening.Since can be had by Next at once, and wakes nobody. It ends with ctx's
// error where the accounts could not be read by then.
func (f *Feed) Listen(ctx context.Context, o Listening) (*Listener, error) {
	l := &Listener{feed: f, wake: o.Wake, settings: o.Settings}
	since := o.Since
	if since == nil {
		since = FromNow(o.Accounts)
	}
	if err := l.Follow(ctx, o.Accounts, since); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// fromNow is the epoch of a client that is to hear of what comes.
const fromNow = -1

// FromNow is what a client knows that is to hear of what comes from now on.
func FromNow(accounts map[mail.AccountID]Types) PushState {
	p := PushState{}
	for account := range accounts {
		p[account] = State{Epoch: fromNow}
	}
	return p
}

// Follow makes these the accounts that are listened to, of which the client knows what since says: nothing of those that are not
// in it. Without a since it goes on with what it was told. Next may have something afterwards.
func (l *Listener) Follow(ctx context.Context, accounts map[mail.AccountID]Types, since PushState) error {
	for _, f := range l.current() {
		if _, still := accounts[f.account]; !still {
			l.drop(f.followed)
		}
	}
	for account, types := range accounts {
		if l.change(account, types, since) {
			continue
		}
		a := l.feed.follow(account, l)
		select {
		case <-a.ready:
		case <-ctx.Done():
			l.feed.leave(a, l)
			return fmt.Errorf("states of account %v: %w", account, ctx.Err())
		}
		l.add(following{followed: a, types: types, told: since[account]})
	}
	return nil
}

func (l *Listener) current() []following {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.accounts)
}

// change sets the types of an account that is listened to, and what is known of it.
func (l *Listener) change(account mail.AccountID, types Types, since PushState) (there bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.accounts {
		if f := &l.accounts[i]; f.account == account {
			f.types = types
			if since != nil {
				f.told = since[account]
				f.begin()
			}
			return true
		}
	}
	return false
}

func (l *Listener) add(f following) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f.begin()
	f.settings = f.now.Load().settings()
	l.accounts = append(l.accounts, f)
	slices.SortFunc(l.accounts, func(a, b following) int { return int(a.account - b.account) })
}

// begin is called with the listener locked: a snapshot that is newer will find the account in it.
func (f *following) begin() {
	if f.told.Epoch == fromNow {
		f.told = f.now.Load().State
	}
}

func (l *Listener) drop(a *followed) {
	l.mu.Lock()
	l.accounts = slices.DeleteFunc(l.accounts, func(f following) bool { return f.followed == a })
	l.mu.Unlock()
	l.feed.leave(a, l)
}

// Close ends it.
func (l *Listener) Close() {
	for _, f := range l.current() {
		l.drop(f.followed)
	}
}

// heard wakes the client, if it wants to know of what has changed.
func (l *Listener) heard(a *followed, s *Snapshot) {
	l.mu.Lock()
	news, settings := false, false
	for i := range l.accounts {
		f := &l.accounts[i]
		if f.followed != a {
			continue
		}
		if news = s.Since(f.told)&f.types != 0; !news {
			f.told = s.State
		}
		settings = s.settings() > f.settings
		f.settings = s.settings()
	}
	l.mu.Unlock()
	if news && l.wake != nil {
		l.wake()
	}
	if settings && l.settings != nil {
		l.settings()
	}
}

// Changed is an account with states that a client does not know.
type Changed struct {
	Account mail.AccountID
	Types   Types
	Now     *Snapshot
}

// Next returns what the client does not know, and counts it as told; ok is false if that is nothing. rung is when the newest of
// it was committed, if that is known.
func (l *Listener) Next() (changed []Changed, rung time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.accounts {
		f := &l.accounts[i]
		now := f.now.Load()
		if types := now.Since(f.told) & f.types; types != 0 {
			changed = append(changed, Changed{f.account, types, now})
			if now.Rung.After(rung) {
				rung = now.Rung
			}
		}
		f.told = now.State
	}
	return changed, rung, len(changed) > 0
}

// Told is what the client knows after the last Next: a Listener that begins there misses nothing.
func (l *Listener) Told() PushState {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := make(PushState, len(l.accounts))
	for i := range l.accounts {
		p[l.accounts[i].account] = l.accounts[i].told
	}
	return p
}

// PushState is what a client knows of several accounts (RFC 8887 4.3.5.1).
type PushState map[mail.AccountID]State

// maxPushState bounds what is read as one.
const maxPushState = 1000

func (p PushState) String() string {
	parts := make([]string, 0, len(p))
	for account, s := range p {
		parts = append(parts, account.String()+":"+s.String())
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// ParsePushState reads what PushState.String wrote. Of what it cannot read the client knows nothing: it is told more than it needs,
// and no less.
func ParsePushState(text string) PushState {
	p := PushState{}
	for part := range strings.SplitSeq(text, ",") {
		name, state, _ := strings.Cut(part, ":")
		account, err1 := mail.ParseAccountID(name)
		s, err2 := Parse(state)
		if err1 == nil && err2 == nil && s.Epoch >= 0 && len(p) < maxPushState {
			p[account] = s
		}
	}
	return p
}
