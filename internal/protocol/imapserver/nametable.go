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

// waits reports whether a name is subscribed to that no mailbox bears.
func (n *nameTable) waits(path string) bool {
	_, found := slices.BinarySearch(n.others, path)
	return found
}

// subscribed returns the names that are subscribed to.
func (n *nameTable) subscribed() map[string]bool {
	names := make(map[string]bool, len(n.others))
	for _, path := range n.others {
		names[path] = true
	}
	for i := range n.boxes {
		if n.boxes[i].subscribed {
			names[n.boxes[i].path] = true
		}
	}
	return names
}

// change is what has become of a mailbox between two tables.
type change struct {
	before, now  *bearer // before is nil for a new one
	subscription bool    // of its name has begun or ended
	own          bool    // the session itself has done it
	anew         bool    // to be told as if it were new
	listed       bool
}

// changesSince returns the mailboxes of n of which an earlier table says something else, in an order that a client can follow
// which takes one after the other: a mailbox that has left a name before the one that bears it now. Where mailboxes have
// exchanged names there is no such order. What the session itself has done it knows, unless others have touched the same name.
func (n *nameTable) changesSince(was *nameTable, own map[mail.MailboxID]bool) (list []*change) {
	var all []*change
	left, subscribed := make(map[string]*change), was.subscribed()
	for i := range n.boxes {
		now := &n.boxes[i]
		c := &change{before: was.find(now.id), now: now, own: own[now.id], subscription: now.subscribed != subscribed[now.path]}
		if c.before != nil && *c.before == *now {
			continue
		}
		all = append(all, c)
		if c.before != nil && c.before.path != now.path {
			left[c.before.path] = c
		}
	}
	for _, c := range all {
		begin, next := len(list), c
		for ; next != nil && !next.listed; next = left[next.now.path] {
			next.listed = true
			list = append(list, next)
		}
		slices.Reverse(list[begin:])
		for _, r := range list[begin:] {
			by := left[r.now.path]
			r.anew = next == c || r.own && (by != nil && !by.own || r.before == nil && r.subscription)
		}
	}
	return list
}

// tellNames tells which names are other than before (RFC 5465 5.4 and 5.5), but not what only the session itself has changed.
func (s *session) tellNames(was *nameTable, p *pass) {
	e, is := s.events, p.names
	for _, c := range p.changes {
		if entry, wanted := e.news(c); wanted && (!c.own || c.anew) {
			s.out.List(entry)
		}
	}
	borne := make(map[string]bool, len(is.boxes))
	for i := range is.boxes {
		borne[is.boxes[i].path] = true
	}
	for gone := range was.missingIn(is) {
		if !borne[gone.path] && !p.ownNames[gone.id] && e.wants(gone)&imap.MailboxName != 0 {
			s.tellNobodys(gone.path, is)
			borne[gone.path] = true // told once
		}
	}
	s.tellSubscriptions(was, is, borne)
}

// news returns what is told of a change, and whether some group asks for it.
func (e *events) news(c *change) (entry imap.ListEntry, wanted bool) {
	entry = c.now.entry()
	now := e.wants(c.now)
	if c.before == nil {
		return entry, now&imap.MailboxName != 0 || c.subscription && now&imap.SubscriptionChange != 0
	}
	either, moved := now|e.wants(c.before), c.before.path != c.now.path
	if moved && either&imap.MailboxName != 0 {
		if !c.anew {
			entry.OldName = c.before.path
		}
		return entry, true
	}
	return entry, c.subscription && either&imap.SubscriptionChange != 0 || c.before.children != c.now.children && now&imap.MailboxName != 0
}

// tellSubscriptions tells of names without mailbox that are subscribed to now, or no longer, but for those of which has been told.
func (s *session) tellSubscriptions(was, is *nameTable, told map[string]bool) {
	for _, path := range slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(was.others), is.others...)))) {
		subscribed := &bearer{path: path, subscribed: true}
		if was.waits(path) != is.waits(path) && !told[path] && s.events.wants(subscribed)&imap.SubscriptionChange != 0 {
			s.tellNobodys(path, is)
		}
	}
}

// tellNobodys tells of a name that no mailbox bears.
func (s *session) tellNobodys(path string, is *nameTable) {
	e := imap.ListEntry{Attributes: []string{`\NonExistent`}, Delimiter: delimiter, Name: path}
	if is.waits(path) {
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
