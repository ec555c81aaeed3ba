package queue

import (
	"context"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// lookForHeirs is how often it is looked for leases of nodes that live no more, besides when one is found to have ended.
const lookForHeirs = time.Minute

// idleLock is within how long the database ends a transaction whose node stands still (infra/db).
const idleLock = 10 * time.Second

// inherit takes over what nodes have leased that live no more.
func (q *Queue) inherit(ctx context.Context) {
	for ended := false; ; {
		wait := lookForHeirs
		if err := q.takeOver(ctx); err != nil && ctx.Err() == nil {
			q.o.Log.Warn("queue: cannot take over the work of nodes that have ended", "err", err)
			wait = time.Second
		}
		if ended {
			wait = min(wait, idleLock)
		}
		select {
		case <-ctx.Done():
			return
		case <-q.ended:
			ended = true
			q.lookAgain()
		case <-time.After(wait):
			if ended {
				q.lookAgain()
			}
			ended = false
		}
	}
}

// lookAgain has all destinations looked at. A node that ended may have been taking something: what it had locked then looked
// to us as if it were not there, and is there again.
func (q *Queue) lookAgain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lookAtAll = time.Now()
	poke(q.poked)
}

func (q *Queue) takeOver(ctx context.Context) error {
	var owners []spool.Lease
	err := q.o.Tx.Read(ctx, func(t *tx.Tx) (err error) { owners, err = q.o.Spool.Owners(t); return err })
	if err != nil || len(owners) == 0 {
		return err
	}
	// Asked after the owners: who owned something then, and does not live now, is over, for no life comes again.
	living, err := q.o.Members.Living(ctx)
	if err != nil {
		return err
	}
	for _, l := range owners {
		if living[l.Owner] == l.Epoch {
			continue
		}
		for n := spool.MaxTakeOver; n == spool.MaxTakeOver; {
			if err := q.o.Tx.Write(ctx, nil, func(t *tx.Tx) (err error) { n, err = q.o.Spool.TakeOver(t, l); return err }); err != nil {
				return err
			}
			if n > 0 {
				q.o.Observe.TakenOver(n)
				q.o.Log.Warn("queue: taken over from a node that has ended", "node", l.Owner, "epoch", l.Epoch, "recipients", n)
			}
		}
	}
	return nil
}

// settleDoubt gives back what our life has leased and we do not know of: a commit that took it stands, though its answer was
// lost. It runs where nothing is being taken.
func (q *Queue) settleDoubt(ctx context.Context) error {
	q.mu.Lock()
	doubt := q.doubt
	q.mu.Unlock()
	if !doubt {
		return nil
	}
	life := q.o.Members.Life()
	lease := spool.Lease{Owner: life.Name, Epoch: life.Epoch}
	for after, more := (spool.Recipient{}), true; more; {
		var leased []spool.Recipient
		err := q.o.Tx.Read(ctx, func(t *tx.Tx) (err error) { leased, err = q.o.Spool.Leased(t, lease, after); return err })
		if err != nil {
			return err
		}
		if more = len(leased) == spool.MaxPage; more {
			after = leased[len(leased)-1]
		}
		unknown := q.unknown(leased)
		for len(unknown) > 0 {
			some := unknown[:min(len(unknown), maxRows)]
			unknown = unknown[len(some):]
			if err := q.o.Tx.Write(ctx, nil, func(t *tx.Tx) error { _, err := q.o.Spool.Finish(t, lease, some); return err }); err != nil {
				return err
			}
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.doubt = false
	return nil
}

// unknown are results that give back what is leased and not held.
func (q *Queue) unknown(leased []spool.Recipient) (out []spool.Result) {
	type key struct {
		id     mail.SpoolID
		number int
	}
	known := make(map[key]bool)
	q.mu.Lock()
	for j := range q.held {
		for _, r := range j.work.Recipients {
			known[key{r.Message, r.Number}] = true
		}
	}
	q.mu.Unlock()
	for _, r := range leased {
		if !known[key{r.Message, r.Number}] {
			out = append(out, spool.Result{Message: r.Message, Number: r.Number, Fence: r.Fence, Domain: r.Address.Domain, Due: r.Due,
				Attempts: r.Attempts, Deadline: r.Deadline, Warned: r.Warned, Last: r.Last})
		}
	}
	return out
}
