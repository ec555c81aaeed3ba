package mailboxes

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// wish is what a client may say of a mailbox. A nil pointer is null.
type wish struct {
	given      map[string]bool
	name       string
	parent     *string
	role       *string
	sortOrder  uint32
	subscribed bool
}

// maxSortOrder is RFC 8621 2's.
const maxSortOrder = 1<<31 - 1

// read takes the properties that are given. What is wrong is named, all of it.
func (w *wish) read(members map[string]ijson.Value) *method.Error {
	var wrong []string
	for name, value := range members {
		var err error
		switch name {
		case "name":
			err = ijson.Strict(value, &w.name)
		case "parentId":
			err = ijson.Strict(value, &w.parent)
		case "role":
			err = ijson.Strict(value, &w.role)
		case "sortOrder":
			var n uint64
			if err = ijson.Strict(value, &n); n > maxSortOrder {
				err = errors.New("too large")
			}
			w.sortOrder = uint32(n)
		case "isSubscribed":
			err = ijson.Strict(value, &w.subscribed)
		default:
			err = errors.New("no such property, or the server's to set")
		}
		if err != nil {
			wrong = append(wrong, name)
		}
		w.given[name] = true
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return method.Bad("these are not properties that a client sets, or have values that they cannot have", wrong...)
	}
	return nil
}

// parseWish reads a mailbox that is to be created.
func parseWish(text ijson.Value) (*wish, *method.Error) {
	var members map[string]ijson.Value
	if err := ijson.Strict(text, &members); err != nil || members == nil {
		return nil, method.Bad("a mailbox is an object")
	}
	w := &wish{given: map[string]bool{}, subscribed: true} // RFC 8621 2: what a user makes is subscribed to
	if err := w.read(members); err != nil {
		return nil, err
	}
	if !w.given["name"] {
		return nil, method.Bad("a mailbox has a name", "name")
	}
	return w, nil
}

// make makes the mailbox of a wish.
func (s *setting) make(t *tx.Tx, w *wish) (object, error) {
	path, err := s.pathBelow(t, w.parent, w.name)
	if err != nil {
		return object{}, err
	}
	role, err := s.roleOf(w)
	if err != nil {
		return object{}, err
	}
	made, err := s.o.Mailbox.As(s.access.Who).Create(t, s.access.Owner, path, "")
	if err != nil {
		return object{}, err
	}
	if err := s.o.Mailbox.SetRole(t, s.access.Owner, made.ID, role); err != nil {
		return object{}, roleRefused(err)
	}
	if err := s.o.Mailbox.SetSortOrder(t, s.access.Owner, made.ID, w.sortOrder); err != nil {
		return object{}, err
	}
	if err := s.subscribe(t, path, w.subscribed); err != nil {
		return object{}, err
	}
	seen, err := s.see(t, s.access)
	if err != nil {
		return object{}, err
	}
	one := seen.find(made.ID)
	if one == nil {
		return object{ID: made.ID.String()}, nil
	}
	return seen.object(one), nil
}

// roleOf is the role that is wished for.
func (s *setting) roleOf(w *wish) (mailbox.Role, error) {
	switch {
	case w.role == nil:
		return "", nil
	case *w.role == "":
		return "", method.Bad("no role is null", "role")
	case !s.access.Own():
		return "", method.Fail(method.Forbidden, "roles are for the owner of an account to give")
	}
	return mailbox.Role(*w.role), nil
}

// roleRefused is the error of a role that a mailbox cannot have.
func roleRefused(err error) error {
	if mail.Is(err, mail.Invalid) || mail.Is(err, mail.Exists) {
		return method.Bad(mail.Explain(err), "role")
	}
	return err
}

// pathBelow is the path of a name below a parent, nil for the top.
func (s *setting) pathBelow(t *tx.Tx, parent *string, name string) (string, error) {
	if strings.Contains(name, mailbox.Separator) || name == "" {
		return "", method.Bad("a name is not empty and has no \"/\"", "name")
	}
	if parent == nil && !s.access.Own() {
		return "", method.Fail(method.Forbidden, "mailboxes at the top are for the owner of an account to make")
	}
	if parent == nil {
		return name, nil
	}
	id, _ := s.call.Resolve(*parent)
	parsed, err := mail.ParseMailboxID(id)
	if err != nil {
		return "", noParent(*parent)
	}
	seen, err := s.see(t, s.access)
	if err != nil {
		return "", err
	}
	above := seen.find(parsed)
	if above == nil {
		return "", noParent(*parent)
	}
	if strings.Count(above.Path, mailbox.Separator)+2 > mailbox.MaxDepth {
		return "", method.Bad(fmt.Sprintf("mailboxes lie at most %d deep in each other", mailbox.MaxDepth), "parentId")
	}
	return above.Path + mailbox.Separator + name, nil
}

func noParent(id string) error {
	return method.Bad("there is no mailbox "+strings.ToValidUTF8(id[:min(len(id), 100)], ""), "parentId")
}

// subscribe sets whether the user has subscribed to the owner's mailbox of a path.
func (s *setting) subscribe(t *tx.Tx, path string, subscribed bool) error {
	if s.access.Own() {
		return s.o.Mailbox.SetSubscribed(t, s.access.Owner, path, subscribed)
	}
	prefix, err := s.prefix(t, s.access)
	if err != nil {
		return err
	}
	return s.o.Mailbox.SetSubscribed(t, s.access.Who, prefix+path, subscribed)
}

// unlike is what the server has set that the client did not say (RFC 8620 5.3).
func (o object) unlike(w *wish) map[string]any {
	out := map[string]any{"id": o.ID, "totalEmails": o.TotalEmails, "unreadEmails": o.UnreadEmails, "totalThreads": o.TotalThreads,
		"unreadThreads": o.UnreadThreads, "myRights": o.MyRights}
	for name, value := range map[string]any{"parentId": o.ParentID, "role": o.Role, "sortOrder": o.SortOrder, "isSubscribed": o.IsSubscribed} {
		if !w.given[name] {
			out[name] = value
		}
	}
	if o.Name != w.name { // Unicode has several ways to write it
		out["name"] = o.Name
	}
	return out
}
