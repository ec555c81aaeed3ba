package queue

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/dsn"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// outcome is what one commit is to make true of a job.
type outcome struct {
	job     *job
	results []spool.Result
	events  []mail.Event // of each result; the zero Event where it was given back
	steps   []submissions.Step
	report  *report

	hit bool
}

// report is a message for the sender, whose content is on stable storage.
type report struct {
	envelope mail.Envelope
	content  []byte
	body     *bodies.Body
}

// giveBackOf returns a message to the spool as it was.
func (q *Queue) giveBackOf(j *job) *outcome {
	o := &outcome{job: j}
	for _, r := range j.work.Recipients {
		o.add(resultOf(j, r, r.Due), mail.Event{})
	}
	return o
}

func resultOf(j *job, r spool.Recipient, due time.Time) spool.Result {
	return spool.Result{Message: j.work.ID, Number: r.Number, Fence: r.Fence, Domain: j.work.Domain, Due: due,
		Attempts: r.Attempts, Deadline: r.Deadline, Warned: r.Warned, Last: r.Last}
}

func (o *outcome) add(r spool.Result, e mail.Event) {
	o.results = append(o.results, r)
	o.events = append(o.events, e)
}

// conclude says what follows from the attempts at the recipients of a job, and puts the report that is owed, if any.
func (q *Queue) conclude(ctx context.Context, j *job, begun time.Time, attempts []mailflow.Attempt) *outcome {
	o := &outcome{job: j}
	now := j.now()
	dates := datesOf(j.work.Created, &j.work.Envelope)
	var fates []mailflow.Fate
	for i, r := range j.work.Recipients {
		a := attempts[i]
		if a.Event.At.IsZero() {
			a.Event.At = now
		}
		if a.Event.By == "" {
			a.Event.By = q.o.Host
		}
		if a.Event.Kind == mail.EventDeferred && ctx.Err() != nil { // cut off because we stop: no attempt
			o.add(resultOf(j, r, r.Due), mail.Event{})
			continue
		}
		fate := mailflow.Fate{Recipient: j.work.Envelope.Recipients[r.Number]}
		result := resultOf(j, r, time.Time{})
		if fate.Action = actionOf(a); a.Event.Kind == mail.EventDeferred {
			result.Attempts++
			first := FirstRetry
			if a.Here {
				first = FirstRetryHere
			}
			switch n := dates.after(result.Attempts, first, !r.Warned.IsZero(), now); {
			case n.expired:
				a.Event.Kind, fate.Action = mail.EventExpired, dsn.Failed
			default:
				result.Due, result.Deadline, result.Last = n.due, n.deadline, lastOf(a.Event)
				if n.warn {
					result.Warned, fate.Action, fate.Until = now, dsn.Delayed, dates.expire
				}
			}
		}
		o.add(result, a.Event)
		o.step(j, r, begun, a.Event)
		if fate.Event = a.Event; fate.Action != "" {
			fates = append(fates, fate)
		}
	}
	together(o.results)
	o.report = q.report(ctx, j, fates)
	return o
}

// together gives recipients that were put off the first date among them, so that they are tried in one transaction again.
func together(results []spool.Result) {
	var first time.Time
	for _, r := range results {
		if !r.Due.IsZero() && (first.IsZero() || r.Due.Before(first)) {
			first = r.Due
		}
	}
	for i := range results {
		if !results[i].Due.IsZero() {
			results[i].Due = first
		}
	}
}

// actionOf is what a sender may be told of an attempt, "" for nothing yet.
func actionOf(a mailflow.Attempt) dsn.Action {
	switch a.Event.Kind {
	case mail.EventFailed, mail.EventExpired:
		return dsn.Failed
	case mail.EventDelivered:
		return dsn.Delivered
	case mail.EventRelayed:
		if !a.Reports { // RFC 3461 5.2.2: who hands on to a host that does not know DSN says so
			return dsn.Relayed
		}
	}
	return ""
}

// step notes an attempt and what came of it for the sender's eyes.
func (o *outcome) step(j *job, r spool.Recipient, begun time.Time, e mail.Event) {
	if j.work.Submission == 0 {
		return
	}
	s := submissions.Step{Account: j.work.Account, Submission: j.work.Submission, Recipient: j.work.First + r.Number}
	if j.untried == nil {
		attempted := s
		attempted.Event = mail.Event{Kind: mail.EventAttempted, At: begun, By: e.By}
		o.steps = append(o.steps, attempted)
	}
	s.Event = e
	o.steps = append(o.steps, s)
}

// report writes what the sender is to be told, and stores its content. Without the message it says what it can: that it
// failed is more than what it was.
func (q *Queue) report(ctx context.Context, j *job, fates []mailflow.Fate) *report {
	if len(fates) == 0 {
		return nil
	}
	reporter := mailflow.Reporter{Host: q.o.Host}
	g, owed, err := reportOf(reporter, j, fates, func() (io.ReadCloser, error) { return q.open(ctx, j) })
	if err != nil {
		q.o.Log.Error("queue: a report goes without its message, which cannot be read", "id", j.work.Envelope.ID, "err", err)
		g, owed, err = reportOf(reporter, j, fates, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("\r\n")), nil })
	}
	if err != nil {
		q.o.Log.Error("queue: a report that is owed cannot be written", "id", j.work.Envelope.ID, "err", err)
	}
	if err != nil || !owed {
		return nil
	}
	return &report{envelope: g.Envelope(j.work.Envelope.ID + "-r" + strings.ToLower(rand.Text()[:4])), content: g.Content}
}

// reportOf writes a report. What a message has in it that we cannot deal with must not end the process.
func reportOf(r mailflow.Reporter, j *job, fates []mailflow.Fate, open func() (io.ReadCloser, error)) (g mailflow.Generated, owed bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return r.Report(&j.work.Envelope, j.work.Created, fates, open)
}

// put stores the content of a report, again where that was too long ago.
func (q *Queue) put(ctx context.Context, r *report) (err error) {
	if r.body == nil {
		r.body, err = q.o.Bodies.Put(ctx, bytes.NewReader(r.content))
	}
	return err
}

// write writes results until there are no more, those that wait in one commit.
func (q *Queue) write(ctx context.Context) {
	for first := range q.results {
		batch, rows := []*outcome{first}, first.rows()
	fill:
		for rows < maxRows {
			select {
			case o, ok := <-q.results:
				if !ok {
					break fill
				}
				if o.job.life != first.job.life { // another lease
					q.commit(ctx, batch)
					batch, rows, first = nil, 0, o
				}
				batch = append(batch, o)
				rows += o.rows()
			default:
				break fill
			}
		}
		q.commit(ctx, batch)
	}
}

// maxRows is how much one commit begins with: the last outcome may add some hundreds.
const maxRows = 700

// rows is about how many rows an outcome changes.
func (o *outcome) rows() int {
	n := len(o.results) + len(o.steps) + 4
	if o.report != nil {
		n += 9
	}
	return n
}

// commit writes outcomes of one life. While the database does not answer they wait, and with them all others.
func (q *Queue) commit(ctx context.Context, batch []*outcome) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := q.tryCommit(ctx, batch)
		switch {
		case err == nil:
			q.committed(batch)
			return
		case errors.Is(err, bodies.ErrPutAgain):
			for _, o := range batch {
				if o.report != nil {
					o.report.body = nil
				}
			}
		case !mail.Is(err, mail.Unavailable) && len(batch) > 1: // one of them is to blame, and not the others
			for _, o := range batch {
				q.commit(ctx, []*outcome{o})
			}
			return
		case !mail.Is(err, mail.Unavailable):
			o := batch[0]
			q.o.Log.Error("queue: a result cannot be written", "id", o.job.work.Envelope.ID, "err", err)
			if o.report == nil && o.steps == nil { // nothing is left to do without: the lease ends with our life
				q.forget(o.job)
				return
			}
			o.report, o.steps = nil, nil
		default:
			q.o.Log.Warn("queue: results cannot be written yet", "messages", len(batch), "err", err)
		}
		if batch[0].job.isOver() || ctx.Err() != nil {
			q.lost(batch)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (q *Queue) tryCommit(ctx context.Context, batch []*outcome) (err error) {
	begun := time.Now()
	for _, o := range batch {
		if o.report != nil {
			if err := q.put(ctx, o.report); err != nil {
				return mail.E("queue", mail.Unavailable, err)
			}
		}
	}
	var results []spool.Result
	for _, o := range batch {
		results = append(results, o.results...)
	}
	var before []bool // what an earlier run of the closure hit: its commit may stand, though its answer was lost
	err = q.o.Tx.Write(ctx, nil, func(t *tx.Tx) error {
		err := q.writeIn(t, batch, results)
		for i, o := range batch {
			if before = append(before, o.hit); before[i] {
				o.hit = true
			}
			before[i] = o.hit
		}
		return err
	})
	q.o.Observe.Committed(len(batch), time.Since(begun), err)
	return err
}

// writeIn writes outcomes, and of those that are not ours any more nothing.
func (q *Queue) writeIn(t *tx.Tx, batch []*outcome, results []spool.Result) error {
	hits, err := q.o.Spool.Finish(t, batch[0].job.lease(), results)
	if err != nil {
		return err
	}
	for _, o := range batch {
		o.hit = true
		for range o.results {
			o.hit, hits = o.hit && hits[0], hits[1:]
		}
		if !o.hit {
			continue
		}
		if err := q.o.Submissions.Record(t, o.steps...); err != nil {
			return err
		}
		if err := q.addReport(t, o.report); err != nil {
			return err
		}
	}
	return nil
}

func (q *Queue) addReport(t *tx.Tx, r *report) error {
	if r == nil {
		return nil
	}
	blob, err := q.o.Bodies.Hold(t, mail.SpoolAccount, r.body)
	if err != nil {
		return err
	}
	_, err = q.o.Spool.Add(t, spool.Message{Blob: blob, Size: r.body.Size, Envelope: r.envelope})
	return err
}

// committed tells everybody.
func (q *Queue) committed(batch []*outcome) {
	var missed []*outcome
	var jobs []*job
	for _, o := range batch {
		if !o.hit {
			missed = append(missed, o)
			continue
		}
		jobs = append(jobs, o.job)
		for i, e := range o.events {
			if e.Kind != "" {
				q.o.Observe.Ended(e.Kind, 1)
				q.logEvent(o, i, e)
			}
		}
	}
	q.forget(jobs...)
	q.lost(missed)
}

func (q *Queue) logEvent(o *outcome, i int, e mail.Event) {
	j, r := o.job, o.results[i]
	attrs := []any{"id", j.work.Envelope.ID, "spool", j.work.ID, "from", j.work.Envelope.ReversePath.String(), "to", j.work.Envelope.Recipients[r.Number].Address.String(),
		"by", e.By, "reply", e.Reply.Error()}
	if !r.Due.IsZero() {
		attrs = append(attrs, "again", r.Due)
	}
	q.o.Log.Log(context.Background(), logLevel(e.Kind), "queue: "+string(e.Kind), attrs...)
}

// lost counts results that were in vain: another node has taken over.
func (q *Queue) lost(batch []*outcome) {
	recipients, relayed := 0, 0
	var jobs []*job
	for _, o := range batch {
		jobs = append(jobs, o.job)
		recipients += len(o.results)
		for _, e := range o.events {
			if e.Kind == mail.EventRelayed {
				relayed++
			}
		}
	}
	if recipients == 0 {
		return
	}
	q.forget(jobs...)
	q.o.Observe.LeaseLost(recipients, relayed)
	q.o.Log.Warn("queue: results are in vain: others have taken over", "recipients", recipients, "relayed-twice-perhaps", relayed)
}
