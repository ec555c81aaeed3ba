package imapserver

import (
	"slices"
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
	return s.ask(question{tag: r.Tag, uid: c.UID, wanted: c.Return, key: c.Key})
}

// matches returns the UIDs of the messages that a search key finds: for SEARCH, and for commands that order or count what is
// found. The caller has asked checkNumbers.
func (s *session) matches(key imap.SearchKey) (imap.Set, error) {
	f, err := s.look(key, looking{effort: s.newEffort()})
	return f.uids, err
}

// looking is how a search looks at messages.
type looking struct {
	effort *effort
	part   bool     // only at some messages
	among  imap.Set // these, by sequence number
	ranks  bool     // it says how relevant they are
}

// findings is what a search has found.
type findings struct {
	uids   imap.Set
	scores []uint8 // if asked for, by sequence number (RFC 6203 4)
}

// look looks for the messages that a search key finds in the selected mailbox.
func (s *session) look(key imap.SearchKey, how looking) (findings, error) {
	if usesModSeq(key) {
		s.understandModSeq()
	}
	sel := s.selected
	q := search.Plan(s.searchTree(key), search.Scope{Messages: uint32(sel.view.Len()), HighUID: mail.UID(s.highestUID()), Saved: sel.saved})
	if q.ContentKeys() > s.o.Limits.ContentKeys {
		return findings{}, errTooManyKeys
	}
	m := matcher{session: s, query: q, keys: int64(keysOf(key)), effort: how.effort, matches: make([]bool, sel.view.Len()+1)}
	if how.ranks {
		m.ranking = q.NewRanking()
	}
	if !how.part && sel.view.Len() > 0 {
		how.among = imap.Set{{Start: 1, Stop: uint32(sel.view.Len())}}
	}
	how.among = s.candidates(key, how.among)
	m.effort.goal += how.among.Len()
	if err := m.run(how.among); err != nil {
		return findings{}, err
	}
	return m.findings(how.among), nil
}

// run decides about messages. What the view cannot decide is decided in batches, whose rows are read together.
func (m *matcher) run(among imap.Set) error {
	if have, lack, ok := m.query.ByFlags(); ok {
		return m.runByFlags(among, have, lack)
	}
	together := batchSize
	if m.asksIndex() {
		together = lookupSize
	}
	var open []position
	var facts search.Facts
	n := 0
	for p := range m.positions(among) {
		if n++; n%lookEvery == 0 {
			if err := m.effort.spend(lookEvery * costOfFacts * m.keys); err != nil {
				return err
			}
		}
		facts = m.facts(p)
		var decided bool
		if m.matches[p.seq], decided = m.query.ByFacts(&facts, search.Hits{}); !decided {
			open = append(open, p)
		} else {
			m.effort.done++
		}
		if len(open) == together {
			if err := m.decide(open); err != nil {
				return err
			}
			open = open[:0]
		}
	}
	return m.decide(open)
}

// runByFlags is run for a query that asks for flags alone.
func (m *matcher) runByFlags(among imap.Set, have, lack mail.Flag) error {
	for _, r := range among {
		for seq, e := range m.selected.view.Range(int(r.Start), int(r.Stop)) {
			m.matches[seq] = e.Flags&(have|lack) == have
			if m.effort.done++; m.effort.done%lookEvery == 0 {
				if err := m.effort.spend(lookEvery * costOfFacts * m.keys); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// findings sums up.
func (m *matcher) findings(among imap.Set) (f findings) {
	var emails []mail.EmailID
	var seqs []uint32
	for p := range m.positions(among) {
		if !m.matches[p.seq] {
			continue
		}
		f.uids.Add(uint32(p.entry.UID))
		if m.ranking != nil {
			emails, seqs = append(emails, p.entry.Email), append(seqs, p.seq)
		}
	}
	if m.ranking != nil {
		f.scores = make([]uint8, len(m.matches))
		for i, score := range m.ranking.Scores(emails) {
			f.scores[seqs[i]] = uint8(score)
		}
	}
	return f
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
	query   *search.Query
	keys    int64 // of query
	effort  *effort
	matches []bool                       // by sequence number
	ranking *search.Ranking              // nil: not asked for
	saved   map[mail.UID]int64           // of the messages that are decided now
	known   map[mail.EmailID]search.Hits // what the index knows of messages that it does not decide
}

// lookupSize is how many messages the text index is asked about at a time.
const lookupSize = 1 << 16

func (m *matcher) asksIndex() bool { return m.query.NeedsContent() && m.o.Index != nil }

// decide decides about messages: first with the index, which needs no rows, then with rows and content.
func (m *matcher) decide(open []position) (err error) {
	if m.asksIndex() {
		if open, err = m.indexed(open); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(open, batchSize) {
		if err := m.rows(batch); err != nil {
			return err
		}
	}
	return nil
}

// indexed decides what the text index can, remembers what else it knows, and returns the messages that are left.
func (m *matcher) indexed(open []position) (left []position, err error) {
	at := make(map[mail.EmailID]int, len(open))
	emails := make([]mail.EmailID, len(open))
	for i, p := range open {
		at[p.entry.Email], emails[i] = i, p.entry.Email
	}
	l := m.o.Index.Lookup(m.selected.owner, m.query, emails)
	m.known = map[mail.EmailID]search.Hits{}
	done := make([]bool, len(open))
	for more := true; more && err == nil; {
		more, err = m.nextPiece(l, func(f search.Found) {
			i := at[f.Email]
			facts := m.facts(open[i])
			m.rank(f.Email, f.Hits)
			if m.matches[open[i].seq], done[i] = m.query.ByFacts(&facts, f.Hits); !done[i] {
				m.known[f.Email] = f.Hits.Clone()
			} else {
				m.effort.done++
			}
		})
	}
	for i, p := range open {
		if !done[i] {
			left = append(left, p)
		}
	}
	return left, err
}

// nextPiece is a turn at the index.
func (m *matcher) nextPiece(l *search.Lookup, each func(search.Found)) (more bool, err error) {
	end, err := m.takeTurn()
	if err != nil {
		return false, err
	}
	defer end()
	return l.Next(m.ctx, func(f search.Found) error {
		each(f)
		return m.effort.spend(int64(f.Octets))
	})
}

// rows decides about messages with their rows, and content where that is not enough.
func (m *matcher) rows(open []position) error {
	var rows batchRows
	for len(open) > 0 {
		n, err := m.readRows(m.selected.owner, open, &rows)
		if err != nil {
			return err
		}
		if m.query.NeedsSaved() {
			if m.saved, err = m.saveDates(open[:n]); err != nil {
				return err
			}
		}
		for i, p := range open[:n] {
			m.effort.done++
			row := rows.of(i)
			if row == nil {
				continue // expunged meanwhile: nothing can be said of it
			}
			if m.matches[p.seq], err = m.one(p, row); err != nil {
				return err
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
	c.facts.Saved = saveDate(m.saved[p.entry.UID])
	defer c.close()
	matched, hits, err := m.query.Judge(c, m.known[row.ID])
	m.rank(row.ID, hits)
	if mail.Is(err, mail.NotFound) {
		return false, nil
	}
	return matched, err
}

func (m *matcher) rank(id mail.EmailID, hits search.Hits) {
	if m.ranking != nil {
		m.ranking.Add(id, hits)
	}
}
