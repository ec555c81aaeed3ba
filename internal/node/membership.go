package node

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// alone reports whether no other process can use the database: the folder of SQLite is locked.
func (r *rooms) alone() bool { return r.db.Engine() == db.SQLite }

// nodeName is what people call this node: its hostname may be that of all.
func (n *Node) nodeName() string {
	if n.cfg.Cluster.Name != "" {
		return n.cfg.Cluster.Name
	}
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return n.cfg.Hostname
}

// startMembership makes this process one of the server's nodes. It is so before any door opens, and until what it returns is
// called: all that is leased under its life has stopped by then.
func (n *Node) startMembership(ctx context.Context) (leave func(), err error) {
	address, err := n.startBus(ctx)
	if err != nil {
		return nil, err
	}
	r := n.rooms
	n.member, err = members.Join(ctx, members.Options{DB: r.db, Name: n.nodeName(), Version: Release(), Schema: r.db.Schema(), Alone: r.alone(), Address: address, Log: n.log})
	if err != nil {
		n.stopBus()
		return nil, err
	}
	if address != "" {
		n.member.OnSeen(n.route)
		if nodes, err := n.member.Nodes(ctx); err == nil { // else at the first look, which comes soon
			n.route(nodes)
		}
	}
	living, die := context.WithCancel(context.WithoutCancel(ctx)) // the lease is renewed for what still runs when ctx ends
	var renewing sync.WaitGroup
	renewing.Go(func() { n.member.Run(living) })
	return func() {
		die()
		renewing.Wait()
		defer n.stopBus() // when the others can know that there is nobody to connect to
		leaving, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer done()
		if err := n.member.Leave(leaving); err != nil && !mail.Is(err, mail.Gone) {
			n.log.Warn("the node ends without leaving: others will notice within 10 seconds", "err", err)
		}
	}, nil
}

// setState tells the other nodes what this one is at. That it cannot be told now is no reason to stop.
func (n *Node) setState(ctx context.Context, s members.State) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := n.member.SetState(ctx, s); err != nil {
		n.log.Warn("cannot tell other nodes what this one is at", "state", s, "err", err)
	}
}
