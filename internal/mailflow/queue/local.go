package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// MaxReceived is how many Received fields a message has at most that is delivered here (RFC 5321 6.3).
const MaxReceived = 100

// What a sender is told about recipients here.
var (
	noSuchUser  = mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 1, 1}, Text: "no such user here"}
	switchedOff = mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 2, 1}, Text: "the mailbox is switched off"}
	fullMailbox = mail.Reply{Code: 452, Enhanced: mail.EnhancedCode{4, 2, 2}, Text: "the mailbox is full"}
	inCircles   = mail.Reply{Code: 554, Enhanced: mail.EnhancedCode{5, 4, 6}, Text: fmt.Sprintf("the message has more than %d Received fields: it goes in circles", MaxReceived)}
	leadsAway   = mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 3, 3}, Text: "the address leads to another server, and this message is not sent on"}
	notNow      = mail.Reply{Code: 451, Enhanced: mail.EnhancedCode{4, 3, 0}, Text: "the store does not answer"}
	delivered   = mail.Reply{Code: 250, Enhanced: mail.EnhancedCode{2, 1, 5}, Text: "delivered"}
)

// deliverHere puts a message into the mailboxes of a domain of ours, in the commit that takes its recipients from the spool.
func (q *Queue) deliverHere(ctx context.Context, j *job, begun time.Time) {
	defer q.leave(j, nil)
	attempts, to, err := q.resolve(ctx, j)
	var m mailflow.Accepted
	if err == nil && len(to) > 0 {
		m, err = q.accept(ctx, j)
	}
	if err != nil {
		reply := notNow
		if !errors.As(err, &reply) {
			q.o.Log.Error("cannot deliver from the spool", "id", j.work.Envelope.ID, "err", err)
		}
		attempts, to = same(j, q.attempt(reply)), nil
	}
	// Recipients whose accounts fit into one commit go together.
	for from := 0; from < len(attempts); {
		end, accounts := from, []mail.AccountID(nil)
		var group []mailflow.Local
		for ; end < len(attempts); end++ {
			if len(accounts)+len(to[j.work.Recipients[end].Number]) > mailflow.MaxLocal {
				break
			}
			for _, l := range to[j.work.Recipients[end].Number] {
				accounts, group = append(accounts, l.Account), append(group, l)
			}
		}
		o := q.concludeSome(ctx, j, begun, j.work.Recipients[from:end], attempts[from:end])
		q.commitHere(ctx, o, m, accounts, group)
		from = end
	}
}

func (q *Queue) attempt(r mail.Reply) mailflow.Attempt {
	kind := mail.EventDeferred
	switch r.Status() {
	case mail.Delivered:
		kind = mail.EventDelivered
	case mail.Refused:
		kind = mail.EventFailed
	}
	return mailflow.Attempt{Event: mail.Event{Kind: kind, By: q.o.Host, Reply: r}}
}

// resolve finds out for each recipient what will be said of it, and for those who get the mail where, by number.
func (q *Queue) resolve(ctx context.Context, j *job) (attempts []mailflow.Attempt, to map[int][]mailflow.Local, err error) {
	err = q.o.Tx.Read(ctx, func(t *tx.Tx) error {
		attempts, to = nil, make(map[int][]mailflow.Local)
		for _, r := range j.work.Recipients {
			locals, reply, err := q.resolveOne(t, j, r)
			if err != nil {
				return err
			}
			attempts = append(attempts, q.attempt(reply))
			to[r.Number] = locals
		}
		return nil
	})
	return attempts, to, err
}

func (q *Queue) resolveOne(t *tx.Tx, j *job, r spool.Recipient) (to []mailflow.Local, reply mail.Reply, err error) {
	found, err := q.o.Directory.Resolve(t, r.Address)
	switch {
	case mail.Is(err, mail.NotFound), mail.Is(err, mail.Denied):
		return nil, noSuchUser, nil
	case mail.Is(err, mail.Disabled):
		return nil, switchedOff, nil
	case err != nil:
		return nil, notNow, err
	case len(found.Accounts) == 0:
		return nil, leadsAway, nil
	}
	full := 0
	for _, account := range found.Accounts {
		err := q.o.Mailbox.CheckQuota(t, account, 1, max(1, j.work.Size))
		if mail.Is(err, mail.OverQuota) && !found.Role {
			full++
		} else if err != nil && !mail.Is(err, mail.OverQuota) {
			return nil, notNow, err
		}
		to = append(to, mailflow.Local{Address: r.Address, Account: account, Detail: found.Detail})
	}
	if full == len(found.Accounts) { // an alias of several is put off only where all of them are full
		return nil, fullMailbox, nil
	}
	return to, delivered, nil
}

// accept makes a body of the message for mailboxes here: with the one Return-Path that final delivery gives (RFC 5321 4.4).
func (q *Queue) accept(ctx context.Context, j *job) (mailflow.Accepted, error) {
	content, err := q.open(ctx, j)
	if err != nil {
		return mailflow.Accepted{}, err
	}
	defer content.Close()
	summary := message.NewSummarizer(message.Limits{})
	path := "Return-Path: <" + j.work.Envelope.ReversePath.String() + ">\r\n"
	body, err := q.o.Bodies.Put(ctx, io.TeeReader(io.MultiReader(strings.NewReader(path), header.Without(content, "Return-Path")), summary))
	if err != nil {
		return mailflow.Accepted{}, err
	}
	s := summary.Close()
	if s.Received > MaxReceived {
		return mailflow.Accepted{}, errors.Join(inCircles, q.o.Bodies.Discard(ctx, body))
	}
	kept, err := mailbox.Summarized(s)
	return mailflow.Accepted{Envelope: j.envelope(), Body: body, Message: kept}, err
}

// commitHere writes an outcome together with the mail in the mailboxes.
func (q *Queue) commitHere(ctx context.Context, o *outcome, m mailflow.Accepted, accounts []mail.AccountID, to []mailflow.Local) {
	if len(to) == 0 {
		q.results <- o
		return
	}
	if o.report != nil {
		if err := q.put(ctx, o.report); err != nil {
			q.results <- q.giveBackSome(o)
			return
		}
	}
	err := q.o.Tx.Write(ctx, accounts, func(t *tx.Tx) error {
		again := o.hit
		if err := q.writeIn(t, []*outcome{o}, o.results); err != nil {
			return err
		}
		if !o.hit {
			o.hit = again // an earlier run of this may stand
			return nil
		}
		_, err := q.o.Delivery.Deliver(t, m, to)
		return err
	})
	if err == nil {
		q.committed([]*outcome{o})
		return
	}
	q.o.Log.Warn("cannot deliver from the spool, it will be tried again", "id", o.job.work.Envelope.ID, "err", err)
	q.results <- q.giveBackSome(o)
}

// giveBackSome puts the recipients of an outcome off that could not be written.
func (q *Queue) giveBackSome(o *outcome) *outcome {
	back := &outcome{job: o.job}
	for _, r := range o.results {
		for _, known := range o.job.work.Recipients {
			if known.Number == r.Number {
				back.add(resultOf(o.job, known, o.job.now().Add(pause(1, FirstRetry, LastRetry))), mail.Event{})
			}
		}
	}
	return back
}
