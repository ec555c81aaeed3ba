package queue

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/store/spool"
)

// job is a message that was taken, with its recipients at one destination.
type job struct {
	d        *destination
	life     *members.Life
	work     spool.Work
	at       time.Time   // when it was taken, by the database's clock
	since    time.Time   // and by ours
	ours     bool        // the destination is a domain of ours
	untried  *mail.Event // the destination takes nothing: what it said last stands for an attempt
	unproven bool        // it was begun while nothing was known of the destination
}

// now is the database's clock, as far as we can tell.
func (j *job) now() time.Time { return j.at.Add(time.Since(j.since)).Truncate(time.Millisecond) }

func (j *job) lease() spool.Lease { return spool.Lease{Owner: j.life.Name, Epoch: j.life.Epoch} }

func (j *job) isOver() bool {
	select {
	case <-j.life.Over():
		return true
	default:
		return false
	}
}

// envelope has the recipients of the job alone.
func (j *job) envelope() *mail.Envelope {
	e := j.work.Envelope
	e.Recipients = make([]mail.Recipient, len(j.work.Recipients))
	for i, r := range j.work.Recipients {
		e.Recipients[i] = j.work.Envelope.Recipients[r.Number]
	}
	return &e
}

// numbers are those of the recipients of the job in the history of the message.
func (j *job) numbers() []int {
	out := make([]int, len(j.work.Recipients))
	for i, r := range j.work.Recipients {
		out[i] = j.work.First + r.Number
	}
	return out
}

// run hands a message on and passes its result to the writer.
func (q *Queue) run(ctx context.Context, j *job) {
	begun := j.now()
	switch dates := datesOf(j.work.Created, &j.work.Envelope); {
	case j.isOver():
		q.leave(j, nil)
		q.forget(j)
	case !j.life.Holds():
		q.leave(j, nil)
		q.results <- q.giveBackOf(j)
	case j.work.Envelope.DeliverBy.Return && !begun.Before(dates.expire):
		// RFC 2852 4.1.3: not even tried when the time is over.
		q.leave(j, nil)
		q.results <- q.conclude(ctx, j, begun, same(j, mailflow.Attempt{Event: mail.Event{Kind: mail.EventDeferred, By: q.o.Host, Reply: tooLate}}))
	case j.untried != nil:
		q.leave(j, nil)
		answer := *j.untried
		answer.At = begun
		q.results <- q.conclude(ctx, j, begun, same(j, mailflow.Attempt{Event: answer}))
	default:
		attempts := q.handOn(ctx, j)
		ended := time.Now()
		q.leave(j, func(d *destination) { note(d, attempts, ended.Add(-j.now().Sub(begun)), ended) })
		q.results <- q.conclude(ctx, j, begun, attempts)
	}
}

var tooLate = mail.Reply{Code: 554, Enhanced: mail.EnhancedCode{5, 4, 7}, Text: "the time by which the message was to be delivered is over"}

// same is one attempt for all recipients of a job.
func same(j *job, a mailflow.Attempt) []mailflow.Attempt {
	out := make([]mailflow.Attempt, len(j.work.Recipients))
	for i := range out {
		out[i] = a
	}
	return out
}

// handOn has the transport try.
func (q *Queue) handOn(ctx context.Context, j *job) (attempts []mailflow.Attempt) {
	begun := time.Now()
	fault := mailflow.Attempt{Event: mail.Event{Kind: mail.EventDeferred, By: q.o.Host, Reply: mail.Reply{Code: 451, Enhanced: mail.EnhancedCode{4, 3, 0}, Text: "internal error"}}}
	defer func() {
		if p := recover(); p != nil {
			q.o.Log.Error("queue: a transport panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()), "id", j.work.Envelope.ID)
			attempts = same(j, fault)
		}
		q.o.Observe.Delivery(time.Since(begun))
	}()
	transport := q.o.Transport
	if j.ours {
		transport = q.o.Local
	}
	attempts = transport.Deliver(ctx, mailflow.Job{
		Spool: j.work.ID, Envelope: j.envelope(), Domain: j.work.Domain, Size: j.work.Size,
		Account: j.work.Account, Submission: j.work.Submission, Numbers: j.numbers(),
		Open:   func(ctx context.Context) (io.ReadCloser, error) { return q.open(ctx, j) },
		MayEnd: j.life.Holds,
	})
	if len(attempts) != len(j.work.Recipients) {
		q.o.Log.Error("queue: a transport has answered for another number of recipients than it was given", "id", j.work.Envelope.ID)
		attempts = same(j, fault)
	}
	return attempts
}

// content is what is sent of a message, with the body it is read from.
type content struct {
	io.Reader
	body blob.Reader
}

func (c content) Close() error { return c.body.Close() }

func (q *Queue) open(ctx context.Context, j *job) (io.ReadCloser, error) {
	body, err := q.o.Bodies.Open(ctx, mail.SpoolAccount, j.work.Blob)
	if err != nil {
		return nil, err
	}
	return content{j.work.Content(body), body}, nil
}

// note tells a destination what the attempts say of it.
func note(d *destination, attempts []mailflow.Attempt, begun, ended time.Time) {
	for _, a := range attempts {
		if a.Event.Kind == mail.EventDeferred && a.Destination {
			d.fail(ended, a.Event)
			return
		}
	}
	for _, a := range attempts {
		if a.Event.Kind == mail.EventRelayed || a.Event.Kind == mail.EventDelivered {
			d.succeeded(begun)
			return
		}
	}
}

// forget lets go of a job that is written, or that is another's now.
func (q *Queue) forget(jobs ...*job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range jobs {
		delete(q.held, j)
	}
	poke(q.poked)
}

// giveBack gives back what was taken and not begun.
func (q *Queue) giveBack() {
	q.mu.Lock()
	var jobs []*job
	for _, d := range q.destinations {
		jobs = append(jobs, d.jobs...)
		d.jobs = nil
	}
	q.mu.Unlock()
	for _, j := range jobs {
		q.results <- q.giveBackOf(j)
	}
}

// lastOf is what is kept of an answer with the recipient, for the operator.
func lastOf(e mail.Event) string {
	switch {
	case e.Reply.Code == 0 && e.Reply.Text == "":
		return e.By
	case e.By == "":
		return e.Reply.Error()
	}
	return e.By + ": " + e.Reply.Error()
}

func logLevel(k mail.EventKind) slog.Level {
	if k == mail.EventFailed || k == mail.EventExpired {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
