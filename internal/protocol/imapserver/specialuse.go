package imapserver

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// roleOf turns a special-use attribute into a role (RFC 8621 2: the same word without backslash, in lower case).
func roleOf(attribute string) mailbox.Role {
	return mailbox.Role(strings.ToLower(strings.TrimPrefix(attribute, `\`)))
}

// attributes has the spelling of the special-use attributes (RFC 6154 2, IANA "IMAP Mailbox Name Attributes").
var attributes = map[mailbox.Role]string{
	mailbox.RoleArchive: `\Archive`, mailbox.RoleDrafts: `\Drafts`, mailbox.RoleJunk: `\Junk`, mailbox.RoleSent: `\Sent`,
	mailbox.RoleTrash: `\Trash`, "important": `\Important`, "memos": `\Memos`, mailbox.RoleScheduled: `\Scheduled`,
	"snoozed": `\Snoozed`, "templates": `\Templates`,
}

// The refusals of a special use (RFC 6154 3 and 4).
var (
	errUses      = refuse(imap.CodeUseAttr, "a mailbox has one special use at most")
	errNoUse     = refuse(imap.CodeUseAttr, "this special use cannot be given to a mailbox")
	errUseTaken  = refuse(imap.CodeUseAttr, "another mailbox has this special use")
	errInboxUse  = refuse(imap.CodeUseAttr, "INBOX has a use of its own")
	errOthersUse = refuse(imap.CodeUseAttr, "the uses of another account's mailboxes are its own")
)

// roleFor checks the attributes that a client gives to a mailbox; "" is none.
func roleFor(use []string) (mailbox.Role, error) {
	switch {
	case len(use) == 0:
		return "", nil
	case len(use) > 1:
		return "", errUses
	}
	role := roleOf(use[0])
	if attributes[role] == "" || !strings.HasPrefix(use[0], `\`) {
		return "", errNoUse
	}
	return role, nil
}

// roleIsFree refuses a role that another mailbox of the account has.
func (s *session) roleIsFree(t *tx.Tx, id mail.MailboxID, role mailbox.Role) error {
	if role == "" {
		return nil
	}
	switch holder, err := s.o.Mailbox.ByRole(t, s.account, role); {
	case mail.Is(err, mail.NotFound):
		return nil
	case err == nil && holder.ID != id:
		return errUseTaken
	default:
		return err
	}
}

// useEntry is the annotation that is a mailbox's special use (RFC 6154 4). What is read is the role of the mailbox; the
// annotation is kept besides, so that others are told when it is set.
const useEntry = "/private/specialuse"

func isUse(entry string) bool { return strings.EqualFold(entry, useEntry) }

// withUse puts the special use of a mailbox in the place of its annotation.
func withUse(m *access, list []mailbox.Annotation) []mailbox.Annotation {
	if m.ID == mailbox.OfServer {
		return list
	}
	out := make([]mailbox.Annotation, 0, len(list)+1)
	for _, a := range list {
		if !isUse(a.Entry) {
			out = append(out, a)
		}
	}
	if use := attributes[m.Role]; use != "" { // another account's are not told
		out = append(out, mailbox.Annotation{Entry: useEntry, Value: []byte(use)})
	}
	return out
}

// setUse gives a mailbox the special use that its annotation is to have, if that is among the values.
func (s *session) setUse(t *tx.Tx, m *access, values []imap.MetadataValue) error {
	if m.ID == mailbox.OfServer {
		return nil
	}
	for _, v := range values {
		if !isUse(v.Entry) {
			continue
		}
		role, err := roleFor(strings.Fields(string(v.Value)))
		if err != nil {
			return err
		}
		switch {
		case m.Role == mailbox.RoleInbox && role == "":
			continue
		case m.Role == mailbox.RoleInbox:
			return errInboxUse
		}
		if err := s.roleIsFree(t, m.ID, role); err != nil {
			return err
		}
		if err := s.o.Mailbox.SetRole(t, s.account, m.ID, role); err != nil {
			return err
		}
	}
	return nil
}
