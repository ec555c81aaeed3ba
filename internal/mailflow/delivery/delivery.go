// Package delivery puts accepted mail into local mailboxes, inside the commit of whoever accepted it.
//
// It promises that a message is in the mailbox of each account it was for when that commit stands, once for each account
// however many of its addresses were written, and in none when it does not. Filters (Sieve) and what they generate come
// here later; until then everything goes to INBOX. Nothing is refused here: quota and existence were asked at RCPT.
package delivery

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Options are what Delivery stands on.
type Options struct {
	Bodies  *bodies.Store
	Mailbox *mailbox.Store
}

// Delivery is the step.
type Delivery struct{ o Options }

// New returns the step.
func New(o Options) *Delivery { return &Delivery{o} }

// Deliver delivers to each of the accounts, which t has locked.
func (d *Delivery) Deliver(t *tx.Tx, m mailflow.Accepted, to []mailflow.Local) ([]mailflow.Delivered, error) {
	out := make([]mailflow.Delivered, 0, len(to))
	reached := make(map[mail.AccountID]bool, len(to))
	for _, r := range to {
		if reached[r.Account] {
			continue
		}
		reached[r.Account] = true
		one, err := d.one(t, m, r.Account)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (d *Delivery) one(t *tx.Tx, m mailflow.Accepted, account mail.AccountID) (mailflow.Delivered, error) {
	inbox, err := d.o.Mailbox.ByRole(t, account, mailbox.RoleInbox)
	if err != nil {
		return mailflow.Delivered{}, err
	}
	message := m.Message
	if message.Blob, err = d.o.Bodies.Hold(t, account, m.Body); err != nil {
		return mailflow.Delivered{}, err
	}
	a, err := d.o.Mailbox.Append(t, account, inbox.ID, message)
	if err != nil {
		return mailflow.Delivered{}, err
	}
	return mailflow.Delivered{Account: account, Mailbox: inbox.ID, UID: a.UID}, nil
}
