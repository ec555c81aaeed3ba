// Package delivery puts accepted mail into local mailboxes, inside the commit of whoever accepted it.
//
// It promises that a message is in the mailbox of each account it was for when that commit stands, once for each account
// however many of its addresses were written, and in none when it does not. Mail from whom an account blocks goes to its mailbox
// Junk, all other to INBOX; filters (Sieve) and what they generate come here later. Mail from whom an account knows, because it has
// written there or says so, has the keyword $Important (RFC 8457), by which clients find what matters among much; taking it away
// is the user's right. Nothing is refused here: quota and existence were asked at RCPT, and who is blocked is not told.
package delivery

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Tracking is told what came to lie where, inside our commit.
type Tracking interface {
	Delivered(t *tx.Tx, m *mailflow.Accepted, to mailflow.Local, email mail.EmailID) error
}

// Options are what Delivery stands on.
type Options struct {
	Bodies   *bodies.Store
	Mailbox  *mailbox.Store
	Contacts *contacts.Store
	Answers  Answers  // nil: messages come without any
	Notifier Notifier // nil: nobody is notified
	Tracking Tracking // nil: nobody is told
}

// Answers sends what accounts answer by themselves.
type Answers interface {
	Send(t *tx.Tx, a mailflow.Answer) error
}

// Notifier has people notified of mail that deserves it, once the commit stands.
type Notifier interface {
	Delivered(t *tx.Tx, account mail.AccountID, email mail.EmailID)
}

// Delivery is the step.
type Delivery struct{ o Options }

// New returns the step.
func New(o Options) *Delivery { return &Delivery{o} }

// Deliver delivers to each of the accounts, which t has locked.
func (d *Delivery) Deliver(t *tx.Tx, m mailflow.Accepted, to []mailflow.Local) ([]mailflow.Delivered, error) {
	places := make([]mailbox.Place, 0, len(to))
	reached := make(map[mail.AccountID]bool, len(to))
	first := make([]mailflow.Local, 0, len(to)) // how each of the places was reached
	for _, r := range to {
		if reached[r.Account] {
			continue
		}
		reached[r.Account] = true
		message := m.Message
		var err error
		if message.Blob, err = d.o.Bodies.Hold(t, r.Account, m.Body); err != nil {
			return nil, err
		}
		places, first = append(places, mailbox.Place{Account: r.Account, Message: message}), append(first, r)
	}
	senders, err := d.sort(t, m, places)
	if err != nil {
		return nil, err
	}
	for _, a := range m.Answers {
		if reached[a.Account] && !senders[a.Account].Blocked {
			if err := d.o.Answers.Send(t, a); err != nil {
				return nil, err
			}
		}
	}
	appended, err := d.o.Mailbox.AppendEach(t, places)
	if err != nil {
		return nil, err
	}
	out := make([]mailflow.Delivered, len(appended))
	for i, a := range appended {
		out[i] = mailflow.Delivered{Account: places[i].Account, Mailbox: a.Mailbox, UID: a.UID, Email: a.Email}
		if d.o.Notifier != nil {
			d.o.Notifier.Delivered(t, places[i].Account, a.Email)
		}
		if d.o.Tracking == nil {
			continue
		}
		if err := d.o.Tracking.Delivered(t, &m, first[i], a.Email); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sort finds the mailbox for each account, and returns what the accounts have of the sender.
func (d *Delivery) sort(t *tx.Tx, m mailflow.Accepted, places []mailbox.Place) (map[mail.AccountID]contacts.Contact, error) {
	accounts := make([]mail.AccountID, len(places))
	for i := range places {
		accounts[i] = places[i].Account
	}
	senders, err := d.o.Contacts.Heard(t, m.Author(), accounts)
	if err != nil || len(senders) == 0 {
		return nil, err
	}
	for i := range places {
		p := &places[i]
		sender := senders[p.Account]
		if sender.Known() {
			p.Message.Flags = p.Message.Flags.Add(mail.Flags{Bits: mail.Important}) // RFC 8457 3: by what the server knows of its user
		}
		if !sender.Blocked {
			continue
		}
		junk, err := d.o.Mailbox.ByRole(t, p.Account, mailbox.RoleJunk)
		if err != nil && !mail.Is(err, mail.NotFound) {
			return nil, err
		}
		p.Mailbox = junk.ID // 0, INBOX, where there is none
	}
	return senders, nil
}
