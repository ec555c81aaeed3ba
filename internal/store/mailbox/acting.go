package mailbox

import (
	"fmt"

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
