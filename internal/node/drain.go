package node

import (
	"context"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
)

// How a node says goodbye to its clients. What they hear, they answer by connecting again, to the other nodes: all at once would be a
// storm.
const (
	goodbyesEvery = 10 * time.Millisecond // one a session on average,
	goodbyesFor   = 10 * time.Second      // and all of them in this time
	patienceFor   = 45 * time.Second      // with sessions that are asked to end: more than any door has
	lookEvery     = 50 * time.Millisecond // whether the last one is gone
)

// clients is how many sessions are open and requests are under way.
func (n *Node) clients() int {
	return n.service.gate.Sessions() + n.pushing.Clients() + int(n.service.requests.Load())
}

// sayGoodbye says goodbye to all clients, spread over some time in which new ones are still served: a balancer needs a moment to notice
// that this node is not ready any more. It ends early with ctx.
func (n *Node) sayGoodbye(ctx context.Context) {
	within := min(goodbyesFor, time.Duration(n.service.gate.Sessions()+n.pushing.Clients())*goodbyesEvery)
	var spreading sync.WaitGroup
	spreading.Go(func() { n.service.gate.Spread(ctx, within) })
	spreading.Go(func() { n.pushing.Spread(ctx, within) })
	spreading.Wait()
}

// leaveService is what a node of a cluster does before its doors close for good: what others can do, they take over meanwhile.
func (n *Node) leaveService(ctx context.Context, w *work) {
	if n.rooms.alone() { // nobody can take over: the sooner it is over, the sooner it is back
		return
	}
	n.service.note(&n.service.drained, draining)
	n.setState(ctx, members.Draining)
	go w.stop()                  // who stops the rest waits for it
	if n.service.gate.IsShut() { // drained before, or away
		return
	}
	n.log.Info("saying goodbye to clients", "clients", n.clients())
	n.sayGoodbye(ctx)
}

// drainer has a node do what operators want of it while it serves: drain, and serve again.
type drainer struct {
	n      *Node
	wishes chan members.Wish // the newest; whoever tells it waits for nothing
	work   *work
}

// startDraining obeys until the returned function is called.
func (n *Node) startDraining(ctx context.Context, w *work) (stop func()) {
	if n.rooms.alone() {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	d := &drainer{n: n, wishes: make(chan members.Wish, 1), work: w}
	n.member.OnSeen(func(nodes []members.Node) {
		for _, node := range nodes {
			if node.Name == n.member.Life().Name {
				d.want(node.Wish)
			}
		}
	})
	var obeying sync.WaitGroup
	obeying.Go(func() { d.run(ctx) })
	return func() { cancel(); obeying.Wait() }
}

// want tells what is wanted now, in the place of what run has not begun yet: that may take as long as giving back work does. It is
// called by one goroutine, which has other nodes to look after.
func (d *drainer) want(w members.Wish) {
	select {
	case <-d.wishes:
	default:
	}
	d.wishes <- w
}

func (d *drainer) run(ctx context.Context) {
	now := members.Serve
	stop := func() {}
	defer func() { stop() }()
	for {
		select {
		case <-ctx.Done():
			return
		case wish := <-d.wishes:
			if wish == now || wish != members.Drain && wish != members.Serve { // what this release does not know is not done
				continue
			}
			now = wish
			stop()
			if wish == members.Drain {
				stop = d.start(ctx, d.drain)
			} else {
				stop = func() {}
				d.serve(ctx)
			}
		}
	}
}

func (d *drainer) start(ctx context.Context, do func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { do(ctx) })
	return func() { cancel(); running.Wait() }
}

// drain takes the node out of service, in order. It is over when the last client is gone, or with ctx.
func (d *drainer) drain(ctx context.Context) {
	n := d.n
	n.log.Warn("drained by an operator: clients are asked to go to another node", "clients", n.clients())
	n.service.note(&n.service.drained, draining)
	n.setState(ctx, members.Draining)
	var stopping sync.WaitGroup
	defer stopping.Wait()
	stopping.Go(d.work.stop)
	n.sayGoodbye(ctx)
	if ctx.Err() != nil {
		return
	}
	n.service.set(&n.service.drained, draining) // for those who came meanwhile
	n.pushing.TurnAway()
	for begun := time.Now(); n.clients() > 0 && time.Since(begun) < patienceFor; {
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return
		}
	}
	stopping.Wait()
	n.setState(ctx, members.Drained)
	n.log.Warn("drained", "clients", n.clients())
}

// serve puts the node into service again.
func (d *drainer) serve(ctx context.Context) {
	d.work.start(ctx)
	d.n.service.set(&d.n.service.drained, "")
	d.n.setState(ctx, members.Serving)
	d.n.log.Warn("in service again, as an operator wants it")
}

// work is what a node does besides serving clients, and others can do as well: it stops while the node is drained.
type work struct {
	begin func(context.Context) (stop func())

	mu   sync.Mutex
	ends func() // nil: it is stopped
}

func (w *work) start(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ends == nil {
		w.ends = w.begin(ctx)
	}
}

// stop returns when all is given back.
func (w *work) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ends != nil {
		w.ends()
		w.ends = nil
	}
}
