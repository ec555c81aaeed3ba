package mailboxes

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// RFC 8620 5.3: what is valid when all of a /set is done is allowed, whatever lies between: a mailbox may take the name or the role
// of one that the same call renames or destroys, and two may exchange theirs. So what was refused for the sake of another mailbox
// is tried again when something else has been done, and what then stands in a circle is done in one commit.
const (
	maxRounds = 10
	maxCircle = 20
)

// waiting is what was refused and may be possible yet.
type waiting struct {
	later  []func() error
	circle map[string]stuck // those of it that are updates, by the client's name
	done   int              // objects that were created, updated or destroyed
}

// stuck is an update that was refused.
type stuck struct {
	id    mail.MailboxID
	patch map[string]ijson.Value
}

// wait has something tried again if another mailbox may be what it was refused for.
func (s *setting) wait(told *method.Error, retry func() error) bool {
	hopeful := told.Type == hasChild
	for _, p := range told.Properties {
		hopeful = hopeful || p == "name" || p == "parentId" || p == "role"
	}
	if hopeful {
		s.later = append(s.later, retry)
	}
	return hopeful
}

// again tries what was refused, as long as that leads on.
func (s *setting) again() error {
	seen := 0
	for range maxRounds {
		if s.done == seen {
			if err := s.exchange(); err != nil || s.done == seen {
				return err
			}
		}
		seen = s.done
		list := s.later
		s.later = nil
		slices.Reverse(list) // mailboxes that each take the next one's name are done in one round
		for _, retry := range list {
			if err := retry(); err != nil {
				return err
			}
		}
	}
	return nil
}

// exchange carries out updates that stand in each other's way in one commit. Who cannot have what it wants even so is left out.
func (s *setting) exchange() error {
	names := slices.Sorted(maps.Keys(s.circle))
	for len(names) > 1 && len(names) <= maxCircle {
		var failed string
		err := s.commit(func(t *tx.Tx) (err error) { failed, err = s.exchangeIn(t, names); return err })
		if err == nil {
			for _, name := range names {
				s.updated(name, s.circle[name].id)
			}
			return nil
		}
		if _, err := refusal(err); err != nil {
			return err
		}
		names = slices.DeleteFunc(names, func(name string) bool { return name == failed })
	}
	return nil
}

// exchangeIn takes names and roles off mailboxes first, and gives them what they are to have then. It says who was refused.
func (s *setting) exchangeIn(t *tx.Tx, names []string) (failed string, err error) {
	before, err := s.see(t, s.access)
	if err != nil {
		return "", err
	}
	between := rand.Text() // in names that nobody sees
	wishes, roles := map[string]*wish{}, map[string]mailbox.Role{}
	for _, name := range names {
		one, w, role, err := s.wanted(&before, s.circle[name].id, s.circle[name].patch)
		if err != nil {
			return name, err
		}
		wishes[name], roles[name] = w, role
		if err := s.loosen(t, one, w, between+one.ID.String()); err != nil {
			return name, err
		}
	}
	for _, name := range names {
		now, err := s.see(t, s.access)
		if err != nil {
			return "", err
		}
		one := now.find(s.circle[name].id)
		if one == nil {
			return name, noMailbox(name)
		}
		if err := s.carryOut(t, one, wishes[name], roles[name]); err != nil {
			return name, err
		}
	}
	return "", s.forget(t, between)
}

// loosen has a mailbox give up the name and the role that are to be changed.
func (s *setting) loosen(t *tx.Tx, one *mailbox.Shared, w *wish, between string) error {
	if w.given["role"] {
		if err := s.o.Mailbox.SetRole(t, s.access.Owner, one.ID, ""); err != nil {
			return err
		}
	}
	if one.Role == mailbox.RoleInbox || !w.given["name"] && !w.given["parentId"] {
		return nil
	}
	now, err := s.see(t, s.access) // one above it may have been renamed
	if err != nil {
		return err
	}
	to := mailboxPath(now.find(one.ID).Path, between)
	if w.given["parentId"] && s.access.Own() {
		to = between // from where it can go below what was below it
	}
	w.given["name"] = true
	_, err = s.o.Mailbox.As(s.access.Who).Rename(t, s.access.Owner, one.ID, to)
	return err
}

// forget takes back the subscriptions of the names that mailboxes had between two others: a renamed one leaves its name subscribed.
func (s *setting) forget(t *tx.Tx, between string) error {
	list, err := s.o.Mailbox.Subscriptions(t, s.access.Owner)
	for _, path := range list {
		if err == nil && strings.Contains(path, between) {
			err = s.o.Mailbox.SetSubscribed(t, s.access.Owner, path, false)
		}
	}
	return err
}
