package load

import (
	"context"
	"time"

	"github.com/mailmesh/mailmesh/test/cluster/history"
)

const (
	lookEvery = 200 * time.Millisecond // the queue works in other processes: nothing tells when it is done
	doubtful  = 2 * time.Second        // for mail of which nobody knows whether it was accepted
)

// settle waits until the mail that the queue owes to accounts is there, for what else may be there a while longer.
func (r *Run) settle(ctx context.Context) {
	record := r.recorder.Record()
	owed, doubt := record.Owed()
	if len(r.targets.IMAP) == 0 {
		return
	}
	begin := time.Now()
	for at := 0; ctx.Err() == nil; at++ {
		there, err := r.tokens(ctx, at)
		switch {
		case err != nil:
		case missing(owed, there) > 0:
		case missing(doubt, there) > 0 && time.Since(begin) < doubtful:
		default:
			return
		}
		sleep(ctx, lookEvery)
	}
}

func missing(keys []history.Key, there map[history.Key]bool) (n int) {
	for _, k := range keys {
		if !there[k] {
			n++
		}
	}
	return n
}

// tokens lists the messages of the accounts to which the queue leads.
func (r *Run) tokens(ctx context.Context, at int) (map[history.Key]bool, error) {
	there := map[history.Key]bool{}
	for _, a := range r.targets.Accounts {
		if !r.relayed(a.Address) {
			continue
		}
		dialing, cancel := context.WithTimeout(ctx, r.plan.Patience)
		c, err := dialIMAP(dialing, r.targets.IMAP[at%len(r.targets.IMAP)], a, r.plan)
		cancel()
		if err != nil {
			return nil, err
		}
		defer c.Close()
		for p := history.Inbox; p <= history.Copies; p++ {
			s, err := c.Examine(p.String())
			if err == nil && s.Exists > 0 {
				err = lines(c, "FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])", func(l line) {
					there[history.Key{Account: a.Address, Message: token(l.header)}] = true
				})
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return there, nil
}

func (r *Run) relayed(account string) bool {
	for _, relay := range r.targets.Relays {
		if relay.Account == account {
			return true
		}
	}
	return false
}
