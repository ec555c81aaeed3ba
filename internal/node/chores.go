package node

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// chore is work beside the doors that comes again and again. Each is repeatable and may be cut off at any point. One node does it
// for all, whichever finds it due.
type chore struct {
	name  string
	every time.Duration
	do    func(context.Context) error
}

// maxForgotten is how many records one commit of the chore forgets.
const maxForgotten = 500

func (n *Node) choreList() []chore {
	keep := time.Duration(n.cfg.Bodies.Keep)
	return append(n.policyChores(), []chore{
		{"finish interrupted mailbox work", 10 * time.Minute, func(ctx context.Context) error { return n.rooms.mailbox.Finish(ctx, 10*time.Minute) }},
		{"remove closed accounts", time.Hour, n.rooms.provision.Tidy},
		{"forget answers of past writes", 10 * time.Minute, n.forgetDone},
		{"let go of uploads that nothing names", time.Hour, n.rooms.bodies.ExpireUploads},
		{"collect bodies without a name", time.Hour, func(ctx context.Context) error {
			c, err := n.rooms.bodies.Collect(ctx, keep)
			n.log.Debug("bodies collected", "result", c)
			return err
		}},
		{"compact packs", time.Hour, func(ctx context.Context) error {
			c, err := n.rooms.bodies.Compact(ctx)
			n.log.Debug("packs compacted", "result", c)
			return err
		}},
		{"sweep bodies without a row", time.Hour, func(ctx context.Context) error {
			if due, err := n.rooms.bodies.SweepDue(ctx); err != nil || !due {
				return err
			}
			swept, err := n.rooms.bodies.SweepOrphans(ctx, keep)
			n.log.Debug("bodies swept", "result", swept)
			return err
		}},
		{"take destroyed mail from the text index", 24 * time.Hour, n.rooms.search.CleanAll},
		{"forget sessions of programs", time.Hour, n.forgetSessions},
		{"forget push subscriptions that have expired", time.Hour, n.forgetPushSubscriptions},
		{"forget old submissions", time.Hour, n.forgetSubmissions},
		{"forget who was told that somebody is away", time.Hour, n.forgetTold},
		{"forget what was retried", 24 * time.Hour, n.forgetRetried},
		{"forget senders of forwarded mail", 24 * time.Hour, n.forgetSenders},
		{"forget retired keys", 24 * time.Hour, n.forgetKeys},
		{"trim change logs and thread references", 24 * time.Hour, n.trim},
	}...)
}

// finishInterrupted ends what the last process was at when it stopped. It comes before the doors open: work of several
// commits that a session then begins must not be taken for left over. On a database that other nodes may use nobody can
// tell the one from the other, and the chore waits until it is old.
func (n *Node) finishInterrupted(ctx context.Context) {
	if n.rooms.db.Engine() != db.SQLite {
		return
	}
	if err := n.rooms.mailbox.Finish(ctx, 0); err != nil && ctx.Err() == nil {
		n.log.Error("interrupted mailbox work is left to be finished later", "err", err)
	}
}

// startChores runs what every node does for its own clients until the returned function is called, which waits for it.
func (n *Node) startChores(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		n.rooms.realtime.Run(ctx, n.rooms.mailbox, func(err error) { n.log.Warn("cannot ask for changes", "err", err) })
	})
	for _, ended := range []func(){n.rooms.webPush.NodesEnded, n.rooms.tracking.NodesEnded} {
		forget := n.member.OnEnded(ended)
		context.AfterFunc(ctx, forget)
	}
	running.Go(func() { n.rooms.webPush.Run(ctx) })
	running.Go(func() { n.rooms.tracking.Run(ctx) })
	running.Go(func() { n.certificates.run(ctx) })
	running.Go(func() { n.repeat(ctx, n.counting()) })
	return func() { cancel(); running.Wait() }
}

// startWork runs what any node can do for all until the returned function is called, which waits for it: what was taken is given
// back.
func (n *Node) startWork(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	wait, stopQueue := n.startShared(ctx, n.choreList()), n.startQueue(ctx)
	return func() { cancel(); stopQueue(); wait() }
}

// repeat does a chore, the first time within a minute of the start: what a stopped process left is tidied up then. The
// times differ so that nodes and chores do not come together.
func (n *Node) repeat(ctx context.Context, c chore) {
	wait := rand.N(time.Minute)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if err := c.do(ctx); err != nil && ctx.Err() == nil {
			n.log.Error("a chore failed, it will be tried again", "chore", c.name, "err", err)
		}
		wait = c.every*3/4 + rand.N(c.every/2)
	}
}

func (n *Node) forgetDone(ctx context.Context) error {
	for {
		gone, err := n.rooms.tx.ForgetDone(ctx, maxForgotten)
		if err != nil || gone < maxForgotten {
			return err
		}
	}
}

// trim shortens the change log of every account and forgets its threads that have no mail any more.
func (n *Node) trim(ctx context.Context) error {
	var after mail.Address
	for {
		page, err := n.rooms.provision.Accounts(ctx, "", after, 100)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, a := range page {
			_, err := n.rooms.mailbox.TrimLog(ctx, a.ID)
			if err == nil {
				_, err = n.rooms.mailbox.SweepThreads(ctx, a.ID)
			}
			if err != nil && !mail.Is(err, mail.Gone) { // Gone: removed meanwhile
				return err
			}
		}
		after = page[len(page)-1].Address
	}
}
