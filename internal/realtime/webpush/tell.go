package webpush

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/push"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// news is what a subscription is to be told.
type news struct {
	push.Subscription
	text    ijson.Value
	now     states.State
	urgency string
	holds   bool
}

// tell tells the subscriptions of an account what is new to them. since is when that came to be, zero: not known.
func (s *Sender) tell(ctx context.Context, account mail.AccountID, since time.Time) {
	var all []news
	err := s.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		all, err = s.read(t, account)
		return err
	})
	if err != nil {
		if ctx.Err() == nil && !mail.Is(err, mail.NotFound) {
			s.o.Log.Error("web push: the states of an account cannot be read", "account", account, "err", err)
		}
		return
	}
	l, leave, _ := s.places.join(account, math.MaxInt)
	defer leave()
	var told sync.WaitGroup
	for _, n := range all {
		told.Go(func() {
			if release, ok := s.places.take(ctx, l); ok {
				defer release()
				s.tellOne(ctx, n, since)
			}
		})
	}
	told.Wait()
}

// read finds what is new to each subscription of an account.
func (s *Sender) read(t *tx.Tx, account mail.AccountID) (all []news, err error) {
	list, err := s.o.Subscriptions.All(t, account)
	if err != nil {
		return nil, err
	}
	for _, sub := range list {
		if !sub.Verified {
			continue
		}
		n := news{Subscription: sub}
		if n.holds, err = s.o.Holds(t, sub); err != nil {
			return nil, err
		}
		changed, err := states.Since(t, account, states.State{Epoch: sub.Epoch, ModSeq: sub.Told})
		if err != nil {
			return nil, err
		}
		types := changed.Types
		if sub.Types != nil {
			types &= named(sub.Types)
		}
		n.now, n.urgency = changed.Now, "low"
		if types == 0 && n.holds {
			if sub.Owed {
				all = append(all, n) // there is nothing to tell, and that is to be noted
			}
			continue
		}
		if types&states.Set(states.EmailDelivery) != 0 {
			n.urgency = "normal" // RFC 8030 5.3: as of a chat; what cannot wait is a notification
		}
		if n.text, err = stateChange(account, changed, types); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

func named(names []string) (types states.Types) {
	for _, name := range names {
		types |= states.Set(states.Type(name))
	}
	return types
}

// stateChange is RFC 8620 7.1's.
func stateChange(account mail.AccountID, changed states.ChangedSince, types states.Types) (ijson.Value, error) {
	of := map[string]string{}
	types.Each(func(t states.Type) { of[string(t)] = changed.Of(t) })
	return ijson.Marshal(map[string]any{"@type": "StateChange", "changed": map[string]any{account.String(): of}})
}

// again is when a subscription is looked at once more that another node was telling: longer than a commit takes.
const again = time.Second

// tellOne tells one subscription, unless somebody else is at it.
func (s *Sender) tellOne(ctx context.Context, n news, since time.Time) {
	ref := push.Ref{Account: n.Account, ID: n.ID}
	var mine bool
	err := s.o.Tx.Write(ctx, nil, func(t *tx.Tx) (err error) {
		if !n.holds {
			_, err = s.o.Subscriptions.Destroy(t, n.Account, n.ID)
			return err
		}
		if n.text == nil {
			_, err = s.o.Subscriptions.Told(t, ref, n.now.Epoch, n.now.ModSeq)
			return err
		}
		mine, err = s.o.Subscriptions.Begin(t, n.Subscription)
		return err
	})
	if err == nil && !mine && n.text != nil && !since.IsZero() { // who was at it may have looked before this was committed
		time.AfterFunc(again, func() { s.lookAt(n.Account) })
	}
	if err != nil || !mine {
		s.report(ctx, n.Subscription, err)
		return
	}
	result, pause := s.post(ctx, message{sub: n.Subscription, text: n.text, ttl: stateTTL, urgency: n.urgency, topic: "state"})
	if result == sent && !since.IsZero() {
		s.o.Observe.Sent(Kind, time.Since(since))
	}
	more := false
	err = s.o.Tx.Write(context.WithoutCancel(ctx), nil, func(t *tx.Tx) (err error) {
		switch result {
		case gone:
			_, err = s.o.Subscriptions.Destroy(t, n.Account, n.ID)
		case failed:
			err = s.o.Subscriptions.Failed(t, ref, pause)
		default:
			more, err = s.o.Subscriptions.Told(t, ref, n.now.Epoch, n.now.ModSeq)
		}
		return err
	})
	if err == nil && more {
		s.lookAt(n.Account)
	}
	s.report(ctx, n.Subscription, err)
}

func (s *Sender) report(ctx context.Context, sub push.Subscription, err error) {
	if err != nil && ctx.Err() == nil {
		s.o.Log.Error("web push: what became of a subscription cannot be noted", "account", sub.Account, "subscription", sub.ID, "err", err)
	}
}
