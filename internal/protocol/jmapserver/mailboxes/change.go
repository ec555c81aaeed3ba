package mailboxes

import (
	"errors"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// change carries out a patch. A mailbox has no properties that a patch could lead into.
func (s *setting) change(t *tx.Tx, id mail.MailboxID, patch map[string]ijson.Value) error {
	seen, err := s.see(t, s.access)
	if err != nil {
		return err
	}
	one, w, role, err := s.wanted(&seen, id, patch)
	if err != nil {
		return err
	}
	return s.carryOut(t, one, w, role)
}

// wanted reads a patch of a mailbox, which the user may make.
func (s *setting) wanted(seen *seen, id mail.MailboxID, patch map[string]ijson.Value) (one *mailbox.Shared, w *wish, role mailbox.Role, err error) {
	if one = seen.find(id); one == nil {
		return nil, nil, "", noMailbox(id.String())
	}
	if w, err = s.wishOf(seen, one, patch); err != nil {
		return nil, nil, "", err
	}
	role = one.Role
	if w.given["role"] {
		if role, err = s.roleOf(w); err != nil {
			return nil, nil, "", err
		}
	}
	if !s.access.Own() && (w.given["role"] || w.given["sortOrder"]) {
		return nil, nil, "", method.Fail(method.Forbidden, "role and sortOrder are for the owner of the account to set")
	}
	if one.Role == mailbox.RoleInbox && (role != one.Role || w.parent != nil || w.name != inboxName) {
		return nil, nil, "", method.Fail(method.Forbidden, "the Inbox keeps its name, its place and its role")
	}
	return one, w, role, nil
}

// wishOf is the mailbox as it is to be. Properties that only the server sets may be said as they are (RFC 8620 5.3).
func (s *setting) wishOf(seen *seen, one *mailbox.Shared, patch map[string]ijson.Value) (*wish, error) {
	now := seen.object(one)
	w := &wish{given: map[string]bool{}, name: now.Name, parent: now.ParentID, role: now.Role, sortOrder: now.SortOrder, subscribed: now.IsSubscribed}
	members := map[string]ijson.Value{}
	for name, value := range patch {
		switch {
		case slices.ContainsFunc([]byte(name), func(c byte) bool { return c == '/' || c == '~' }):
			return nil, method.Fail(method.InvalidPatch, "%.100q leads into no object of a mailbox: replace the whole", name)
		case ijson.IsNull(value) && name == "sortOrder": // null is the default
			value = ijson.Value("0")
		case slices.Contains(counts, name) || name == "id" || name == "myRights":
			same, err := s.sameAs(one, now, name, value)
			if err != nil {
				return nil, err
			}
			if same {
				continue
			}
		}
		members[name] = value
	}
	if err := w.read(members); err != nil {
		return nil, err
	}
	return w, nil
}

// sameAs reports whether a property that the server sets has the value that a client says.
func (s *setting) sameAs(one *mailbox.Shared, now object, name string, value ijson.Value) (bool, error) {
	if name == "totalThreads" || name == "unreadThreads" {
		return false, nil // nobody needs to say them
	}
	text, err := ijson.Marshal(map[string]any{"id": now.ID, "myRights": now.MyRights, "totalEmails": now.TotalEmails, "unreadEmails": now.UnreadEmails}[name])
	if err != nil {
		return false, err
	}
	var a, b any
	if ijson.Unmarshal(value, &a) != nil || ijson.Unmarshal(text, &b) != nil {
		return false, nil
	}
	x, err1 := ijson.Marshal(a)
	y, err2 := ijson.Marshal(b)
	return string(x) == string(y), errors.Join(err1, err2)
}

// carryOut makes a mailbox what it is to be. A room's refusal of one step makes the whole commit nothing.
func (s *setting) carryOut(t *tx.Tx, one *mailbox.Shared, w *wish, role mailbox.Role) error {
	owner, room := s.access.Owner, s.o.Mailbox
	path := one.Path
	if one.Role != mailbox.RoleInbox && (w.given["name"] || w.given["parentId"]) {
		to := mailboxPath(one.Path, w.name)
		if strings.Contains(w.name, mailbox.Separator) || w.name == "" {
			return method.Bad("a name is not empty and has no \"/\"", "name")
		}
		if w.given["parentId"] {
			var err error
			if to, err = s.pathBelow(t, w.parent, w.name); err != nil {
				return err
			}
		}
		if to != path {
			renamed, err := room.As(s.access.Who).Rename(t, owner, one.ID, to)
			if mail.Is(err, mail.NotFound) { // what is above it is nothing that the user sees, but it is
				return method.Fail(method.Forbidden, "the owner of the account has not allowed to make mailboxes there")
			}
			if err != nil {
				return moveRefused(err, w)
			}
			path = renamed.Path
		}
	}
	if w.given["role"] {
		if err := room.SetRole(t, owner, one.ID, role); err != nil {
			return roleRefused(err)
		}
	}
	if w.given["sortOrder"] {
		if err := room.SetSortOrder(t, owner, one.ID, w.sortOrder); err != nil {
			return err
		}
	}
	if w.given["isSubscribed"] {
		return s.subscribe(t, path, w.subscribed)
	}
	return nil
}

// mailboxPath is a path with another name at its end.
func mailboxPath(path, name string) string {
	return path[:strings.LastIndex(path, mailbox.Separator)+1] + name
}

// moveRefused names the property that was wrong.
func moveRefused(err error, w *wish) error {
	if kind := mail.KindOf(err); w.given["parentId"] && (kind == mail.Invalid || kind == mail.Limit) {
		if w.given["name"] {
			return method.Bad(mail.Explain(err), "name", "parentId")
		}
		return method.Bad(mail.Explain(err), "parentId")
	}
	return err
}
