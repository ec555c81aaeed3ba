package imapserver

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// listed is a name as LIST sees it: a mailbox, a subscription without one, or a level above such a subscription.
type listed struct {
	path       string
	mailbox    *access // nil: there is none of that name
	subscribed bool
	level      bool // there is none, and mailboxes of others lie below it
	parent     int  // its index, -1 at the top
	children   bool // it has a child that is a mailbox
	hidden     bool // no pattern of the command matches it
}

// names returns everything LIST can show: INBOX first, then by path.
func (s *session) names() ([]listed, error) {
	var list []mailbox.Mailbox
	var shared []access
	var subscriptions []string
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
		if list, err = s.o.Mailbox.List(t, s.account); err != nil {
			return err
		}
		if shared, err = s.sharedNames(t); err != nil {
			return err
		}
		subscriptions, err = s.o.Mailbox.Subscriptions(t, s.account)
		return err
	})
	if err != nil {
		return nil, err
	}
	names := make([]listed, 0, len(list)+len(shared)+len(subscriptions))
	for i := range list {
		names = append(names, listed{path: list[i].Path, mailbox: s.mine(&list[i]), subscribed: list[i].Subscribed})
	}
	for i := range shared {
		names = append(names, listed{path: shared[i].Path, mailbox: &shared[i]})
	}
	return relate(names, subscriptions), nil
}

// relate adds the subscriptions that no mailbox bears to the mailboxes, and the levels above them and above the mailboxes of
// others, and finds the parent of each.
func relate(names []listed, subscriptions []string) []listed {
	at := make(map[string]int, len(names)+len(subscriptions))
	for i, n := range names {
		at[n.path] = i
	}
	add := func(path string) int {
		i, known := at[path]
		if !known {
			i = len(names)
			at[path] = i
			names = append(names, listed{path: path})
		}
		return i
	}
	own := len(names)
	for i := range own {
		if !mailbox.Foreign(names[i].path) {
			continue
		}
		for above := parentOf(names[i].path); above != ""; above = parentOf(above) {
			if at := add(above); names[at].mailbox == nil {
				names[at].level = true
			}
		}
	}
	for _, path := range subscriptions {
		names[add(path)].subscribed = true
		for above := parentOf(path); above != ""; above = parentOf(above) {
			add(above)
		}
	}
	if len(subscriptions) > 0 || len(names) > own || slices.ContainsFunc(names, func(n listed) bool { return n.mailbox != nil && mailbox.Foreign(n.path) }) {
		slices.SortFunc(names, byPath)
		for i, n := range names {
			at[n.path] = i
		}
	}
	for i := range names {
		parent, known := at[parentOf(names[i].path)]
		if !known {
			parent = -1
		}
		names[i].parent = parent
		if known && (names[i].mailbox != nil || names[i].level) {
			names[parent].children = true
		}
	}
	return names
}

func byPath(a, b listed) int {
	switch {
	case a.path == mailbox.Inbox && b.path != mailbox.Inbox:
		return -1
	case b.path == mailbox.Inbox && a.path != mailbox.Inbox:
		return 1
	}
	return strings.Compare(a.path, b.path)
}
