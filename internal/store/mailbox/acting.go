package mailbox

import (
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Acting is the room as one account uses it. Whose a mailbox is, is an argument; what the account may do with it is read in
// each commit that changes something, under the lock that a change of rights needs too. The owner may do everything.
type Acting struct {
	s   *Store
	who mail.AccountID
}

// As returns the room as an account uses it.
func (s *Store) As(who mail.AccountID) Acting { return Acting{s, who} }

// CheckRights answers whether rights to a mailbox that was named are there. RFC 4314 6: who may not look a mailbox up does not
// learn that it exists.
func CheckRights(have, need mail.Rights) error {
	switch {
	case have.Has(need):
		return nil
	case !have.Has(mail.RightLookup):
		return mail.E("mailbox.rights", mail.NotFound, errNoMailbox)
	}
	return MissingRights(have, need)
}

// MissingRights says which rights are not there.
func MissingRights(have, need mail.Rights) error {
	return mail.E("mailbox.rights", mail.Denied, fmt.Errorf("this needs the rights %q to the mailbox, and you have %q", need, have))
}

// check is CheckRights in a commit; it returns all rights to the mailbox.
func (a Acting) check(t *tx.Tx, owner mail.AccountID, id mail.MailboxID, need mail.Rights) (mail.Rights, error) {
	have, err := a.s.RightsOf(t, owner, id, a.who)
	if err != nil {
		return 0, err
	}
	return have, CheckRights(have, need)
}

// checkOpen is check for a mailbox that the account has open: that it is there is no secret.
func (a Acting) checkOpen(t *tx.Tx, owner mail.AccountID, id mail.MailboxID, need mail.Rights) error {
	have, err := a.s.RightsOf(t, owner, id, a.who)
	if err == nil && !have.Has(need) {
		err = MissingRights(have, need)
	}
	return err
}

// Append is Store.Append with the right to insert, without the flags that the rights do not let be set: that is no reason to
// refuse (RFC 4314 4).
func (a Acting) Append(t *tx.Tx, owner mail.AccountID, id mail.MailboxID, m Message) (Appended, error) {
	rights, err := a.check(t, owner, id, mail.RightInsert)
	if err != nil {
		return Appended{}, err
	}
	m.Flags = rights.Permitted(m.Flags)
	return a.s.Append(t, owner, id, m)
}

// RemoveOne removes one message of a mailbox, whatever its flags, in a commit of the caller's, which has what replaces it.
func (a Acting) RemoveOne(t *tx.Tx, owner mail.AccountID, id mail.MailboxID, uid mail.UID) error {
	if _, err := a.check(t, owner, id, mail.RightRead|mail.RightDeleteMessages|mail.RightExpunge); err != nil {
		return err
	}
	return a.s.removeOne(t, owner, id, uid)
}

// Create is Store.Create. Below another account's mailboxes the nearest one above the new name must allow it (RFC 4314 4).
func (a Acting) Create(t *tx.Tx, owner mail.AccountID, path string, role Role) (Mailbox, error) {
	if err := a.mayCreate(t, owner, path); err != nil {
		return Mailbox{}, err
	}
	return a.s.Create(t, owner, path, role)
}

func (a Acting) mayCreate(t *tx.Tx, owner mail.AccountID, path string) error {
	if a.who == owner {
		return nil
	}
	for above := parentPath(strings.TrimSuffix(path, Separator)); above != ""; above = parentPath(above) {
		m, err := a.s.ByPath(t, owner, above)
		switch {
		case mail.Is(err, mail.NotFound):
			continue
		case mail.Is(err, mail.Invalid), mail.Is(err, mail.Limit): // no name that could be looks like one that is not
			return CheckRights(0, mail.RightCreate)
		case err != nil:
			return err
		}
		_, err = a.check(t, owner, m.ID, mail.RightCreate)
		return err
	}
	return CheckRights(0, mail.RightCreate)
}

func parentPath(path string) string {
	at := strings.LastIndex(path, Separator)
	return path[:max(at, 0)]
}

// Rename gives a mailbox a new path, with all its children; mailboxes missing above it are made. UIDVALIDITY, UIDs and role
// stay. A name that was subscribed to stays so (RFC 9051 6.3.6), and the new one is, too. INBOX is renamed by RenameInbox. It
// needs the rights of DELETE and of CREATE (RFC 4314 4).
func (a Acting) Rename(t *tx.Tx, owner mail.AccountID, id mail.MailboxID, path string) (Mailbox, error) {
	if _, err := a.check(t, owner, id, mail.RightDelete); err != nil {
		return Mailbox{}, err
	}
	if err := a.mayCreate(t, owner, path); err != nil {
		return Mailbox{}, err
	}
	return a.s.rename(t, owner, id, path)
}

// Annotate sets annotations of a mailbox, and removes those whose value is nil: all of them, or none where one is refused.
// Removing what is not there is no error.
func (a Acting) Annotate(t *tx.Tx, owner mail.AccountID, id mail.MailboxID, list []Annotation) error {
	if _, err := a.check(t, owner, id, mail.RightLookup|mail.RightRead|mail.RightWrite); err != nil {
		return err
	}
	return a.s.annotate(t, owner, a.who, id, list)
}

// Grant changes what a mailbox gives to one account. The accounts of both are locked by the caller: the account that is
// given something must not be removed meanwhile. A grant without rights goes.
func (a Acting) Grant(t *tx.Tx, owner mail.AccountID, id mail.MailboxID, op RightsOp, g Grant) error {
	if _, err := a.check(t, owner, id, mail.RightAdminister); err != nil {
		return err
	}
	return a.s.grant(t, a.who, owner, id, op, g)
}
