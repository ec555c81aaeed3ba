package imapserver

import (
	"errors"
	"slices"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

func contextExtension() extension {
	return extension{
		capabilities: announced("CONTEXT=SEARCH"),
		commands:     map[string]command{"CANCELUPDATE": {run: on((*session).cancelUpdate)}},
	}
}

// updating is a search whose result the client is told the changes of, as long as the mailbox is selected (RFC 5267 4.3).
type updating struct {
	question
	found imap.Set // UIDs that the client has
}

// errTagInUse: RFC 5267 4.3 wants BAD.
var errTagInUse = &imap.Error{Condition: imap.BAD, Text: "a search with this tag is being updated"}

// checkUpdate refuses a second search to be updated under the tag of another.
func (s *session) checkUpdate(q question) error {
	if q.wanted.Update && slices.ContainsFunc(s.selected.updated, func(u *updating) bool { return u.tag == q.tag }) {
		return errTagInUse
	}
	return nil
}

// keepUpdated notes that the client wants to hear of changes, or says that it will not: a SORT is not updated, and there are no
// more than Limits.Updates for a session.
func (s *session) keepUpdated(q question, found imap.Set) {
	sel := s.selected
	if q.sort || len(sel.updated) >= s.o.Limits.Updates {
		s.refuseUpdate(q)
		return
	}
	q.key = s.fixNumbers(q.key)
	sel.updated = append(sel.updated, &updating{q, found})
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
		s.tellUpdate(u, imap.SearchUpdate{Removed: u.found.Intersect(uids)})
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
		now, err := s.look(u.key, looking{effort: s.newEffort(), part: true, among: seqs})
		if err != nil {
			if !errors.Is(err, errGone) {
				s.log.Warn("imap: a search is no longer updated", "mailbox", sel.id, "err", err)
			}
			s.refuseUpdate(u.question)
			return true
		}
		had := u.found.Intersect(uids)
		s.tellUpdate(u, imap.SearchUpdate{Removed: had.Subtract(now.uids), Added: now.uids.Subtract(had)})
		return false
	})
}

func (s *session) tellUpdate(u *updating, c imap.SearchUpdate) {
	u.found = slices.Concat(u.found.Subtract(c.Removed), c.Added).Resolve(0)
	if !u.uid {
		c.Removed, c.Added = s.numbersOf(c.Removed), s.numbersOf(c.Added)
	}
	s.out.Update(imap.SearchResult{Tag: u.tag, UID: u.uid, Mailbox: u.mailbox, UIDValidity: s.selected.view.Status().UIDValidity}, c)
}
