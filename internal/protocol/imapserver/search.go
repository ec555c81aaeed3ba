package imapserver

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

func searchExtension() extension {
	byNumber := func(c imap.Command) bool {
		search := c.(imap.Search)
		return !search.UID || usesSequenceNumbers(search.Key) // RFC 7162 3.2.10.2: a UID SEARCH may ask by number
	}
	search := command{run: with((*session).search), looks: true, holds: true, byNumber: byNumber}
	return extension{
		capabilities: announced("ESEARCH", "SEARCHRES"),
		commands:     map[string]command{"SEARCH": search, "UID SEARCH": search},
	}
}

func (s *session) search(r imap.Request, c imap.Search) (reply, error) {
	sel := s.selected
	if err := s.checkNumbers(c.Key); err != nil {
		return reply{}, err
	}
	found, err := s.matches(c.Key)
	if err != nil {
		if c.Return.Save {
			sel.saved = nil // RFC 5182 2.1: a search that fails leaves an empty result
		}
		return reply{}, err
	}
	if c.Return.Save {
		sel.saved = saved(c.Return, found)
	}
	if !c.Return.Silent() {
		s.answerSearch(r.Tag, c, found, usesModSeq(c.Key))
	}
	return ok("searched"), nil
}

// matches returns the UIDs of the messages that a search key finds: for SEARCH, and for commands that order or count what is
// found. The caller has asked checkNumbers.
func (s *session) matches(key imap.SearchKey) (imap.Set, error) {
	if usesModSeq(key) {
		s.understandModSeq()
	}
	sel := s.selected
	q := search.Plan(s.searchTree(key), search.Scope{Messages: uint32(sel.view.Len()), HighUID: mail.UID(s.highestUID()), Saved: sel.saved})
	if q.ContentKeys() > s.o.Limits.ContentKeys {
		return nil, errTooManyKeys
	}
	return s.matching(q, keysOf(key))
}

// matching returns the UIDs of the messages that a query finds. What the view cannot decide is decided in batches, whose
// rows are read together.
func (s *session) matching(q *search.Query, keys int) (found imap.Set, err error) {
	var open []position
	var facts search.Facts
	m := matcher{session: s, query: q, keys: int64(keys), effort: s.newEffort()}
	for seq, e := range s.selected.view.All() {
		if seq%lookEvery == 0 {
			if err := m.effort.spend(lookEvery * costOfFacts * m.keys); err != nil {
				return nil, err
			}
		}
		p := position{uint32(seq), e}
		facts = s.facts(p)
		switch matched, decided := q.ByFacts(&facts, nil); {
		case !decided:
			open = append(open, p)
		case matched:
			found.Add(uint32(e.UID))
		}
		if len(open) == batchSize {
			if err := m.rows(open, &found); err != nil {
				return nil, err
			}
			open = open[:0]
		}
	}
	return found, m.rows(open, &found)
}

// lookEvery is how many messages are decided by their facts between two looks at the effort.
const lookEvery = 256

func (s *session) facts(p position) search.Facts {
	e := &p.entry
	return search.Facts{Seq: p.seq, UID: e.UID, Email: e.Email, ModSeq: e.ModSeq, Size: int64(e.Size),
		Received: time.UnixMilli(e.Received).UTC(), Flags: s.selected.view.FlagsOf(*e), Recent: s.isRecent(*e)}
}

// matcher decides about messages for which the view is not enough.
type matcher struct {
	*session
	query  *search.Query
	keys   int64 // of query
	effort *effort
}

// rows decides about messages with their rows, and content where that is not enough.
func (m *matcher) rows(open []position, found *imap.Set) error {
	for len(open) > 0 {
		rows, n, err := m.readRows(open)
		if err != nil {
			return err
		}
		for _, p := range open[:n] {
			row := rows[p.entry.Email]
			if row == nil {
				continue // expunged meanwhile: nothing can be said of it
			}
			matched, err := m.one(p, row)
			if err != nil {
				return err
			}
			if matched {
				found.Add(uint32(p.entry.UID))
			}
		}
		open = open[n:]
	}
	return nil
}

func (m *matcher) one(p position, row *mailbox.Email) (bool, error) {
	if err := m.effort.spend(costOfRow * m.keys); err != nil {
		return false, err
	}
	end, err := m.takeTurn()
	if err != nil {
		return false, err
	}
	defer end()
	c := &candidate{session: m.session, facts: m.facts(p), row: row, effort: m.effort}
	defer c.close()
	matched, err := m.query.Match(c, nil)
	if mail.Is(err, mail.NotFound) {
		return false, nil
	}
	return matched, err
}

// answerSearch sends the result in the form that was asked for.
func (s *session) answerSearch(tag string, c imap.Search, uids imap.Set, modseq bool) {
	matches := uids
	if !c.UID {
		matches = s.selected.view.Seqs(uids)
	}
	var highest mail.ModSeq
	if modseq {
		told := uids
		if c.Return.Extended {
			told = saved(c.Return, uids) // RFC 7162 3.1.10: with MIN and MAX alone, of the messages that these name
		}
		highest = s.modSeqOf(told)
	}
	if !c.Return.Extended && !s.dialect.Rev2 {
		s.out.Search(matches, highest)
		return
	}
	s.out.ESearch(imap.SearchResult{Tag: tag, UID: c.UID, Return: c.Return, Matches: matches, ModSeq: highest})
}

// saved is what SAVE keeps: with MIN or MAX and neither ALL nor COUNT only these (RFC 5182 2.1).
func saved(r imap.SearchReturn, uids imap.Set) imap.Set {
	if len(uids) == 0 || r.All || r.Count || !r.Min && !r.Max {
		return uids
	}
	var out imap.Set
	if r.Min {
		out.Add(uids[0].Start)
	}
	if last := uids[len(uids)-1].Stop; r.Max && !out.Contains(last) {
		out.Add(last)
	}
	return out
}

// modSeqOf is the highest mod-sequence of messages, given by their UIDs.
func (s *session) modSeqOf(uids imap.Set) (highest mail.ModSeq) {
	for p := range s.positions(s.selected.view.Seqs(uids)) {
		highest = max(highest, p.entry.ModSeq)
	}
	return highest
}
