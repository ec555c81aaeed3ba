package inbound

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Local returns the transport for mail in the spool that is for addresses here: reports, what groups and our own users send.
// It is delivered once to each account and goes on once, however often a Job comes again: each such step commits under a key made
// of the message in the spool and whom the step is for.
func (in *Inbound) Local() mailflow.Transport { return local{in} }

type local struct{ in *Inbound }

// Deliver tries all recipients of the Job. The content is stored once for all of them.
func (l local) Deliver(ctx context.Context, j mailflow.Job) []mailflow.Attempt {
	out := make([]mailflow.Attempt, len(j.Envelope.Recipients))
	e := *j.Envelope
	e.Recipients = nil
	var tried []int // which recipient of the Job each of e's is
	for i, r := range j.Envelope.Recipients {
		known, err := l.resolve(ctx, j, r)
		if err != nil {
			out[i] = l.failed(err)
			continue
		}
		e.Recipients, tried = append(e.Recipients, known), append(tried, i)
	}
	if len(tried) == 0 {
		return out
	}
	m, err := l.read(ctx, j, &e)
	if err != nil {
		for _, i := range tried {
			out[i] = l.failed(err)
		}
		return out
	}
	refused := l.in.o.Forwarding.Refuse(m)
	for n, i := range tried {
		if refused[n] != (mail.Reply{}) {
			out[i] = l.said(refused[n])
			continue
		}
		err := l.deliver(ctx, j, m, e.Recipients[n], sentOf(j, i))
		out[i] = l.attempt(ctx, e.Recipients[n], err)
	}
	l.in.discard(ctx, m) // if no commit has named it
	return out
}

func (l local) resolve(ctx context.Context, j mailflow.Job, r mail.Recipient) (known mail.Recipient, err error) {
	e := *j.Envelope
	e.Size = j.Size
	err = l.in.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if known, err = l.in.resolve(t, &e, true, r); err == nil {
			err = l.in.o.Forwarding.CheckLimit(nil, known)
		}
		return err
	})
	return known, err
}

func (l local) read(ctx context.Context, j mailflow.Job, e *mail.Envelope) (mailflow.Accepted, error) {
	content, err := j.Open(ctx)
	if err != nil {
		return mailflow.Accepted{}, unavailable(err)
	}
	defer content.Close()
	return l.in.read(ctx, e, "", content)
}

// deliver takes the steps for one recipient: a commit for each account, and one for all that the mail goes on to.
func (l local) deliver(ctx context.Context, j mailflow.Job, m mailflow.Accepted, r mail.Recipient, sent mailflow.Sent) error {
	e := *m.Envelope
	e.Recipients = []mail.Recipient{r}
	m.Envelope = &e
	all, none := func(int) bool { return true }, func(int) bool { return false }
	for _, account := range r.Accounts {
		if !j.MayEnd() {
			return unavailable(errLeaseLost)
		}
		to := []mailflow.Local{{Address: r.Address, Account: account, Detail: r.Detail, Sent: sent}}
		delivered, err := l.in.commit(ctx, stepOf(j, "account", account.String()), m, to, []mail.AccountID{account}, all)
		if err != nil {
			return err
		}
		for _, d := range delivered {
			l.in.log(ctx, "", &e, "delivered", slog.String("to", r.Address.String()), slog.Any("account", d.Account), slog.Any("mailbox", d.Mailbox), slog.Any("uid", d.UID))
		}
	}
	if len(r.Elsewhere)+len(r.Groups) == 0 {
		return nil
	}
	if !j.MayEnd() {
		return unavailable(errLeaseLost)
	}
	if len(r.Elsewhere) > 0 { // that mail has come to a mailbox or a group the queue reports, by what we return
		if err := l.in.makeReports(ctx, &m, fates(&e, make([]mail.Reply, 1), false)); err != nil {
			return unavailable(err)
		}
	}
	_, err := l.in.commit(ctx, stepOf(j, "onward", r.Address.String()), m, nil, nil, none)
	l.in.discardGenerated(ctx, m) // likewise
	if err == nil {
		l.in.log(ctx, "", &e, "forwarded", slog.String("to", r.Address.String()), slog.Int("addresses", len(r.Elsewhere)), slog.Int("groups", len(r.Groups)))
	}
	return err
}

// sentOf is the recipient of a submission that the i-th of a Job is.
func sentOf(j mailflow.Job, i int) mailflow.Sent {
	if j.Submission == 0 || j.Account == mail.SpoolAccount || i >= len(j.Numbers) {
		return mailflow.Sent{}
	}
	return mailflow.Sent{Account: j.Account, Submission: j.Submission, Recipient: j.Numbers[i]}
}

var errLeaseLost = errors.New("another node has taken the message over")

// stepsKept is how much longer than other answers those of steps are kept: mail of the spool is tried for five days, and may have
// been cut off between two steps on the last.
const stepsKept = 6 * 24 * time.Hour

// stepOf names a step with mail of the spool.
func stepOf(j mailflow.Job, what, whom string) step {
	sum := sha256.Sum256(fmt.Appendf(nil, "spool %d %s %s", j.Spool, what, whom))
	s := step{longer: stepsKept}
	copy(s.key[:], sum[:])
	return s
}

var inMailbox = mail.Reply{Code: 250, Enhanced: mail.EnhancedCode{2, 1, 5}, Text: "it is in the mailbox"}

// attempt is what became of a recipient who was tried.
func (l local) attempt(ctx context.Context, r mail.Recipient, err error) mailflow.Attempt {
	if err != nil {
		l.in.o.Log.WarnContext(ctx, "inbound: mail of the spool could not be delivered", "to", r.Address.String(), "err", err)
		return l.failed(err)
	}
	a := l.said(inMailbox)
	if len(r.Elsewhere) > 0 { // the request to be told went on, or was answered by "expanded"
		a.Event.Kind, a.Event.Reply.Text, a.Reports = mail.EventRelayed, "it goes on", true
	}
	return a
}

func (l local) failed(err error) mailflow.Attempt {
	a := l.said(refusalOf(err))
	a.Here = a.Event.Kind == mail.EventDeferred && mail.Is(err, mail.Unavailable)
	return a
}

func (l local) said(r mail.Reply) mailflow.Attempt {
	kind := mail.EventDeferred
	switch r.Status() {
	case mail.Delivered:
		kind = mail.EventDelivered
	case mail.Refused:
		kind = mail.EventFailed
	}
	return mailflow.Attempt{Event: mail.Event{Kind: kind, By: l.in.o.Hostname, Reply: r}}
}

// refusalOf is an error as a reply, in the words of the door on port 25. What is no rule's is temporary.
func refusalOf(err error) mail.Reply {
	var r mail.Reply
	if errors.As(err, &r) {
		return r
	}
	r.Text = mail.Explain(err)
	switch mail.KindOf(err) {
	case mail.NotFound:
		r.Code, r.Enhanced = 550, mail.EnhancedCode{5, 1, 1}
	case mail.Denied:
		r.Code, r.Enhanced = 550, mail.EnhancedCode{5, 7, 1}
	case mail.Disabled:
		r.Code, r.Enhanced = 550, mail.EnhancedCode{5, 2, 1}
	case mail.OverQuota:
		r.Code, r.Enhanced = 452, mail.EnhancedCode{4, 2, 2}
	case mail.TooLarge:
		r.Code, r.Enhanced = 552, mail.EnhancedCode{5, 2, 3}
	default: // a fault of ours, which is for the log
		r.Code, r.Enhanced, r.Text = 451, mail.EnhancedCode{4, 3, 0}, "it cannot be delivered at the moment"
	}
	return r
}
