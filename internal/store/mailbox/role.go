package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Role is what a mailbox is for: a name of the IANA registry "IMAP Mailbox Name Attributes" in lower case without its
// backslash (RFC 8621 2), or nothing.
type Role string

// The roles that every account begins with, see internal/provision.
const (
	RoleInbox   Role = "inbox"
	RoleArchive Role = "archive"
	RoleDrafts  Role = "drafts"
	RoleJunk    Role = "junk"
	RoleSent    Role = "sent"
	RoleTrash   Role = "trash"
)

// RoleScheduled is where clients may keep what they send later; tracking takes it from there.
const RoleScheduled Role = "scheduled"

// roles are those a mailbox can be given. \All, \Flagged and \Subscribed name views over other mailboxes, which there are
// none of; inbox belongs to INBOX.
var roles = []Role{RoleArchive, RoleDrafts, RoleJunk, RoleSent, RoleTrash, "important", "memos", RoleScheduled, "snoozed", "templates"}

// SetRole gives a mailbox a role or, with "", takes it away. Each role belongs to one mailbox of an account at most (RFC
// 8621 2); who wants to pass it on takes it away first.
func (s *Store) SetRole(t *tx.Tx, account mail.AccountID, id mail.MailboxID, role Role) error {
	m, err := s.ByID(t, account, id)
	if err != nil {
		return err
	}
	switch {
	case m.Role == role:
		return nil
	case m.Role == RoleInbox:
		return mail.E("mailbox.SetRole", mail.Denied, errors.New("INBOX keeps its role"))
	}
	if err := s.checkRole(t, account, id, role); err != nil {
		return err
	}
	t.SQL().Queue(`UPDATE mailbox SET role = $3, modseq = $4, meta_modseq = $4 WHERE account_id = $1 AND id = $2`,
		account, id, role, changedMailbox(t, account, id, tx.Updated))
	trashChanged(t, account, id, m.Role, role)
	return nil
}

// trashChanged logs that a mailbox became the trash, or is it no more: unread mail counts otherwise then (RFC 8621 2).
func trashChanged(t *tx.Tx, account mail.AccountID, id mail.MailboxID, from, to Role) {
	switch RoleTrash {
	case from:
		t.Changed(tx.Change{Account: account, Kind: tx.KindTrash, Op: tx.Destroyed, Object: int64(id)})
	case to:
		t.Changed(tx.Change{Account: account, Kind: tx.KindTrash, Op: tx.Created, Object: int64(id)})
	}
}

// checkRole checks that mailbox id, 0 for one that is being made, can have a role.
func (s *Store) checkRole(t *tx.Tx, account mail.AccountID, id mail.MailboxID, role Role) error {
	const op = "mailbox.SetRole"
	if role == "" {
		return nil
	}
	if !slices.Contains(roles, role) {
		return mail.E(op, mail.Invalid, fmt.Errorf("no mailbox can have the role %.40q; possible are %s", role, roleNames()))
	}
	holder, err := s.ByRole(t, account, role)
	switch {
	case mail.Is(err, mail.NotFound):
		return nil
	case err != nil:
		return err
	case holder.ID != id:
		return mail.E(op, mail.Exists, fmt.Errorf("the mailbox %.40q has the role %s", holder.Name, role))
	}
	return nil
}

func roleNames() string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}
