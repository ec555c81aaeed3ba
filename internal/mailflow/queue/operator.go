package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Operator looks at the spool and steps in, also where no queue runs.
type Operator struct {
	Tx          *tx.Store
	Spool       *spool.Store
	Submissions *submissions.Store
	Retry       func(domain string) // tells the running queue to forget what failed; nil: none runs
}

// State is what a recipient waits for.
type State string

const (
	Waiting State = "waiting" // for its time
	Trying  State = "trying"  // it is being handed on
	Held    State = "held"    // for the operator to release it
	Stopped State = "stopped" // for the operator to release its destination
)

// Entry is a message in the spool.
type Entry struct {
	spool.Message
	Recipients []EntryRecipient
}

// EntryRecipient is one of those who are owed it.
type EntryRecipient struct {
	spool.Recipient
	State State
}

// Filter says which messages are wanted. Its zero value wants all.
type Filter struct {
	Domain string // with a recipient there
	From   string // part of the reverse-path
	Held   bool   // with a recipient that waits for the operator
}

// MaxList is how many messages one List looks at.
const MaxList = 500

// List lists messages after one, in the order in which they came. It looks at limit messages, MaxList at most, of which fewer may be
// wanted; next is where to go on, 0 when there are no more.
func (op Operator) List(ctx context.Context, f Filter, after mail.SpoolID, limit int) (list []Entry, next mail.SpoolID, err error) {
	if limit <= 0 || limit > MaxList {
		limit = MaxList
	}
	err = op.Tx.Read(ctx, func(t *tx.Tx) error {
		list, next = nil, 0
		ids, err := op.Spool.Messages(t, after, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		if len(ids) == limit {
			next = ids[limit-1]
		}
		stopped, err := op.stopped(t)
		if err != nil {
			return err
		}
		for _, id := range ids {
			e, err := op.entry(t, id, stopped)
			if mail.Is(err, mail.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if f.wants(e) {
				list = append(list, e)
			}
		}
		return nil
	})
	return list, next, err
}

func (f Filter) wants(e Entry) bool {
	if f.From != "" && !strings.Contains(strings.ToLower(e.Envelope.ReversePath.String()), strings.ToLower(f.From)) {
		return false
	}
	domain, held := f.Domain == "", !f.Held
	for _, r := range e.Recipients {
		domain = domain || r.Address.Domain == f.Domain
		held = held || r.State == Held || r.State == Stopped
	}
	return domain && held
}

func (op Operator) stopped(t *tx.Tx) (map[string]bool, error) {
	list, err := op.Spool.AllStopped(t)
	out := make(map[string]bool, len(list))
	for _, s := range list {
		out[s.Domain] = true
	}
	return out, err
}

func (op Operator) entry(t *tx.Tx, id mail.SpoolID, stopped map[string]bool) (e Entry, err error) {
	var broken error
	if e.Message, broken = op.Spool.Message(t, id); broken != nil && !withoutEnvelope(broken) {
		return e, broken
	}
	to, err := op.Spool.Recipients(t, id)
	for _, r := range to {
		state := Waiting
		switch {
		case r.Owner != "":
			state = Trying
		case r.Held:
			state = Held
		case stopped[""] || stopped[r.Address.Domain]:
			state = Stopped
		}
		if broken != nil {
			r.Last = broken.Error()
		}
		e.Recipients = append(e.Recipients, EntryRecipient{r, state})
	}
	return e, err
}

// withoutEnvelope reports whether a message is there, though nobody knows what to do with it but to drop it.
func withoutEnvelope(err error) bool {
	return errors.Is(err, spool.ErrFormat) || errors.Is(err, spool.ErrUnreadable)
}

// Find returns the messages that an id names: one in the spool (Q...), or the transaction's in logs and in the answer to
// its client. mail.NotFound where there is none any more.
func (op Operator) Find(ctx context.Context, id string) (list []Entry, err error) {
	err = op.Tx.Read(ctx, func(t *tx.Tx) error {
		list = nil
		ids, err := op.find(t, id)
		if err != nil {
			return err
		}
		stopped, err := op.stopped(t)
		if err != nil {
			return err
		}
		for _, id := range ids {
			e, err := op.entry(t, id, stopped)
			if err != nil {
				return err
			}
			list = append(list, e)
		}
		return nil
	})
	return list, err
}

func (op Operator) find(t *tx.Tx, id string) ([]mail.SpoolID, error) {
	ids, err := op.Spool.ByTrace(t, id)
	if err != nil || len(ids) > 0 {
		return ids, err
	}
	one, err := mail.ParseSpoolID(id)
	if err == nil {
		_, err = op.Spool.Message(t, one)
	}
	if err != nil && !withoutEnvelope(err) {
		return nil, mail.E("queue.Find", mail.NotFound, fmt.Errorf("there is no message %.60q in the queue (any more)", id))
	}
	return []mail.SpoolID{one}, nil
}

// each does something to the messages that an id names, and returns how many there are.
func (op Operator) each(ctx context.Context, id string, do func(*tx.Tx, mail.SpoolID) error) (n int, err error) {
	err = op.Tx.Write(ctx, nil, func(t *tx.Tx) error {
		ids, err := op.find(t, id)
		for _, id := range ids {
			if err == nil {
				err = do(t, id)
			}
		}
		n = len(ids)
		return err
	})
	return n, err
}

// Hold keeps messages from being tried until Release.
func (op Operator) Hold(ctx context.Context, id string) (int, error) {
	return op.each(ctx, id, op.Spool.Hold)
}

// Release takes back Hold.
func (op Operator) Release(ctx context.Context, id string) (int, error) {
	return op.each(ctx, id, op.Spool.Release)
}

// RetryNow has messages tried now, also where their destination is left alone after a failure.
func (op Operator) RetryNow(ctx context.Context, id string) (int, error) {
	found, err := op.Find(ctx, id)
	if err != nil {
		return 0, err
	}
	n, err := op.each(ctx, id, op.Spool.Retry)
	for _, e := range found {
		for _, r := range e.Recipients {
			op.forgetFailures(r.Address.Domain)
		}
	}
	return n, err
}

func (op Operator) forgetFailures(domain string) {
	if op.Retry != nil {
		op.Retry(domain)
	}
}

// Dropped is what Drop has done.
type Dropped struct {
	Gone []mail.Address // recipients that get nothing, and of whom the sender is told nothing
	Left int            // that are being tried at this moment
}

// Drop takes messages out of the spool for good.
func (op Operator) Drop(ctx context.Context, id string) (d Dropped, err error) {
	err = op.Tx.Write(ctx, nil, func(t *tx.Tx) error {
		d = Dropped{}
		ids, err := op.find(t, id)
		if err != nil {
			return err
		}
		for _, id := range ids {
			m, err := op.Spool.Message(t, id)
			if err != nil && !withoutEnvelope(err) {
				return err
			}
			gone, left, err := op.Spool.Drop(t, id, nil)
			if err != nil {
				return err
			}
			d.Left += left
			for _, r := range gone {
				d.Gone = append(d.Gone, r.Address)
				if err := op.record(t, m, r, droppedEvent); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return d, err
}

var droppedEvent = mail.Event{Kind: mail.EventFailed, By: "operator", Reply: mail.Reply{Code: 554, Enhanced: mail.EnhancedCode{5, 7, 0}, Text: "an operator has taken it out of the queue"}}

func (op Operator) record(t *tx.Tx, m spool.Message, r spool.Recipient, e mail.Event) error {
	if m.Submission == 0 {
		return nil
	}
	return op.Submissions.Record(t, submissions.Step{Account: m.Account, Submission: m.Submission, Recipient: m.First + r.Number, Event: e})
}

// Stop ends all sending to a destination, "" for all, until Start.
func (op Operator) Stop(ctx context.Context, domain, reason string) error {
	return op.Tx.Write(ctx, nil, func(t *tx.Tx) error { return op.Spool.Stop(t, domain, reason) })
}

// Start takes back Stop.
func (op Operator) Start(ctx context.Context, domain string) error {
	return op.Tx.Write(ctx, nil, func(t *tx.Tx) error { return op.Spool.Start(t, domain) })
}

// AllStopped lists what is stopped.
func (op Operator) AllStopped(ctx context.Context) (list []spool.Stopped, err error) {
	err = op.Tx.Read(ctx, func(t *tx.Tx) (err error) { list, err = op.Spool.AllStopped(t); return err })
	return list, err
}

// Fate is what happened to one recipient of a mail.
type Fate struct {
	Address mail.Address
	Events  []mail.Event
}

// Trace tells what happened to mail, in the spool or not any more, by the id it has in logs or had in the spool. The id in logs also
// finds what the mail became on its way: a group's to its members, say.
func (op Operator) Trace(ctx context.Context, id string) (fates []Fate, err error) {
	err = op.Tx.Read(ctx, func(t *tx.Tx) error {
		fates = nil
		found, err := op.histories(t, id)
		if err != nil {
			return err
		}
		for _, sub := range found {
			events, err := op.Submissions.Events(t, sub.Account, sub.ID)
			if err != nil {
				return err
			}
			for i, list := range events {
				fates = append(fates, Fate{sub.Recipients[i].Address, list})
			}
		}
		return nil
	})
	return fates, err
}

// histories finds what an id names. Of mail to so many that it is several messages in the spool, the first one's id names it for
// ever, and those of the others while they are there.
func (op Operator) histories(t *tx.Tx, id string) ([]submissions.Submission, error) {
	found, err := op.Submissions.ByTrace(t, id)
	one, not := mail.ParseSpoolID(id)
	if not != nil || !mail.Is(err, mail.NotFound) {
		return found, err
	}
	var sub submissions.Submission
	switch m, missing := op.Spool.Message(t, one); {
	case missing == nil && m.Submission != 0:
		sub, err = op.Submissions.Submission(t, m.Account, m.Submission)
	default:
		sub, err = op.Submissions.BySpool(t, one)
	}
	return []submissions.Submission{sub}, err
}
