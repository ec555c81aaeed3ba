package search

import (
	"context"
	"fmt"
	"log/slog"
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

// Ring says that an account changed. It does not block.
func (x *Index) Ring(c mail.StateChange) { x.mark(c.Account, false) }

// mark puts an account among those that wait; settle as for Step.
func (x *Index) mark(account mail.AccountID, settle bool) {
	x.mu.Lock()
	x.waiting[account] = x.waiting[account] || settle
	x.rung++
	x.mu.Unlock()
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// Run indexes what comes until ctx ends.
func (x *Index) Run(ctx context.Context) {
	x.poll(ctx)
	next := time.NewTicker(polling)
	defer next.Stop()
	pause := collecting
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			x.poll(ctx)
		case <-x.wake:
			if !rest(ctx, pause) {
				return
			}
			more, err := x.round(ctx)
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
func (x *Index) round(ctx context.Context) (more bool, failed error) {
	x.mu.Lock()
	accounts, busy := x.waiting, x.rung > busyRings
	x.waiting, x.rung = map[mail.AccountID]bool{}, 0
	x.mu.Unlock()
	left := len(accounts)
	for account, settle := range accounts {
		x.behind(left)
		left--
		begun := time.Now()
		again, err := x.Step(ctx, account, settle)
		if again || err != nil {
			x.again(account, settle)
		}
		more = more || again
		if failed == nil && err != nil {
			failed = fmt.Errorf("account %v: %w", account, err)
		}
		if busy && !rest(ctx, restShare*time.Since(begun)) || ctx.Err() != nil {
			return more, context.Cause(ctx)
		}
	}
	x.behind(left)
	return more, failed
}

func (x *Index) behind(accounts int) {
	if x.observe != nil {
		x.observe.Behind(accounts)
	}
}

// again puts an account back; that is no sign of a busy server.
func (x *Index) again(account mail.AccountID, settle bool) {
	x.mark(account, settle)
	x.mu.Lock()
	x.rung--
	x.mu.Unlock()
}

// poll marks all accounts whose index is not where their change log is.
func (x *Index) poll(ctx context.Context) {
	var after mail.AccountID
	for {
		found, err := x.unseen(ctx, after, 500)
		if err != nil {
			if ctx.Err() == nil {
				x.log.LogAttrs(ctx, slog.LevelError, "the text index cannot ask which accounts changed", slog.Any("err", err))
			}
			return
		}
		for _, account := range found {
			x.again(account, true)
			after = account
		}
		if len(found) < 500 {
			return
		}
	}
}

// unseen lists accounts after one whose index has not seen all of their change log.
func (x *Index) unseen(ctx context.Context, after mail.AccountID, limit int) (found []mail.AccountID, err error) {
	err = x.tx.Read(ctx, func(t *tx.Tx) error {
		found = nil
		rows, err := t.SQL().Query(`SELECT a.id FROM account a LEFT JOIN text_index i ON i.account_id = a.id
			WHERE a.id > $1 AND a.state = 'here' AND (i.account_id IS NULL OR i.format <> $2 OR i.walk <> -1 OR i.modseq < a.modseq)
			ORDER BY a.id LIMIT $3`, after, int64(format), limit)
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
