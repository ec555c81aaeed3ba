package queue

import (
	"context"
	"errors"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// schedule looks for work and begins it until ctx ends. What it begins runs under delivering.
func (q *Queue) schedule(ctx, delivering context.Context) {
	for ctx.Err() == nil {
		err := q.settleDoubt(ctx)
		if err == nil {
			err = q.look(ctx)
		}
		for more := true; more && err == nil && ctx.Err() == nil; {
			q.begin(delivering)
			more, err = q.takeMore(ctx)
		}
		if err != nil && ctx.Err() == nil {
			q.o.Log.Warn("queue: cannot look for work", "err", err)
		}
		wait := q.untilNextLook()
		if err != nil {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
		case <-q.poked:
		case <-time.After(wait):
		}
	}
}

func (q *Queue) untilNextLook() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return max(0, time.Until(earliest(q.lookAt, q.lookAtAll)))
}

// overlap is how much of the past is looked at again where other nodes add mail: their commits are seen some time after the
// clock that they have read.
const overlap = 2 * time.Second

// page is how many destinations one look reads.
const page = 500

// look finds destinations that have something due, where it is time to.
func (q *Queue) look(ctx context.Context) error {
	now := time.Now()
	q.mu.Lock()
	all, some := !now.Before(q.lookAtAll), !now.Before(q.lookAt)
	q.mu.Unlock()
	switch {
	case all:
		return q.lookAtNames(ctx, now)
	case some:
		return q.lookAtDates(ctx, now)
	}
	return nil
}

// lookAtNames goes through all destinations.
func (q *Queue) lookAtNames(ctx context.Context, now time.Time) error {
	q.mu.Lock()
	q.lookAtAll = now.Add(LookAtAll) // who wants another look meanwhile brings it forward
	q.mu.Unlock()
	for after, more := "", true; more; more = after != "" {
		var found []string
		var next time.Duration
		var at time.Time
		err := q.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
			if found, after, err = q.o.Spool.Destinations(t, after, page); err == nil {
				at = t.Now()
				next, err = q.nap(t)
			}
			return err
		})
		q.mu.Lock()
		if err != nil {
			q.lookAtAll = now
			q.mu.Unlock()
			return err
		}
		for _, domain := range found {
			q.mark(domain)
		}
		q.lookAt = now.Add(next)
		if q.position.Due.Before(at.Add(-time.Minute)) { // far behind: the names have said it all
			q.position = spool.Position{Due: at.Add(-time.Minute)}
		}
		q.mu.Unlock()
	}
	return nil
}

// lookAtDates goes through what became due since the last time.
func (q *Queue) lookAtDates(ctx context.Context, now time.Time) error {
	for more := true; more; {
		var found []string
		var next time.Duration
		position := q.position
		err := q.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
			if found, position, err = q.o.Spool.DueAfter(t, q.position, page); err == nil {
				next, err = q.nap(t)
			}
			if recent := t.Now().Add(-overlap); !q.o.Alone && len(found) < page && position.Due.After(recent) {
				position = spool.Position{Due: recent}
			}
			return err
		})
		if err != nil {
			return err
		}
		more = len(found) == page
		q.mu.Lock()
		for _, domain := range found {
			q.mark(domain)
		}
		q.position, q.lookAt = position, now.Add(next)
		q.mu.Unlock()
	}
	return nil
}

// nap is how long nothing comes due, as far as is known.
func (q *Queue) nap(t *tx.Tx) (time.Duration, error) {
	longest := nodesNap
	if q.o.Alone {
		longest = longestNap
	}
	next, err := q.o.Spool.NextDue(t)
	if err != nil || next.IsZero() {
		return longest, err
	}
	return min(longest, next.Sub(t.Now())), nil
}

// begin begins jobs while there is room.
func (q *Queue) begin(ctx context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for proven := range q.start {
		for len(q.start[proven]) > 0 && q.running < q.o.MaxRunning {
			if proven == 0 && q.unproven >= q.o.MaxRunning*MaxUnproven/MaxRunning {
				break
			}
			d := q.start[proven].pop()
			d.starting = false
			if len(d.jobs) > 0 && d.running < d.most() {
				j := d.jobs[0]
				d.jobs[0] = nil
				d.jobs = d.jobs[1:]
				q.launch(ctx, d, j)
			}
			q.sort(d) // behind the others, if it has more
		}
	}
}

// launch begins a job.
func (q *Queue) launch(ctx context.Context, d *destination, j *job) {
	d.running++
	q.running++
	if j.unproven = !d.proven; j.unproven {
		q.unproven++
	}
	q.o.Observe.Running(q.running)
	q.working.Go(func() { q.run(ctx, j) })
}

// leave is the end of a job at its destination: another may begin. Its result is still to be written.
func (q *Queue) leave(j *job, note func(*destination)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	j.d.running--
	q.running--
	if j.unproven {
		q.unproven--
	}
	q.o.Observe.Running(q.running)
	if note != nil {
		note(j.d)
	}
	q.sort(j.d)
	poke(q.poked)
}

// Of one commit that takes.
const (
	takeFrom = 16  // destinations
	takeRows = 400 // recipients, after which no other destination is asked
)

// order is what to take from a destination.
type order struct {
	d      *destination
	woken  int
	most   int
	dead   bool
	failed time.Duration // so long ago
	until  time.Duration // from now
	spread time.Duration
	answer mail.Event

	// answers
	asked bool
	again bool // an operator has had it tried again since it failed
	works []spool.Work
	more  bool
	ours  bool
}

// takeMore takes for those who want it, and reports whether there may be more to do at once.
func (q *Queue) takeMore(ctx context.Context) (more bool, err error) {
	life := q.o.Members.Life()
	if !life.Holds() {
		return false, nil // before long it is renewed, or another begins
	}
	orders := q.orders(time.Now())
	if len(orders) == 0 {
		return false, nil
	}
	var at time.Time
	var runs, postponed int
	lease := spool.Lease{Owner: life.Name, Epoch: life.Epoch}
	err = q.o.Tx.Write(ctx, nil, func(t *tx.Tx) (err error) {
		runs++
		at = t.Now()
		postponed, err = q.takeIn(t, lease, orders)
		return err
	})
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if runs > 1 || errors.Is(err, mail.ErrOutcomeUnknown) {
		q.doubt = true // an earlier run may stand
	}
	taken := 0
	for _, o := range orders {
		if o.d.taking = false; err == nil && o.asked {
			if o.again {
				o.d.forget()
			}
			for _, w := range o.works {
				j := &job{d: o.d, life: life, work: w, at: at, since: now, ours: o.ours}
				if o.dead && !o.again {
					j.untried = &o.answer
				}
				q.held[j] = struct{}{}
				o.d.jobs = append(o.d.jobs, j)
				q.o.Observe.Waited(w.Envelope.Priority, at.Sub(w.Recipients[0].Due))
			}
			taken += len(o.works)
			if !o.more && o.d.woken == o.woken {
				o.d.due = false
			}
		}
		q.sort(o.d)
	}
	if taken > 0 {
		q.o.Observe.Taken(taken)
	}
	if postponed > 0 {
		q.o.Observe.Postponed(postponed)
	}
	return err == nil, err
}

// orders says what to take, from those who have waited longest.
func (q *Queue) orders(now time.Time) (orders []*order) {
	q.mu.Lock()
	defer q.mu.Unlock()
	room := MaxTaken - len(q.held)
	for len(q.hungry) > 0 && len(orders) < takeFrom && room > 0 {
		d := q.hungry.pop()
		d.hungry = false
		most := min(d.wants(), room)
		if most == 0 {
			q.sort(d)
			continue
		}
		room -= most
		d.taking = true
		orders = append(orders, &order{d: d, woken: d.woken, most: most, dead: d.dead(now), failed: now.Sub(d.failed), until: d.until.Sub(now), spread: d.spread(), answer: d.answer})
	}
	return orders
}

// takeIn does what orders say, and returns how many recipients it has put off.
func (q *Queue) takeIn(t *tx.Tx, lease spool.Lease, orders []*order) (postponed int, err error) {
	rows := 0
	for _, o := range orders {
		o.works, o.asked, o.again, o.more = nil, false, false, true
		if rows > takeRows {
			continue
		}
		o.asked = true
		if o.again, err = q.isRetried(t, o); err != nil {
			return 0, err
		}
		if o.dead && !o.again {
			n, err := q.o.Spool.Postpone(t, o.d.domain, t.Now().Add(o.until), o.spread, lastOf(o.answer))
			if err != nil {
				return 0, err
			}
			postponed += n
			if rows += n; n == spool.MaxPostpone {
				continue // then what must not be put off
			}
		}
		if o.works, o.more, err = q.o.Spool.Take(t, lease, o.d.domain, o.most); err != nil {
			return 0, err
		}
		for _, w := range o.works {
			rows += len(w.Recipients)
		}
		if len(o.works) > 0 {
			if o.ours, err = q.isOurs(t, o.d.domain); err != nil {
				return 0, err
			}
		}
	}
	return postponed, nil
}

// isRetried reports whether an operator has asked some node, which may be this one, to try a destination again since we saw it
// fail: what was asked meanwhile was noted in the commit that made the mail due, and would be put off again otherwise.
func (q *Queue) isRetried(t *tx.Tx, o *order) (bool, error) {
	if !o.dead {
		return false, nil
	}
	at, err := q.o.Spool.Retried(t, o.d.domain)
	return at.After(t.Now().Add(-o.failed)), err
}

func (q *Queue) isOurs(t *tx.Tx, domain string) (bool, error) {
	if domain == q.o.Host { // postmaster of the server itself
		return true, nil
	}
	_, err := q.o.Directory.Domain(t, domain)
	if mail.Is(err, mail.NotFound) || mail.Is(err, mail.Invalid) { // Invalid: an address literal
		return false, nil
	}
	return err == nil, err
}
