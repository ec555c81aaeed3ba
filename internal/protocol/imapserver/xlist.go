package imapserver

import (
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// xlistExtension is XLIST, of no RFC: phones and programs from before RFC 6154 find special mailboxes by it only. docs/rfc has
// how they take it.
func xlistExtension() extension {
	return extension{
		capabilities: announced("XLIST"),
		commands:     map[string]command{"XLIST": {run: listing(on((*session).xlist))}},
	}
}

// xlistUses are the names that special uses have in XLIST. It knows no others.
var xlistUses = map[mailbox.Role]string{
	mailbox.RoleInbox: `\Inbox`, mailbox.RoleDrafts: `\Drafts`, mailbox.RoleJunk: `\Spam`, mailbox.RoleSent: `\Sent`,
	mailbox.RoleTrash: `\Trash`, "important": `\Important`,
}

func (s *session) xlist(c imap.XList) (reply, error) {
	if s.tooLong(c.Reference, c.Pattern) {
		return patternsTooLong, nil
	}
	names, err := s.names()
	if err != nil {
		return reply{}, err
	}
	pattern := imap.NewPattern(c.Reference, c.Pattern, delimiter)
	for i := range names {
		n := &names[i]
		if n.mailbox == nil || !pattern.Match(n.path) {
			continue
		}
		e := imap.ListEntry{Attributes: []string{`\HasNoChildren`}, Delimiter: delimiter, Name: n.path}
		if n.children {
			e.Attributes[0] = `\HasChildren`
		}
		if use := xlistUses[n.mailbox.Role]; use != "" {
			e.Attributes = append(e.Attributes, use)
		}
		s.out.XList(e)
	}
	return ok("that is all"), nil
}
