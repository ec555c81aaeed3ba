package imapserver

import (
	"errors"
	"slices"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

func contextExtension() extension {
	return extension{
		capabilities: announced("CONTEXT=SEARCH", "CONTEXT=SORT"),
		commands:     map[string]command{"CANCELUPDATE": {run: on((*session).cancelUpdate)}},
	}
}

// updating is a search whose result the client is told the changes of, as long as the mailbox is selected (RFC 5267 4.3).
type updating struct {
	question
	found  imap.Set // UIDs that the client has, a normal set
	sorted []uint32 // and of a SORT in their order
}

// sortUpdated is how many messages a SORT may find to be updated: they are put in order again when there are new ones.
const sortUpdated = 1000

// errTagInUse: RFC 5267 4.3 wants BAD.
var errTagInUse = &imap.Error{Condition: imap.BAD, Text: "a search with this tag is being updated"}

// checkUpdate refuses a second search to be updated under the tag of another.
func (s *session) checkUpdate(q question) error {
	if q.wanted.Update && slices.ContainsFunc(s.selected.updated, func(u *updating) bool { return u.tag == q.tag }) {
		return errTagInUse
	}
	return nil
}

// keepUpdated notes that the client wants to hear of changes, or says that it will not: there are no more than Limits.Updates
// for a session.
func (s *session) keepUpdated(q question, found imap.Set) {
	sel := s.selected
	u := &updating{question: q, found: found.Resolve(0)}
	if q.sort {
		u.sorted = slices.Collect(found.All())
	}
	// How relevant a message is depends on all others.
	if len(sel.updated) >= s.o.Limits.Updates || len(u.sorted) > sortUpdated || q.sort && q.ranks() {
		s.refuseUpdate(q)
		return
	}
	u.key = s.fixNumbers(q.key)
	sel.updated = append(sel.updated, u)
}

func (s *session) refuseUpdate(q question) {
	s.out.Untagged(imap.NO, imap.CodeNoUpdate(q.tag), "this search will not be updated")
}

// fixNumbers makes UIDs of the sequence numbers of a key, and of "$": they mean what they meant with the command (RFC 5267 4.3).
func (s *session) fixNumbers(key imap.SearchKey) imap.SearchKey {
	all := func(keys []imap.SearchKey) []imap.SearchKey {
		out := make([]imap.SearchKey, len(keys))
		for i, k := range keys {
			out[i] = s.fixNumbers(k)
		}
		return out
	}
	switch k := key.(type) {
	case imap.SearchAnd:
		return imap.SearchAnd(all(k))
	case imap.SearchOr:
		return imap.SearchOr(all(k))
	case imap.SearchNot:
		return imap.SearchNot{Key: s.fixNumbers(k.Key)}
	case imap.SearchFuzzy:
		return imap.SearchFuzzy{Key: s.fixNumbers(k.Key)}
	case imap.Numbers:
		switch {
		case k.Saved:
			return imap.Numbers{UID: true, Set: s.selected.saved}
		case !k.UID:
			return imap.Numbers{UID: true, Set: s.selected.view.UIDs(k.Set.Resolve(uint32(s.selected.view.Len())))}
		}
	}
	return key
}

func (s *session) cancelUpdate(c imap.CancelUpdate) (reply, error) {
	for _, tag := range c.Tags {
		before := len(s.selected.updated)
		s.selected.updated = slices.DeleteFunc(s.selected.updated, func(u *updating) bool { return u.tag == tag })
		if len(s.selected.updated) == before {
			return bad("no search with the tag " + tag + " is being updated"), nil
		}
	}
	return ok("no further updates"), nil
}

// loseFound tells of messages that are gone, by the numbers that the client still has for them: it may hear of EXPUNGE only
// later (RFC 5267 4.3.4 and A.3).
func (s *session) loseFound(gone []mailbox.Position) {
	if len(s.selected.updated) == 0 || len(gone) == 0 {
		return
	}
	var uids imap.Set
	for _, p := range gone {
		uids.Add(uint32(p.UID))
	}
	for _, u := range s.selected.updated {
		s.tellUpdate(u, imap.SearchUpdate{Removed: s.takeOut(u, u.found.Intersect(uids))})
	}
}

// updateFound looks at the messages that have come or changed, and tells which of them are found now and which no longer.
func (s *session) updateFound(diff *mailbox.Diff) {
	sel := s.selected
	if len(sel.updated) == 0 || len(diff.Added)+len(diff.Changed) == 0 {
		return
	}
	var uids imap.Set
	for _, p := range slices.Concat(diff.Changed, diff.Added) {
		uids.Add(uint32(p.UID))
	}
	seqs := sel.view.Seqs(uids)
	sel.updated = slices.DeleteFunc(sel.updated, func(u *updating) bool {
		err := s.updateOne(u, uids, seqs)
		if err == nil {
			return false
		}
		if !errors.Is(err, errGone) {
			s.log.Warn("imap: a search is no longer updated", "mailbox", sel.id, "err", err)
		}
		s.refuseUpdate(u.question)
		return true
	})
}

func (s *session) updateOne(u *updating, uids, seqs imap.Set) error {
	now, err := s.look(u.key, looking{effort: s.newEffort(), part: true, among: seqs})
	if err != nil {
		return err
	}
	had := u.found.Intersect(uids)
	c := imap.SearchUpdate{Removed: s.takeOut(u, had.Subtract(now.uids))}
	if c.Added, err = s.putIn(u, now.uids.Subtract(had)); err == nil {
		s.tellUpdate(u, c)
	}
	return err
}

// takeOut removes messages from a result, the last ones first, so that the places of the others are right.
func (s *session) takeOut(u *updating, uids imap.Set) (removed []imap.Placed) {
	if len(uids) == 0 {
		return nil
	}
	u.found = u.found.Subtract(uids)
	if !u.sort {
		return []imap.Placed{{Numbers: s.numbered(u, uids)}}
	}
	removed = s.places(u, u.sorted, uids)
	slices.Reverse(removed)
	u.sorted = slices.DeleteFunc(u.sorted, uids.Contains)
	return removed
}

var errOrder = errors.New("the order of what was found has changed")

// putIn adds messages to a result.
func (s *session) putIn(u *updating, uids imap.Set) ([]imap.Placed, error) {
	if len(uids) == 0 {
		return nil, nil
	}
	u.found = slices.Concat(u.found, uids).Resolve(0)
	if !u.sort {
		return []imap.Placed{{Numbers: s.numbered(u, uids)}}, nil
	}
	if u.found.Len() > sortUpdated {
		return nil, errTooManyToUpdate
	}
	ordered, err := s.sorted(findings{uids: u.found}, u.order)
	if err != nil {
		return nil, err
	}
	order := slices.Collect(ordered.All())
	if !slices.Equal(slices.DeleteFunc(slices.Clone(order), uids.Contains), u.sorted) {
		return nil, errOrder // a message went while this was read
	}
	u.sorted = order
	return s.places(u, order, uids), nil
}

var errTooManyToUpdate = errors.New("too many messages are found to keep them in order")

// places tells where messages stand in an order, those next to each other together.
func (s *session) places(u *updating, order []uint32, uids imap.Set) (all []imap.Placed) {
	for i := 0; i < len(order); i++ {
		var run imap.Set
		at := uint32(i + 1)
		for ; i < len(order) && uids.Contains(order[i]); i++ {
			run.Append(order[i])
		}
		if len(run) > 0 {
			all = append(all, imap.Placed{At: at, Numbers: s.numbered(u, run)})
		}
	}
	return all
}

// numbered are messages as the search has them: by UID, or by number.
func (s *session) numbered(u *updating, uids imap.Set) imap.Set {
	if u.uid {
		return uids
	}
	return s.numbersOf(uids)
}

func (s *session) tellUpdate(u *updating, c imap.SearchUpdate) {
	s.out.Update(imap.SearchResult{Tag: u.tag, UID: u.uid, Mailbox: u.mailbox, UIDValidity: s.selected.view.Status().UIDValidity}, c)
}
