package node

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/leases"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// indexParts is how many parts of the text index the nodes of a cluster share.
const indexParts = 8

// openIndex makes the text index, which hears of the commits of all nodes.
func (r *rooms) openIndex(log *slog.Logger, m *meters) {
	o := search.Options{Tx: r.tx, Bodies: r.bodies, Logger: log, Observe: m, Bus: r.bus}
	if !r.alone() {
		o.Parts = indexParts
	}
	r.search = search.NewIndex(o)
	cancel := r.realtime.Listen(r.search.Ring)
	r.closers = append(r.closers, func() error { cancel(); return nil })
}

// duty is work that one node of the server does as long as it can.
type duty struct {
	name string
	do   func(context.Context)
}

func (n *Node) duties() []duty {
	list := []duty{{"bring back snoozed mail", n.rooms.snoozing.Run}}
	for i := range indexParts {
		list = append(list, duty{fmt.Sprintf("text index, part %d", i), func(ctx context.Context) { n.rooms.search.RunPart(ctx, i) }})
	}
	return list
}

// startShared runs what one node does at a time, chores and duties: here where no other node can be, and under leases in a
// cluster, whose fences go with the context into every commit. What it returns waits for the end, which that of ctx brings.
func (n *Node) startShared(ctx context.Context, chores []chore) (wait func()) {
	var running sync.WaitGroup
	if n.rooms.alone() {
		running.Go(func() { n.rooms.search.Run(ctx) })
		running.Go(func() { n.rooms.snoozing.Run(ctx) })
		for _, c := range chores {
			running.Go(func() { n.repeat(ctx, c) })
		}
		return running.Wait
	}
	var works []leases.Work
	for _, d := range n.duties() {
		works = append(works, leases.Work{Name: d.name, Do: func(ctx context.Context, held *leases.Held) error {
			d.do(tx.WithFence(ctx, held.Fence))
			return nil
		}})
	}
	for _, c := range chores {
		works = append(works, leases.Work{Name: c.name, Every: c.every, Do: func(ctx context.Context, held *leases.Held) error {
			return c.do(tx.WithFence(ctx, held.Fence))
		}})
	}
	shared := leases.New(leases.Options{DB: n.rooms.db, Member: n.member, Log: n.log})
	forget := n.member.OnEnded(shared.Wake)
	running.Go(func() {
		if err := shared.Run(ctx, works...); err != nil {
			n.log.Error("no shared work is done here", "err", err) // a name that is none: TestDuties
		}
	})
	return func() { running.Wait(); forget() }
}
