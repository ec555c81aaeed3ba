package node

import (
	"context"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
)

// measureEvery is how often a node measures what it shares with the others.
const measureEvery = 15 * time.Second

// startClusterMeters measures for the metrics until the returned function is called, in a cluster.
func (n *Node) startClusterMeters(ctx context.Context) (stop func()) {
	if n.rooms.alone() {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	states := []members.State{members.Starting, members.Serving, members.Draining, members.Drained}
	var mu sync.Mutex
	others := 0
	n.member.OnSeen(func(seen []members.Node) {
		count := map[members.State]int{}
		for _, node := range seen {
			count[node.State]++
		}
		for _, s := range states {
			n.meters.nodes.Set(float64(count[s]), string(s))
		}
		mu.Lock()
		defer mu.Unlock()
		others = len(seen) - 1
	})
	var measuring sync.WaitGroup
	measuring.Go(func() {
		for {
			mu.Lock()
			want := others
			mu.Unlock()
			n.measureEvents(ctx, want)
			n.measureDatabase(ctx)
			select {
			case <-time.After(measureEvery):
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); measuring.Wait() }
}

// measureEvents sends an event to each other node and back.
func (n *Node) measureEvents(ctx context.Context, others int) {
	bus, ok := n.rooms.bus.(cluster.Pinger)
	if !ok || others < 1 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, roundTripIn)
	defer cancel()
	took, err := bus.Ping(ctx, others)
	if err != nil {
		n.log.Debug("events cannot be measured", "err", err)
	}
	n.meters.eventsBack.Set(float64(len(took)))
	for _, d := range took {
		n.meters.eventSeconds.Time(d)
	}
}

func (n *Node) measureDatabase(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, measureEvery)
	defer cancel()
	h, err := n.rooms.db.Health(ctx)
	if err != nil {
		n.log.Debug("the database's servers cannot be measured", "err", err)
		return
	}
	behind, waitedFor := int64(0), 0
	for _, b := range h.Standbys {
		behind = max(behind, b.Bytes)
		if b.Sync == "sync" || b.Sync == "quorum" {
			waitedFor++
		}
	}
	n.meters.standbys.Set(float64(waitedFor), "yes")
	n.meters.standbys.Set(float64(len(h.Standbys)-waitedFor), "no")
	n.meters.standbyBytes.Set(float64(behind))
}

// showService adds to the metrics whether this node serves, and how old its lease is.
func (n *Node) showService() {
	n.meters.registry.GaugeFunc("in_service", "1 while clients are served, 0 while they are sent elsewhere: the node is drained, or cannot reach its database.", func() float64 {
		if n.service.why() == "" {
			return 1
		}
		return 0
	})
	n.meters.registry.GaugeFunc("node_lease_age_seconds", "How long ago this node has renewed its lease; 0 where it is alone.", func() float64 {
		if n.rooms.alone() || n.serving.Load() == nil {
			return 0
		}
		return n.serving.Load().Life().Age().Seconds()
	})
}
