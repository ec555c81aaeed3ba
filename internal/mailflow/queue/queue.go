package queue

import (
	"context"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/store/spool"
)

// Queue is the step.
type Queue struct {
	o     Options
	poked chan struct{} // something has changed for the scheduler
	ended chan struct{} // nodes have ended: what they have leased is to be taken over

	results chan *outcome

	mu           sync.Mutex
	destinations map[string]*destination
	start        [2]fifo           // destinations with a job to begin: unproven ones, proven ones
	hungry       fifo              // destinations for which something is to be taken
	running      int               // deliveries
	unproven     int               // of them
	held         map[*job]struct{} // taken and not yet written
	lookAt       time.Time         // when to look at what is due
	lookAtAll    time.Time
	position     spool.Position // everything due before was seen
	doubt        bool           // a take may have leased what we do not know of

	working sync.WaitGroup // jobs
}

// New returns a Queue that does nothing until Run. From then on the spool's commits wake it.
func New(o Options) *Queue {
	q := &Queue{o: o.withDefaults(), poked: make(chan struct{}, 1), ended: make(chan struct{}, 1), results: make(chan *outcome, 64),
		destinations: make(map[string]*destination), held: make(map[*job]struct{})}
	return q
}

// Run works until ctx ends; then it takes nothing more, gives back what it has not begun, and waits some time for what runs.
func (q *Queue) Run(ctx context.Context) {
	q.o.Spool.SetWake(q.wake)
	defer q.o.Spool.SetWake(nil)
	var beside, writing sync.WaitGroup
	last, giveUp := context.WithCancel(context.WithoutCancel(ctx)) // for results while the database does not answer
	defer giveUp()
	writing.Go(func() { q.write(last) })
	beside.Go(func() { q.inherit(ctx) })
	delivering, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	q.schedule(ctx, delivering)
	stop := time.AfterFunc(stopWithin, cancel)
	q.giveBack()
	q.working.Wait()
	stop.Stop()
	close(q.results)
	stop = time.AfterFunc(stopWithin/4, giveUp)
	defer stop.Stop()
	writing.Wait()
	beside.Wait()
}

// NodesEnded makes the queue look for what nodes have left behind that live no more.
func (q *Queue) NodesEnded() { poke(q.ended) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wake is what the spool calls after a commit.
func (q *Queue) wake(domain string, in time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	switch {
	case in > 0:
		if at := now.Add(in); at.Before(q.lookAt) {
			q.lookAt = at
			poke(q.poked)
		}
		return
	case domain == "":
		q.lookAtAll = now
	default:
		q.mark(domain)
	}
	poke(q.poked)
}

// Retry forgets that destinations have failed, "" for all: what is due there is tried now. Other nodes notice by what spool.Retry
// has written, when they next look.
func (q *Queue) Retry(domain string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for name, d := range q.destinations {
		if domain == "" || domain == name {
			d.forget()
		}
	}
	q.lookAtAll = time.Now()
	poke(q.poked)
}

// mark notes that a destination may have something due.
func (q *Queue) mark(domain string) {
	d := q.destinations[domain]
	if d == nil {
		if len(q.destinations) >= MaxDestinations {
			q.lookAtAll = earliest(q.lookAtAll, time.Now().Add(nodesNap)) // once there is room again
			return
		}
		d = newDestination(domain)
		q.destinations[domain] = d
	}
	d.due = true
	d.woken++
	q.sort(d)
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// sort puts a destination where it belongs after a change.
func (q *Queue) sort(d *destination) {
	if !d.starting && len(d.jobs) > 0 && d.running < d.most() {
		d.starting = true
		proven := 0
		if d.proven {
			proven = 1
		}
		q.start[proven].push(d)
	}
	if !d.hungry && d.wants() > 0 {
		d.hungry = true
		q.hungry.push(d)
	}
	if d.idle() && !d.starting && !d.hungry && len(q.destinations) > keptDestinations && !d.dead(time.Now()) {
		delete(q.destinations, d.domain)
	}
}
