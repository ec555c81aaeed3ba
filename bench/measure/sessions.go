package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/proc"
)

// SessionsOptions: Count sessions are opened over the accounts in turn, each with
// INBOX selected and in IDLE.
type SessionsOptions struct {
	Addr     string
	IMAP     imap.Options
	Accounts []Account
	Count    int
	PIDs     []int
	Settle   time.Duration // for the server to come to rest before memory is read

	// Rest asks the server to give back what it holds without need, where it can be
	// asked: otherwise a garbage collection between the two readings is counted as
	// memory that sessions have freed. nil: it cannot.
	Rest func(context.Context) error

	Parallel int // sessions being opened at a time; 0 is 8
}

// SessionsResult is what the sessions cost the server.
type SessionsResult struct {
	Sessions    int         `json:"sessions"`
	Before      proc.Memory `json:"before"`
	After       proc.Memory `json:"after"`
	RSSEach     float64     `json:"rss_kib_each"`
	PSSEach     float64     `json:"pss_kib_each"`
	OpenSeconds float64     `json:"open_seconds"`
}

// Sessions measures the server's memory before and after. At the end every session
// must still answer: one that was dropped is an error.
func Sessions(ctx context.Context, o SessionsOptions) (*SessionsResult, error) {
	if o.Count < 1 || len(o.Accounts) == 0 || len(o.PIDs) == 0 {
		return nil, errors.New("sessions, accounts and the server's process ids are needed")
	}
	if o.Parallel < 1 {
		o.Parallel = 8
	}
	r := &SessionsResult{Sessions: o.Count}
	var err error
	if r.Before, err = o.memory(ctx); err != nil {
		return nil, err
	}
	conns := make([]*imap.Conn, o.Count)
	closeConns := func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}
	defer closeConns()
	begin := time.Now()
	if err := openSessions(ctx, o, conns); err != nil {
		return nil, err
	}
	r.OpenSeconds = time.Since(begin).Seconds()
	if r.After, err = o.memory(ctx); err != nil {
		return nil, err
	}
	r.RSSEach = float64(r.After.RSS-r.Before.RSS) / 1024 / float64(o.Count)
	r.PSSEach = float64(r.After.PSS-r.Before.PSS) / 1024 / float64(o.Count)
	return r, stillIdle(conns)
}

// memory of the server once it has come to rest.
func (o *SessionsOptions) memory(ctx context.Context) (proc.Memory, error) {
	if o.Rest != nil {
		if err := o.Rest(ctx); err != nil {
			return proc.Memory{}, err
		}
	}
	if err := pause(ctx, o.Settle); err != nil {
		return proc.Memory{}, err
	}
	return proc.System.Memory(o.PIDs...)
}

// sessionsPerHost is less than what servers let one host have.
const sessionsPerHost = 100

func openSessions(ctx context.Context, o SessionsOptions, conns []*imap.Conn) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Parallel)
	for i := range conns {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			opts := o.IMAP
			account := o.Accounts[i%len(o.Accounts)]
			opts.Username, opts.Password, opts.Lean, opts.From = account.Address, account.Password, true, 1+i/sessionsPerHost
			c, err := imap.Dial(gctx, o.Addr, opts)
			if err != nil {
				return fmt.Errorf("session %d: %w", i+1, err)
			}
			conns[i] = c
			if _, err := c.Select("INBOX"); err != nil {
				return fmt.Errorf("session %d: %w", i+1, err)
			}
			return c.StartIdle()
		})
	}
	return errors.Join(ctx.Err(), g.Wait())
}

func stillIdle(conns []*imap.Conn) error {
	for i, c := range conns {
		if err := c.EndIdle(); err != nil {
			return fmt.Errorf("session %d was dropped: %w", i+1, err)
		}
		for {
			r, err := c.Next()
			if err != nil || r.Is("BYE") {
				return fmt.Errorf("session %d was dropped: %s %w", i+1, r.Rest, err)
			}
			if r.Tag == imap.Tagged {
				break
			}
		}
	}
	return nil
}
