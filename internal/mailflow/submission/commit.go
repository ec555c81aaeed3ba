package submission

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
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

// What one commit changes at most is bounded (db.MaxChangedRows): a mailbox costs it some ten rows, a recipient in the spool
// two, one of them that its sender knows it from now on. Contacts come to a hundred more.
const (
	maxLocal      = 90 // mailflow.MaxLocal, with room for the sender
	rowsPerLocal  = 12
	rowsPerOwed   = 2
	maxCommitRows = 1300
)

// divide tells those whom the commit puts it into the mailboxes of from those to whom the spool brings it. It brings it to
// everybody for whom more is to be done than that: addresses elsewhere, groups, reports of a delivery; and to everybody where
// the message is held, or is for more mailboxes than a commit has room for.
func divide(list []mail.Recipient, held bool) (owed, local []mail.Recipient) {
	boxes := 0
	for _, r := range list {
		if held || len(r.Accounts) == 0 || len(r.Elsewhere)+len(r.Groups) > 0 || r.Notify&mail.NotifySuccess != 0 {
			owed = append(owed, r)
			continue
		}
		local = append(local, r)
		boxes += len(r.Accounts)
	}
	if boxes > maxLocal || boxes*rowsPerLocal+len(owed)*rowsPerOwed > maxCommitRows {
		return append(owed, local...), nil
	}
	return owed, local
}

// commit makes the message true for all of its recipients at once.
func (sub *Submission) commit(ctx context.Context, l *letter) (accepted, error) {
	e := l.sent.Envelope
	_, local := divide(e.Recipients, false) // what is held by then is for nobody's mailbox
	accounts := []mail.AccountID{l.account}
	for _, r := range local {
		accounts = append(accounts, r.Accounts...)
	}
	if sub.o.Answers != nil {
		l.sent = sub.o.Answers.Prepare(ctx, l.sent, l.head.block, localsOf(local))
		defer sub.o.Answers.Discard(ctx, l.sent)
	}
	done, err := tx.Once(ctx, sub.o.Tx, tx.NewKey(), accounts, func(t *tx.Tx) (accepted, error) { return sub.accept(t, l) })
	switch {
	case err == nil, isReply(err):
		return done, err
	case mail.Is(err, mail.Gone):
		return done, fmt.Errorf("%w: %w", moved, err)
	}
	return done, unavailable(err)
}

// localsOf are the accounts that recipients stand for.
func localsOf(list []mail.Recipient) (to []mailflow.Local) {
	for _, r := range list {
		for _, account := range r.Accounts {
			to = append(to, mailflow.Local{Address: r.Address, Account: account, Detail: r.Detail})
		}
	}
	return to
}

func (sub *Submission) accept(t *tx.Tx, l *letter) (done accepted, err error) {
	e := *l.sent.Envelope
	if _, err := sub.sender(t, l.account); err != nil {
		return done, err
	}
	if undo := t.Now().Add(l.like.Undo); e.HoldUntil.Before(undo) {
		e.HoldUntil = undo
	}
	owed, local := divide(e.Recipients, e.HoldUntil.After(t.Now()))
	if err := sub.charge(t, l.account, e.Recipients); err != nil {
		return done, err
	}
	if err := sub.acquaint(t, l, &e); err != nil {
		return done, err
	}
	kept, err := sub.keepCopy(t, l, len(owed) == 0)
	if err != nil {
		return done, err
	}
	if done.ID, err = sub.submit(t, l, &e, slices.Concat(owed, local), kept); err != nil {
		return done, err
	}
	if done.Spooled = len(owed); len(owed) > 0 {
		if err := sub.owe(t, l, e, done.ID, owed); err != nil {
			return done, err
		}
	}
	if len(local) > 0 {
		done.Delivered, err = sub.deliver(t, l, done.ID, local, len(owed))
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

// acquaint makes the recipients contacts of the sender. What a program sends by itself acquaints nobody.
func (sub *Submission) acquaint(t *tx.Tx, l *letter, e *mail.Envelope) error {
	if l.head.automatic || e.ReversePath.IsNull() || len(e.Recipients) > contacts.MaxPeople {
		return nil
	}
	names := map[contacts.ID]string{}
	if found := l.sent.Summary; found != nil {
		for _, p := range mailflow.People(slices.Concat(found.Envelope.To, found.Envelope.Cc)) {
			names[contacts.IDOf(p.Address)] = p.Name
		}
	}
	to := make([]contacts.Person, len(e.Recipients))
	for i, r := range e.Recipients {
		to[i] = contacts.Person{Address: r.Address, Name: names[contacts.IDOf(r.Address)]}
	}
	return sub.o.Contacts.Wrote(t, l.account, l.head.author, to)
}

func (sub *Submission) submit(t *tx.Tx, l *letter, e *mail.Envelope, to []mail.Recipient, kept Kept) (mail.SubmissionID, error) {
	id, err := t.NewID()
	if err != nil {
		return 0, err
	}
	s := submissions.Submission{Account: l.account, ID: mail.SubmissionID(id), Trace: e.ID, ReversePath: e.ReversePath, MessageID: l.messageID(),
		Size: l.sent.Body.Size - l.skip, Due: e.HoldUntil, Email: kept.Email, Thread: kept.Thread, Identity: kept.Identity, Envelope: kept.Envelope}
	for _, r := range to {
		s.Recipients = append(s.Recipients, submissions.Recipient{Address: r.Address})
	}
	if e.EnvID == "" { // what the sender chose goes on as it is (RFC 3461 4.4), and anybody may know it
		e.EnvID = submissions.EnvelopeID(s.ID)
		s.EnvID = e.EnvID
	}
	return sub.o.Submissions.Add(t, s)
}

// owe gives the message to the spool, for as many recipients at a time as it takes.
func (sub *Submission) owe(t *tx.Tx, l *letter, e mail.Envelope, id mail.SubmissionID, owed []mail.Recipient) error {
	e.Size = l.sent.Body.Size - l.skip
	for first := 0; first < len(owed); first += spool.MaxRecipients {
		e.Recipients = owed[first:min(len(owed), first+spool.MaxRecipients)]
		blob, err := sub.o.Bodies.Hold(t, mail.SpoolAccount, l.sent.Body)
		if err != nil {
			return err
		}
		m := spool.Message{Blob: blob, Size: e.Size, Envelope: e, Skip: l.skip, Account: l.account, Submission: id, First: first}
		if _, err := sub.o.Spool.Add(t, m); err != nil {
			return err
		}
	}
	return nil
}

// deliver puts the message into the mailboxes here, and says so. first is the number of the first of them.
func (sub *Submission) deliver(t *tx.Tx, l *letter, id mail.SubmissionID, local []mail.Recipient, first int) ([]mailflow.Delivered, error) {
	var to []mailflow.Local
	var steps []submissions.Step
	for i, r := range local {
		sent := mailflow.Sent{Account: l.account, Submission: id, Recipient: first + i}
		for _, account := range r.Accounts {
			to = append(to, mailflow.Local{Address: r.Address, Account: account, Detail: r.Detail, Sent: sent})
		}
		steps = append(steps, submissions.Step{Account: l.account, Submission: id, Recipient: first + i, Event: mail.Event{
			Kind: mail.EventDelivered, By: sub.o.Hostname, Reply: reply(250, 2, 1, 5, "it is in the mailbox")}})
	}
	delivered, err := sub.o.Delivery.Deliver(t, l.sent, to)
	if err != nil {
		return nil, err
	}
	if l.kept.Email != 0 { // a copy that was there before is to get its keywords
		return delivered, sub.o.Submissions.Record(t, steps...)
	}
	return delivered, sub.o.Submissions.Begun(t, steps...)
}

// keepCopy puts what is sent into the sender's mailbox Sent, if he wants it and there is one, and says what the submission keeps.
// The keywords of the copy say what becomes of it: delivered, where all have it with this commit.
func (sub *Submission) keepCopy(t *tx.Tx, l *letter, delivered bool) (Kept, error) {
	kept := l.kept
	if !l.like.SentCopy {
		return kept, nil
	}
	box, err := sub.o.Mailbox.ByRole(t, l.account, mailbox.RoleSent)
	if mail.Is(err, mail.NotFound) {
		return kept, nil
	}
	if err != nil {
		return kept, err
	}
	m := l.sent
	if l.copy != nil {
		m = *l.copy
	}
	copied := m.Message
	copied.Flags = mail.Flags{Bits: mail.Seen}
	if delivered {
		copied.Flags.Keywords = []string{mailflow.KeywordDelivered}
	}
	if copied.Blob, err = sub.o.Bodies.Hold(t, l.account, m.Body); err != nil {
		return kept, err
	}
	at, err := sub.o.Mailbox.Append(t, l.account, box.ID, copied)
	kept.Email, kept.Thread = at.Email, at.Thread
	return kept, err
}
