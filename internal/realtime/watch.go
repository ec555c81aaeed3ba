package realtime

import (
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Watch hears of the changes of one account.
type Watch struct {
	realtime *Realtime
	account  mail.AccountID
	known    mail.ModSeq // highest number offered, or told by Seen; guarded by the shard
	c        chan mail.StateChange
	ring     chan<- struct{} // rung with each notice; nil: nothing
	call     func(c mail.StateChange, at time.Time)
	at       time.Time // commit of the newest notice, if known; guarded by the shard
}

// Watch begins to watch an account. The caller closes it.
func (r *Realtime) Watch(account mail.AccountID) *Watch { return r.WatchInto(account, nil) }

// WatchInto is Watch for who waits for many accounts at a time: ring, which holds one element, is not empty when one of their
// watches has a notice.
func (r *Realtime) WatchInto(account mail.AccountID, ring chan<- struct{}) *Watch {
	return r.add(&Watch{realtime: r, account: account, c: make(chan mail.StateChange, 1), ring: ring})
}

// WatchFunc is Watch for who is called instead: with each notice, and when its commit was made, the zero time where that is not
// known. The call is made by who rings, so it returns at once and uses no watch.
func (r *Realtime) WatchFunc(account mail.AccountID, call func(c mail.StateChange, at time.Time)) *Watch {
	return r.add(&Watch{realtime: r, account: account, call: call})
}

func (r *Realtime) add(w *Watch) *Watch {
	account := w.account
	s := r.shard(account)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[account]
	if a == nil {
		a = new(watched)
		s.accounts[account] = a
	}
	a.watches = append(a.watches, w)
	return w
}

// C holds the newest notice not yet received, at most one. It is never closed.
func (w *Watch) C() <-chan mail.StateChange { return w.c }

// Seen tells the watch that its owner has read the account at state, so that notices up to there, which the owner's own
// writes cause too, do not wake it. It is allowed, not needed.
func (w *Watch) Seen(state mail.ModSeq) {
	s := w.realtime.shard(w.account)
	s.mu.Lock()
	defer s.mu.Unlock()
	w.known = max(w.known, state)
	select {
	case c := <-w.c:
		if c.State > state {
			w.c <- c
		}
	default:
	}
}

// CommittedAt is when the commit of the newest notice was made, by the clock of its node, zero where that is not known.
func (w *Watch) CommittedAt() time.Time {
	s := w.realtime.shard(w.account)
	s.mu.Lock()
	defer s.mu.Unlock()
	return w.at
}

// Close ends the watch. Closing twice does nothing.
func (w *Watch) Close() {
	s := w.realtime.shard(w.account)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[w.account]
	if a == nil {
		return
	}
	if i := slices.Index(a.watches, w); i >= 0 {
		a.watches = slices.Delete(a.watches, i, i+1)
	}
	if len(a.watches) == 0 {
		delete(s.accounts, w.account)
	}
}

// offer replaces the notice that waits by a newer one. Only holders of the shard's lock send, so after the channel was
// emptied there is room.
func (w *Watch) offer(c mail.StateChange, at time.Time) (news bool) {
	if c.State <= w.known {
		return false
	}
	w.known, w.at = c.State, at
	if w.call != nil {
		w.call(c, at)
		return true
	}
	select {
	case <-w.c:
	default:
	}
	w.c <- c
	select {
	case w.ring <- struct{}{}:
	default: // it rings already, or there is none
	}
	return true
}
