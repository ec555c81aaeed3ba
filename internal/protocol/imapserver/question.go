package imapserver

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// question is a SEARCH or SORT, or an ESEARCH of one mailbox.
type question struct {
	tag     string
	uid     bool
	mailbox string // of several that are searched, "" for a SEARCH or SORT
	sort    bool   // it is a SORT
	order   []imap.SortKey
	wanted  imap.SearchReturn
	key     imap.SearchKey
}

// ask answers a question, and keeps the result as "$" where that is wanted.
func (s *session) ask(q question) (reply, error) {
	sel := s.selected
	if err := s.checkNumbers(q.key); err != nil {
		return reply{}, err
	}
	if err := s.checkUpdate(q); err != nil {
		return reply{}, err
	}
	found, err := s.inOrder(q)
	if err == nil && q.sort && s.cut != 0 {
		return s.tooMany(), nil
	}
	if err != nil {
		if q.wanted.Save {
			sel.saved = nil // RFC 5182 2.1: a search that fails leaves an empty result
		}
		return reply{}, err
	}
	if q.wanted.Save {
		sel.saved = named(q.wanted, found.uids)
	}
	if !q.wanted.Silent() {
		s.answer(q, found)
	}
	if q.wanted.Update {
		s.keepUpdated(q, found.uids)
	}
	return ok("searched"), nil
}

// inOrder returns the messages that are found: their UIDs a normal set, or in the order that was asked for.
func (s *session) inOrder(q question) (f findings, err error) {
	f, err = s.look(q.key, looking{effort: s.newEffort(), ranks: q.ranks()})
	if err == nil && q.sort {
		f.uids, err = s.sorted(f, q.order)
	}
	return f, err
}

// answer sends the result in the form that was asked for.
func (s *session) answer(q question, f findings) {
	uids := f.uids
	matches := uids
	if !q.uid {
		matches = s.numbersOf(uids)
	}
	var highest mail.ModSeq
	if usesModSeq(q.key) {
		told := uids
		if q.wanted.Extended {
			told = named(q.wanted, uids) // RFC 7162 3.1.10: with MIN and MAX alone, of the messages that these name
		}
		highest = s.modSeqOf(told.Resolve(0))
	}
	switch {
	case q.wanted.Extended || s.dialect.Rev2 && !q.sort:
		s.out.ESearch(imap.SearchResult{Tag: q.tag, UID: q.uid, Return: q.wanted, Matches: matches, ModSeq: highest,
			Relevancy: s.relevancy(q.wanted, f), Mailbox: q.mailbox, UIDValidity: s.selected.view.Status().UIDValidity})
	case q.sort:
		s.out.Sort(matches, highest)
	default:
		s.out.Search(matches, highest)
	}
}

// named are the messages that an answer names, as a normal set: all where ALL or COUNT is wanted or nothing else is, else
// those of PARTIAL, MIN and MAX (RFC 5182 2.1, RFC 9394 3.2).
func named(r imap.SearchReturn, uids imap.Set) imap.Set {
	none := imap.PartialRange{}
	if len(uids) == 0 || r.All || r.Count || !r.Min && !r.Max && r.Partial == none {
		return uids.Resolve(0)
	}
	var out imap.Set
	if r.Partial != none {
		out = r.Partial.Of(uids)
	}
	if first := uids[0].Start; r.Min {
		out = append(out, imap.Range{Start: first, Stop: first})
	}
	if last := uids[len(uids)-1].Stop; r.Max {
		out = append(out, imap.Range{Start: last, Stop: last})
	}
	return out.Resolve(0)
}

// numbersOf returns the sequence numbers of UIDs, in their order.
func (s *session) numbersOf(uids imap.Set) (seqs imap.Set) {
	for i, r := range uids {
		if i > 0 && r.Start < uids[i-1].Stop {
			return s.numbersOneByOne(uids)
		}
	}
	return s.selected.view.Seqs(uids)
}

func (s *session) numbersOneByOne(uids imap.Set) (seqs imap.Set) {
	for uid := range uids.All() {
		if _, seq := s.selected.view.Find(mail.UID(uid)); seq != 0 {
			seqs.Append(uint32(seq))
		}
	}
	return seqs
}

// modSeqOf is the highest mod-sequence of messages, given by their UIDs.
func (s *session) modSeqOf(uids imap.Set) (highest mail.ModSeq) {
	for p := range s.positions(s.selected.view.Seqs(uids)) {
		highest = max(highest, p.entry.ModSeq)
	}
	return highest
}
