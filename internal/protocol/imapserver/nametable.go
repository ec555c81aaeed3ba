package imapserver

import (
	"cmp"
	"iter"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// nameTable is the mailboxes of an account by name, as they were at one number of the change log. It never changes, and all
// sessions of the account that are told of events at the same number share it.
type nameTable struct {
	at     mail.ModSeq
	boxes  []bearer // by id
	others []string // names that were subscribed to when no mailbox bore them, in order
}

// bearer is one mailbox of a nameTable: what LIST tells of it.
type bearer struct {
	id         mail.MailboxID
	path       string
	use        string // special-use attribute, "" for none
	subscribed bool
	children   bool
}

// namesAt returns the names as of now, the state of t. They have not changed since the number changed.
func (s *share) namesAt(t *tx.Tx, room *mailbox.Store, account mail.AccountID, changed, now mail.ModSeq) (*nameTable, error) {
	if last := s.names.Load(); last != nil && last.at >= changed && last.at <= now {
		return last, nil
	}
	list, err := room.List(t, account)
	if err != nil {
		return nil, err
	}
	table := &nameTable{at: now, boxes: make([]bearer, len(list))}
	if table.others, err = room.Subscriptions(t, account); err != nil {
		return nil, err
	}
	slices.Sort(table.others) // by octets, whatever the database's order is
	parents := map[mail.MailboxID]bool{}
	for _, m := range list {
		parents[m.Parent] = true
	}
	for i, m := range list {
		table.boxes[i] = bearer{m.ID, m.Path, attributes[m.Role], m.Subscribed, parents[m.ID]}
	}
	slices.SortFunc(table.boxes, func(a, b bearer) int { return cmp.Compare(a.id, b.id) })
	s.names.Store(table)
	return table, nil
}

// find returns a mailbox, nil when there is none.
func (n *nameTable) find(id mail.MailboxID) *bearer {
	i, found := slices.BinarySearchFunc(n.boxes, id, func(m bearer, id mail.MailboxID) int { return cmp.Compare(m.id, id) })
	if !found {
		return nil
	}
	return &n.boxes[i]
}

// missingIn yields the mailboxes that another table does not have.
func (n *nameTable) missingIn(other *nameTable) iter.Seq[*bearer] {
	return func(yield func(*bearer) bool) {
		for i := range n.boxes {
			if other.find(n.boxes[i].id) == nil && !yield(&n.boxes[i]) {
				return
			}
		}
	}
}

// tellNames tells which names are other than before (RFC 5465 5.4 and 5.5), but not what only the session itself has changed.
func (s *session) tellNames(was, is *nameTable, own map[mail.MailboxID]bool) {
	e := s.events
	borne := make(map[string]bool, len(is.boxes))
	for i := range is.boxes {
		borne[is.boxes[i].path] = true
	}
	for i := range is.boxes {
		now, before := &is.boxes[i], was.find(is.boxes[i].id)
		if own[now.id] || before != nil && *before == *now {
			continue
		}
		wanted, entry := e.wants(now), now.entry()
		switch {
		case before == nil && wanted&imap.MailboxName != 0:
		case before == nil:
			continue
		case before.path != now.path && (wanted|e.wants(before))&imap.MailboxName != 0:
			entry.OldName = before.path
		case before.subscribed != now.subscribed && (wanted|e.wants(before))&imap.SubscriptionChange != 0:
		case before.children != now.children && wanted&imap.MailboxName != 0:
		default:
			continue
		}
		s.out.List(entry)
	}
	for gone := range was.missingIn(is) {
		if !borne[gone.path] && !own[gone.id] && e.wants(gone)&imap.MailboxName != 0 {
			s.tellNobodys(gone.path, is)
		}
	}
	s.tellSubscriptions(was, is, borne)
}

// tellSubscriptions tells of names without mailbox that are subscribed to now, or no longer.
func (s *session) tellSubscriptions(was, is *nameTable, borne map[string]bool) {
	for _, path := range slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(was.others), is.others...)))) {
		_, before := slices.BinarySearch(was.others, path)
		_, now := slices.BinarySearch(is.others, path)
		subscribed := &bearer{path: path, subscribed: true}
		if before != now && !borne[path] && s.events.wants(subscribed)&imap.SubscriptionChange != 0 {
			s.tellNobodys(path, is)
		}
	}
}

// tellNobodys tells of a name that no mailbox bears.
func (s *session) tellNobodys(path string, is *nameTable) {
	e := imap.ListEntry{Attributes: []string{`\NonExistent`}, Delimiter: delimiter, Name: path}
	if _, subscribed := slices.BinarySearch(is.others, path); subscribed {
		e.Attributes = append(e.Attributes, `\Subscribed`)
	}
	s.out.List(e)
}

func (n *bearer) entry() imap.ListEntry {
	e := imap.ListEntry{Attributes: []string{`\HasNoChildren`}, Delimiter: delimiter, Name: n.path}
	if n.children {
		e.Attributes[0] = `\HasChildren`
	}
	if n.use != "" {
		e.Attributes = append(e.Attributes, n.use)
	}
	if n.subscribed {
		e.Attributes = append(e.Attributes, `\Subscribed`)
	}
	return e
}
