// Package sight says what of an account's mail a user sees over JMAP.
//
// An email is seen in a mailbox that the user may read (RFC 8621 2: mayReadItems, which are the rights "l" and "r"; the owner
// may read all), if its \Deleted flag is not set there: RFC 8621 4.1.1 wants such a message to be invisible. An email that is seen in
// no mailbox is, to the user, not there.
package sight

import (
	"context"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Sight is what a user sees of an account.
type Sight struct {
	own       bool
	mailboxes map[mail.MailboxID]mail.Rights
}

const reading = mail.RightLookup | mail.RightRead

// Of reads what a user sees.
func Of(t *tx.Tx, room *mailbox.Store, a method.Access) (Sight, error) {
	if a.Own() {
		return Sight{own: true}, nil
	}
	shared, err := room.SharedBy(t, a.Owner, a.Who)
	s := Sight{mailboxes: make(map[mail.MailboxID]mail.Rights, len(shared))}
	for _, m := range shared {
		s.mailboxes[m.ID] = m.Rights
	}
	return s, err
}

// Read is Of in a transaction of its own, which what an owner sees needs none for.
func Read(ctx context.Context, store *tx.Store, room *mailbox.Store, a method.Access) (s Sight, err error) {
	if a.Own() {
		return Sight{own: true}, nil
	}
	err = store.Read(ctx, func(t *tx.Tx) (err error) {
		s, err = Of(t, room, a)
		return err
	})
	return s, err
}

// Regranted reports whether what a user sees of another's account may be all different since a number of the log. It is asked of the
// whole log, also where only some of it is told (maxChanges): what has come into view by new rights was not known before.
func Regranted(t *tx.Tx, a method.Access, since mail.ModSeq) (is bool, err error) {
	if a.Own() {
		return false, nil
	}
	err = t.ChangesOf(a.Owner, since, []tx.Kind{tx.KindRights}, func(tx.Change, int) bool { is = true; return false })
	return is, err
}

// Own reports that the user is the owner, who sees all mailboxes.
func (s Sight) Own() bool { return s.own }

// Rights are what the user may do with a mailbox of the account. The owner's mailbox need not exist.
func (s Sight) Rights(id mail.MailboxID) mail.Rights {
	if s.own {
		return mail.AllRights
	}
	return s.mailboxes[id]
}

// Reads reports whether the user may read a mailbox.
func (s Sight) Reads(id mail.MailboxID) bool { return s.own || s.mailboxes[id].Has(reading) }

// Sees reports whether the user sees an email at a place where it lies.
func (s Sight) Sees(id mail.MailboxID, flags mail.Flag) bool {
	return flags&mail.Deleted == 0 && s.Reads(id)
}

// Readable lists the mailboxes of another's account that the user may read, in order.
func (s Sight) Readable() (ids []mail.MailboxID) {
	for id, rights := range s.mailboxes {
		if rights.Has(reading) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
