package realtime

import (
	"context"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// PollInterval is how long a lost notice can cost.
const PollInterval = 15 * time.Second

// pollSize is how many accounts one question names.
const pollSize = 1000

// States is the store's side of the slow poll.
type States interface {
	// States returns the states of those of the accounts that exist, in any order.
	States(ctx context.Context, accounts []mail.AccountID) ([]mail.StateChange, error)
}

// Run asks the store every PollInterval for the states of all watched accounts until ctx ends. A question that fails is
// left to the next round: report hears of it.
func (r *Realtime) Run(ctx context.Context, store States, report func(error)) {
	tick := time.NewTicker(PollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := r.Poll(ctx, store); err != nil && ctx.Err() == nil {
				report(err)
			}
		}
	}
}

// Poll asks the store once.
func (r *Realtime) Poll(ctx context.Context, store States) error {
	watched := r.watched()
	recovered := 0
	defer func() {
		if recovered > 0 {
			r.observe.Recovered(recovered)
		}
	}()
	for len(watched) > 0 {
		n := min(pollSize, len(watched))
		states, err := store.States(ctx, watched[:n])
		if err != nil {
			return err
		}
		for _, c := range states {
			if r.learn(c) {
				recovered++
			}
		}
		watched = watched[n:]
	}
	return nil
}

// learn gives an answer of the store to the watches of its account and reports whether the answer before it told of a
// change whose notice has not come since: it was lost. That a change is known to the store before its notice comes is no
// loss, and of what was before the first answer nothing is known.
func (r *Realtime) learn(c mail.StateChange) (lost bool) {
	s := r.shard(c.Account)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[c.Account]
	if a == nil {
		return false
	}
	lost = a.before > 0 && a.asked > max(a.before, a.heard)
	a.before, a.asked = a.asked, c.State
	a.offer(c, time.Time{})
	return lost
}

// watched lists the watched accounts.
func (r *Realtime) watched() []mail.AccountID {
	var ids []mail.AccountID
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		for id := range s.accounts {
			ids = append(ids, id)
		}
		s.mu.Unlock()
	}
	return ids
}
