package node

import (
	"context"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/queue"
)

// startQueue lets the queue work until ctx ends. What it returns waits for that: what was taken then is given back.
func (n *Node) startQueue(ctx context.Context) (stop func()) {
	r := n.rooms
	q := queue.New(queue.Options{Host: n.cfg.Hostname, Tx: r.tx, Spool: r.spool, Bodies: r.bodies, Submissions: r.submissions, Directory: r.directory,
		Members: n.member, Alone: r.alone(), Local: r.inbound.Local(), Transport: r.outbound, Log: n.log, Observe: queueMeters{n.meters}})
	n.queue.Store(q)
	forget := n.member.OnEnded(q.NodesEnded)
	ctx, cancel := context.WithCancel(ctx)
	var queueing sync.WaitGroup
	queueing.Go(func() { q.Run(ctx) })
	return func() {
		cancel()
		queueing.Wait()
		forget()
	}
}

// operator looks at the spool and steps in, whether or not a queue runs here.
func (n *Node) operator() queue.Operator {
	op := queue.Operator{Tx: n.rooms.tx, Spool: n.rooms.spool, Submissions: n.rooms.submissions}
	op.Retry = func(domain string) {
		if q := n.queue.Load(); q != nil {
			q.Retry(domain)
		}
	}
	return op
}

// queueMeters are what the queue observes.
type queueMeters struct{ *meters }

func (m queueMeters) Taken(messages int)                 { m.queueTaken.Add(messages) }
func (m queueMeters) Running(deliveries int)             { m.queueRunning.Set(float64(deliveries)) }
func (m queueMeters) Ended(kind mail.EventKind, n int)   { m.queueEnded.Add(n, string(kind)) }
func (m queueMeters) Delivery(took time.Duration)        { m.queueDelivery.Time(took) }
func (m queueMeters) Postponed(recipients int)           { m.queuePostponed.Add(recipients) }
func (m queueMeters) TakenOver(recipients int)           { m.queueTakenOver.Add(recipients) }
func (m queueMeters) Waited(_ int, waited time.Duration) { m.queueWaited.Time(waited) }

func (m queueMeters) Committed(messages int, took time.Duration, err error) {
	m.queueCommit.Time(took)
	m.queueCommitted.Observe(float64(messages))
}

func (m queueMeters) LeaseLost(recipients, relayed int) {
	m.queueLost.Add(recipients-relayed, "no")
	m.queueLost.Add(relayed, "yes")
}
