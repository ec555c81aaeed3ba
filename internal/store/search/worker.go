package search

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	// collecting is how long the worker waits after a bell, so that what comes together is indexed together.
	collecting = 250 * time.Millisecond
	// polling is how often it looks for accounts whose bell was lost, or whose worker was another node.
	polling = 5 * time.Minute
	// retrying is how long it waits after a failure.
	retrying = 5 * time.Second
	// busyRings in a round say that the server has better things to do: the worker then takes a seventh of one core.
	busyRings = 20
	restShare = 6
)

// rebuilt is the subject under which nodes say that they have had an index be made anew; the account follows, as a variable-length integer.
const rebuilt = "index.rebuilt"

// part are the accounts whose number has one remainder.
type part struct {
	number int
	wake   chan struct{}

	mu      sync.Mutex
	runs    bool                    // here
	waiting map[mail.AccountID]bool // accounts that changed; true: Step is to settle
	rung    int                     // since the last round

	left atomic.Int64 // accounts of this round
}

func (x *Index) part(account mail.AccountID) *part {
	return x.parts[uint64(account)%uint64(len(x.parts))]
}

// Ring says that an account changed. It does not block.
func (x *Index) Ring(c mail.StateChange) { x.part(c.Account).mark(c.Account, false, 1) }

// mark puts an account among those that wait, where this process keeps it up; settle as for Step.
func (p *part) mark(account mail.AccountID, settle bool, rung int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.runs {
		return
	}
	p.waiting[account] = p.waiting[account] || settle
	p.rung += rung
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run switches the part on or off. What waited is found again by poll.
func (p *part) run(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs, p.waiting, p.rung = on, map[mail.AccountID]bool{}, 0
}

// Run indexes what comes, of all parts, until ctx ends.
func (x *Index) Run(ctx context.Context) {
	var running sync.WaitGroup
	for i := range x.parts {
		running.Go(func() { x.RunPart(ctx, i) })
	}
	running.Wait()
}

// RunPart indexes what comes for the accounts of a part until ctx ends. Two that do the same part do no harm, and waste work.
func (x *Index) RunPart(ctx context.Context, number int) {
	p := x.parts[number]
	p.run(true)
	defer p.run(false)
	defer x.bus.Subscribe(rebuilt, func(payload []byte) {
		if id, n := binary.Uvarint(payload); n > 0 && x.part(mail.AccountID(id)) == p {
			p.mark(mail.AccountID(id), true, 1)
		}
	})()
	x.poll(ctx, p)
	next := time.NewTicker(polling)
	defer next.Stop()
	pause := collecting
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			x.poll(ctx, p)
		case <-p.wake:
			if !rest(ctx, pause) {
				return
			}
			more, err := x.round(ctx, p)
			switch pause = collecting; {
			case err != nil && ctx.Err() == nil:
				x.log.LogAttrs(ctx, slog.LevelError, "the text index waits", slog.Any("err", err))
				pause = retrying
			case more:
				pause = 0
			}
		}
	}
}

// rest waits and reports whether ctx goes on.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// round gives every account that waits a step, so that one with much mail does not keep the others from theirs. One that
// fails keeps nobody from his; the first error is returned. more says that some have more to do.
func (x *Index) round(ctx context.Context, p *part) (more bool, failed error) {
	p.mu.Lock()
	accounts, busy := p.waiting, p.rung > busyRings
	p.waiting, p.rung = map[mail.AccountID]bool{}, 0
	p.mu.Unlock()
	p.left.Store(int64(len(accounts)))
	defer func() { p.left.Store(0); x.behind() }()
	for account, settle := range accounts {
		x.behind()
		p.left.Add(-1)
		begun := time.Now()
		again, err := x.Step(ctx, account, settle)
		if again || err != nil {
			p.mark(account, settle, 0) // which is no sign of a busy server
		}
		more = more || again
		if failed == nil && err != nil {
			failed = fmt.Errorf("account %v: %w", account, err)
		}
		if busy && !rest(ctx, restShare*time.Since(begun)) || ctx.Err() != nil {
			return more, context.Cause(ctx)
		}
	}
	return more, failed
}

func (x *Index) behind() {
	if x.observe == nil {
		return
	}
	var accounts int64
	for _, p := range x.parts {
		accounts += p.left.Load()
	}
	x.observe.Behind(int(accounts))
}

// poll marks all accounts of a part whose index is not where their change log is.
func (x *Index) poll(ctx context.Context, p *part) {
	var after mail.AccountID
	for {
		found, err := x.unseen(ctx, p, after, 500)
		if err != nil {
			if ctx.Err() == nil {
				x.log.LogAttrs(ctx, slog.LevelError, "the text index cannot ask which accounts changed", slog.Any("err", err))
			}
			return
		}
		for _, account := range found {
			p.mark(account, true, 0)
			after = account
		}
		if len(found) < 500 {
			return
		}
	}
}

// unseen lists accounts after one whose index has not seen all of their change log.
func (x *Index) unseen(ctx context.Context, p *part, after mail.AccountID, limit int) (found []mail.AccountID, err error) {
	err = x.tx.Read(ctx, func(t *tx.Tx) error {
		found = nil
		rows, err := t.SQL().Query(`SELECT a.id FROM account a LEFT JOIN text_index i ON i.account_id = a.id
			WHERE a.id > $1 AND a.id % $4 = $5 AND a.state = 'here' AND (i.account_id IS NULL OR i.format <> $2 OR i.walk <> -1 OR i.modseq < a.modseq)
			ORDER BY a.id LIMIT $3`, after, int64(format), limit, int64(len(x.parts)), p.number)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id mail.AccountID
			if err := rows.Scan(&id); err != nil {
				return err
			}
			found = append(found, id)
		}
		return rows.Err()
	})
	return found, err
}
