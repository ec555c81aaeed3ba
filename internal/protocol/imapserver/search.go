package imapserver

import (
	"iter"
	"time"

	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
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
	effort *finding.Effort
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
	m := matcher{session: s, query: q, keys: keysOf(key), effort: how.effort, matches: make([]bool, sel.view.Len()+1)}
	if how.ranks {
		m.ranking = q.NewRanking()
	}
	if !how.part && sel.view.Len() > 0 {
		how.among = imap.Set{{Start: 1, Stop: uint32(sel.view.Len())}}
	}
	how.among = s.candidates(key, how.among)
	m.effort.Goal += how.among.Len()
	if err := m.run(how.among); err != nil {
		return findings{}, err
	}
	return m.findings(how.among), nil
}

// matcher notes which messages of the selected mailbox a query finds.
type matcher struct {
	*session
	query   *search.Query
	keys    int // of query
	effort  *finding.Effort
	matches []bool          // by sequence number
	ranking *search.Ranking // nil: not asked for
}

// run decides about messages.
func (m *matcher) run(among imap.Set) error {
	if have, lack, ok := m.query.ByFlags(); ok {
		return m.runByFlags(among, have, lack)
	}
	s := finding.Search{Query: m.query, Owner: m.selected.owner, For: m.account, Keys: m.keys, Effort: m.effort, Ranking: m.ranking,
		Saved: m.savedOf,
		Facts: func(seq uint32, into *search.Facts) { *into = m.facts(position{seq, m.selected.view.At(int(seq))}) },
		Found: func(seq uint32, found bool) { m.matches[seq] = found },
	}
	return m.o.Finder.Look(m.ctx, &s, m.allFacts(among))
}

// allFacts yields messages with what the view knows of them.
func (m *matcher) allFacts(among imap.Set) iter.Seq2[uint32, *search.Facts] {
	return func(yield func(uint32, *search.Facts) bool) {
		var facts search.Facts
		for p := range m.positions(among) {
			if facts = m.facts(p); !yield(p.seq, &facts) {
				return
			}
		}
	}
}

// savedOf reads when messages came into the mailbox, by their sequence numbers.
func (m *matcher) savedOf(seqs []uint32) (map[uint32]int64, error) {
	batch := make([]position, len(seqs))
	for i, seq := range seqs {
		batch[i] = position{seq, m.selected.view.At(int(seq))}
	}
	saved, err := m.saveDates(batch)
	bySeq := make(map[uint32]int64, len(batch))
	for _, p := range batch {
		bySeq[p.seq] = saved[p.entry.UID]
	}
	return bySeq, err
}

// lookEvery is how many messages are decided by their flags between two looks at the effort.
const lookEvery = 256

// runByFlags is run for a query that asks for flags alone.
func (m *matcher) runByFlags(among imap.Set, have, lack mail.Flag) error {
	for _, r := range among {
		for seq, e := range m.selected.view.Range(int(r.Start), int(r.Stop)) {
			m.matches[seq] = e.Flags&(have|lack) == have
			if m.effort.Done++; m.effort.Done%lookEvery == 0 {
				if err := m.effort.Spend(lookEvery * finding.CostOfFacts * int64(m.keys)); err != nil {
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

func (s *session) facts(p position) search.Facts {
	e := &p.entry
	return search.Facts{Seq: p.seq, UID: e.UID, Email: e.Email, ModSeq: e.ModSeq, Size: int64(e.Size),
		Received: time.UnixMilli(e.Received).UTC(), Flags: s.selected.view.FlagsOf(*e), Recent: s.isRecent(*e)}
}
