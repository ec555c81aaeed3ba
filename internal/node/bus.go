package node

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/nats"
)

// openBus makes the bus: function calls where no other process can use the database, else one that reaches other nodes once
// it was started. A process that administers and does not serve never starts it: the nodes find out what it has changed.
func (r *rooms) openBus(log *slog.Logger) error {
	if r.alone() {
		r.bus = inprocess.New()
		return nil
	}
	secret, err := hkdf.Key(sha256.New, r.master, nil, "mailmesh cluster", 32)
	if err != nil {
		return err
	}
	r.routed = nats.New(nats.Options{Secret: secret, Log: log})
	r.bus = r.routed
	return nil
}

// startBus listens for other nodes. It returns where they reach this one, "" where they do not.
func (n *Node) startBus(ctx context.Context) (address string, err error) {
	r := n.rooms
	if r.routed == nil || len(n.cfg.Listen.Cluster) == 0 {
		return "", nil
	}
	at, err := r.routed.Start(string(n.cfg.Listen.Cluster[0]))
	if err != nil {
		return "", err
	}
	if address, err = n.advertised(ctx, at); err != nil {
		return "", err
	}
	n.log.Info("listening for other nodes", "at", at, "known to them as", address)
	return address, nil
}

// advertised is where other nodes reach this one, which listens at a place.
func (n *Node) advertised(ctx context.Context, at string) (string, error) {
	if n.cfg.Cluster.Address != "" {
		return n.cfg.Cluster.Address, nil
	}
	listens, err := netip.ParseAddrPort(at)
	if err != nil {
		return "", fmt.Errorf("listen.cluster: %w", err)
	}
	host, _, err := net.SplitHostPort(string(n.cfg.Listen.Cluster[0]))
	if err != nil {
		return "", fmt.Errorf("listen.cluster: %w", err)
	}
	if !listens.Addr().IsUnspecified() {
		return net.JoinHostPort(host, fmt.Sprint(listens.Port())), nil // as it was written: a name holds when the address changes
	}
	own, err := n.rooms.db.LocalAddr(ctx)
	if err != nil {
		return "", err
	}
	if !own.IsValid() || own.IsLoopback() {
		own = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		n.log.Warn("the database is on this machine: nodes on others do not reach this one; cluster.address says where they do", "address", own)
	}
	return netip.AddrPortFrom(own, listens.Port()).String(), nil
}

// route keeps this node connected to those that live.
func (n *Node) route(nodes []members.Node) {
	self := n.member.Life().Name
	others := make(map[string]string, len(nodes))
	for _, other := range nodes {
		if other.Name != self {
			others[other.Name] = other.Address
		}
	}
	if err := n.rooms.routed.Route(self, others); err != nil {
		n.log.Error("cannot connect to other nodes", "err", err)
	}
}

func (n *Node) stopBus() {
	if n.rooms.routed != nil {
		n.rooms.routed.Close()
	}
}

// EventRoundTrips asks all other nodes over the bus, and returns how long each took to answer, by the names of the node table: once
// want have, or of those that have when ctx ends.
func (n *Node) EventRoundTrips(ctx context.Context, want int) (map[string]time.Duration, error) {
	if n.rooms.routed == nil {
		return nil, nil
	}
	return n.rooms.routed.Ping(ctx, want)
}
