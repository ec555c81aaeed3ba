// Package access says which accounts a user may see something in: the user's own, and those whose owners share mailboxes with
// the user (RFC 4314, RFC 9670). What may be done in a mailbox of another's account its rights say: that is for the methods.
package access

import (
	"context"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Accesses finds accounts. It is safe for concurrent use.
type Accesses struct {
	tx        *tx.Store
	mailboxes *mailbox.Store
}

// New makes an Accesses.
func New(t *tx.Store, m *mailbox.Store) *Accesses { return &Accesses{t, m} }

// Account finds the account that an id names. Whether there is one that the user may see nothing in is not told.
func (a *Accesses) Account(ctx context.Context, u *method.User, id string) (method.Access, error) {
	if id == "" { // RFC 8620 3.6.2: a required argument is missing
		return method.Access{}, method.Fail(method.InvalidArguments, `"accountId" is missing: the session lists the accounts`)
	}
	owner, err := mail.ParseAccountID(id)
	if err != nil {
		return method.Access{}, notFound(id)
	}
	found := method.Access{Owner: owner, Who: u.Account}
	if found.Own() {
		return found, nil
	}
	var shared []mailbox.Shared
	err = a.tx.Read(ctx, func(t *tx.Tx) (err error) {
		shared, err = a.mailboxes.SharedBy(t, owner, u.Account)
		return err
	})
	if err == nil && len(shared) == 0 {
		err = notFound(id)
	}
	return found, err
}

func notFound(id string) error {
	return method.Fail(method.AccountNotFound, "there is no account %.40q that you have access to", id)
}

// Seen is an account that a user may see something in.
type Seen struct {
	method.Access
	ReadOnly bool // nothing in it may be changed
}

// changing are the rights to change something of a mailbox or of the mail in it.
const changing = mail.AllRights &^ (mail.RightLookup | mail.RightRead)

// All lists the accounts of a user, the own one first.
func (a *Accesses) All(t *tx.Tx, u *method.User) ([]Seen, error) {
	all := []Seen{{method.Access{Owner: u.Account, Who: u.Account}, u.Scope&^method.Read == 0}}
	owners, err := a.mailboxes.Sharers(t, u.Account)
	for _, owner := range owners {
		if owner == u.Account {
			continue
		}
		shared, err := a.mailboxes.SharedBy(t, owner, u.Account)
		if err != nil {
			return nil, err
		}
		readOnly := u.Scope&method.Write == 0 || !slices.ContainsFunc(shared, func(m mailbox.Shared) bool { return m.Rights&changing != 0 })
		if len(shared) > 0 { // else rights that are taken away again outweigh those that are given
			all = append(all, Seen{method.Access{Owner: owner, Who: u.Account}, readOnly})
		}
	}
	return all, err
}
