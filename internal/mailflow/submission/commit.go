package submission

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// accepted is what a commit has made true.
type accepted struct {
	ID        mail.SubmissionID
	Delivered []mailflow.Delivered
	Spooled   int
}

// way is one delivery of a submission.
type way struct {
	written mail.Recipient  // as the sender named it
	to      mail.Address    // where the spool brings it
	leadsTo mail.Address    // to, where an alias led there
	local   *mailflow.Local // it is for a mailbox here, which the commit can put it into
}

// What one commit changes at most is bounded (db.MaxChangedRows): a mailbox costs it some ten rows, a recipient in the spool
// two, one of them that its sender knows it from now on.
const (
	maxLocal      = 90 // mailflow.MaxLocal, with room for the sender
	rowsPerLocal  = 11
	rowsPerOwed   = 2
	maxCommitRows = 1300
)

// ways lists all deliveries, those by the spool first, as the submission counts them.
func (sub *Submission) ways(t *tx.Tx, e *mail.Envelope, held bool) (owed, local []way, err error) {
	for _, r := range e.Recipients {
		if !here(r) || r.Notify&mail.NotifySuccess != 0 { // RFC 3461 5.2.3: who delivers it reports it, and that is the queue
			owed = append(owed, way{written: r, to: r.Address})
			continue
		}
		for _, to := range r.Elsewhere {
			owed = append(owed, way{written: r, to: to, leadsTo: to})
		}
		for _, account := range r.Accounts {
			if slices.ContainsFunc(local, func(w way) bool { return w.local.Account == account }) {
				continue // one copy for each account, however many of its addresses were written
			}
			local = append(local, way{written: r, local: &mailflow.Local{Address: r.Address, Account: account, Detail: r.Detail}})
		}
	}
	if !held && len(local) <= maxLocal && len(local)*rowsPerLocal+len(owed)*rowsPerOwed <= maxCommitRows {
		return owed, local, nil
	}
	for _, w := range local {
		if err := sub.spooled(t, &w); err != nil {
			return nil, nil, err
		}
		owed = append(owed, w)
	}
	return owed, nil, nil
}

// spooled makes a delivery to a mailbox here one that the queue brings there, by an address that leads to it alone.
func (sub *Submission) spooled(t *tx.Tx, w *way) error {
	if w.to = w.written.Address; len(w.written.Accounts)+len(w.written.Elsewhere) > 1 {
		a, err := sub.o.Directory.Account(t, w.local.Account)
		if err != nil {
			return err
		}
		w.to, w.leadsTo = a.Address, a.Address
	}
	w.local = nil
	return nil
}

// commit makes the message true for all of its recipients at once.
func (sub *Submission) commit(ctx context.Context, l *letter) (accepted, error) {
	e := l.sent.Envelope
	accounts := []mail.AccountID{l.account}
	for _, r := range e.Recipients {
		accounts = append(accounts, r.Accounts...)
	}
	slices.Sort(accounts)
	if accounts = slices.Compact(accounts); len(accounts) > mailflow.MaxLocal {
		accounts = []mail.AccountID{l.account} // then all goes through the spool
	}
	done, err := tx.Once(ctx, sub.o.Tx, tx.NewKey(), accounts, func(t *tx.Tx) (accepted, error) { return sub.accept(t, l) })
	var refusal mail.Reply
	switch {
	case err == nil, errors.As(err, &refusal):
		return done, err
	case mail.Is(err, mail.Gone):
		return done, fmt.Errorf("%w: %w", moved, err)
	}
	return done, unavailable(err)
}

func (sub *Submission) accept(t *tx.Tx, l *letter) (done accepted, err error) {
	e := *l.sent.Envelope
	if _, err := sub.sender(t, l.account); err != nil {
		return done, err
	}
	if undo := t.Now().Add(l.like.Undo); e.HoldUntil.Before(undo) {
		e.HoldUntil = undo
	}
	owed, local, err := sub.ways(t, &e, e.HoldUntil.After(t.Now()))
	if err != nil {
		return done, err
	}
	if err := sub.charge(t, l.account, e.Recipients); err != nil {
		return done, err
	}
	if done.ID, err = sub.submit(t, l, &e, slices.Concat(owed, local)); err != nil {
		return done, err
	}
	if done.Spooled = len(owed); len(owed) > 0 {
		if err := sub.owe(t, l, e, done.ID, owed); err != nil {
			return done, err
		}
	}
	if len(local) > 0 {
		if done.Delivered, err = sub.deliver(t, l, done.ID, local, len(owed)); err != nil {
			return done, err
		}
	}
	if l.like.SentCopy {
		err = sub.keepCopy(t, l)
	}
	return done, err
}

// charge takes everybody from the budget.
func (sub *Submission) charge(t *tx.Tx, account mail.AccountID, to []mail.Recipient) error {
	var others []mail.Address
	for _, r := range to {
		if !here(r) {
			others = append(others, r.Address)
		}
	}
	return overBudget(sub.o.Submissions.Charge(t, account, len(to)-len(others), others...))
}

func (sub *Submission) submit(t *tx.Tx, l *letter, e *mail.Envelope, ways []way) (mail.SubmissionID, error) {
	s := submissions.Submission{Account: l.account, Trace: e.ID, ReversePath: e.ReversePath, MessageID: l.messageID(),
		Size: l.sent.Body.Size - l.skip, Due: e.HoldUntil}
	for _, w := range ways {
		s.Recipients = append(s.Recipients, submissions.Recipient{Address: w.written.Address, LeadsTo: w.leadsTo})
	}
	return sub.o.Submissions.Add(t, s)
}

// owe gives the deliveries to the spool, as many in one message as it takes.
func (sub *Submission) owe(t *tx.Tx, l *letter, e mail.Envelope, id mail.SubmissionID, owed []way) error {
	all := e
	all.Size = l.sent.Body.Size - l.skip
	for first := 0; first < len(owed); first += spool.MaxRecipients {
		all.Recipients = nil
		for _, w := range owed[first:min(len(owed), first+spool.MaxRecipients)] {
			r := mail.Recipient{Address: w.to, Original: w.written.Original, Notify: w.written.Notify}
			if r.Original.Address == "" && w.to != w.written.Address { // RFC 3461 5.2.7.1: it stays what the sender knows
				r.Original = originalOf(w.written.Address)
			}
			all.Recipients = append(all.Recipients, r)
		}
		blob, err := sub.o.Bodies.Hold(t, mail.SpoolAccount, l.sent.Body)
		if err != nil {
			return err
		}
		m := spool.Message{Blob: blob, Size: all.Size, Envelope: all, Skip: l.skip, Account: l.account, Submission: id, First: first}
		if _, err := sub.o.Spool.Add(t, m); err != nil {
			return err
		}
	}
	return nil
}

func originalOf(a mail.Address) mail.OriginalRecipient {
	if a.IsASCII() {
		return mail.OriginalRecipient{Type: "rfc822", Address: a.String()}
	}
	return mail.OriginalRecipient{Type: "utf-8", Address: a.String()} // RFC 6533 3
}

// deliver puts the message into the mailboxes here, and says so. first is the number of the first of them.
func (sub *Submission) deliver(t *tx.Tx, l *letter, id mail.SubmissionID, local []way, first int) ([]mailflow.Delivered, error) {
	to := make([]mailflow.Local, len(local))
	steps := make([]submissions.Step, len(local))
	for i, w := range local {
		to[i] = *w.local
		steps[i] = submissions.Step{Account: l.account, Submission: id, Recipient: first + i, Event: mail.Event{
			Kind: mail.EventDelivered, By: sub.o.Hostname, Reply: reply(250, 2, 1, 5, "delivered")}}
	}
	delivered, err := sub.o.Delivery.Deliver(t, l.sent, to)
	if err != nil {
		return nil, err
	}
	return delivered, sub.o.Submissions.Record(t, steps...)
}

// keepCopy puts what was sent into the sender's mailbox Sent, if there is one.
func (sub *Submission) keepCopy(t *tx.Tx, l *letter) error {
	box, err := sub.o.Mailbox.ByRole(t, l.account, mailbox.RoleSent)
	if mail.Is(err, mail.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	m := l.sent
	if l.copy != nil {
		m = *l.copy
	}
	kept := m.Message
	kept.Flags = mail.Flags{Bits: mail.Seen}
	if kept.Blob, err = sub.o.Bodies.Hold(t, l.account, m.Body); err == nil {
		_, err = sub.o.Mailbox.Append(t, l.account, box.ID, kept)
	}
	return err
}
