package finding

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// Search is a query that is asked of messages.
type Search struct {
	Query   *search.Query
	Owner   mail.AccountID // whose messages they are
	For     mail.AccountID // who asks, and waits for turns
	Keys    int            // that are compared with each message, for its cost
	Effort  *Effort
	Ranking *search.Ranking // nil: nobody asks how well they fit

	Facts func(n uint32, into *search.Facts)             // what the view knows of a message
	Saved func(batch []uint32) (map[uint32]int64, error) // where Query.NeedsSaved: when they came into the mailbox, unix milliseconds
	Found func(n uint32, found bool)                     // told once of each message that is there
}

// lookEvery is how many messages are decided by their facts between two looks at the effort.
const lookEvery = 256

// lookupSize is how many messages the text index is asked about at a time.
const lookupSize = 1 << 16

// Look decides about messages, which are given in ascending order with what the view knows of them.
func (f *Finder) Look(ctx context.Context, s *Search, among iter.Seq2[uint32, *search.Facts]) error {
	l := looking{Finder: f, Search: s, ctx: ctx}
	together := BatchSize
	if l.asksIndex() {
		together = lookupSize
	}
	var open []candidate
	n := 0
	for number, facts := range among {
		if n++; n%lookEvery == 0 {
			if err := s.Effort.Spend(lookEvery * CostOfFacts * int64(s.Keys)); err != nil {
				return err
			}
		}
		if found, decided := s.Query.ByFacts(facts, search.Hits{}); decided {
			s.Found(number, found)
			s.Effort.Done++
		} else {
			open = append(open, candidate{number, facts.Email})
		}
		if len(open) == together {
			if err := l.decide(open); err != nil {
				return err
			}
			open = open[:0]
		}
	}
	return l.decide(open)
}

// candidate is a message for which what the view knows is not enough.
type candidate struct {
	number uint32
	email  mail.EmailID
}

// looking is a search under way.
type looking struct {
	*Finder
	*Search
	ctx   context.Context
	saved map[uint32]int64             // of the messages that are decided now
	known map[mail.EmailID]search.Hits // what the index knows of messages that it does not decide
}

func (l *looking) asksIndex() bool { return l.Query.NeedsContent() && l.o.Index != nil }

// decide decides about messages: first with the index, which needs no rows, then with rows and content.
func (l *looking) decide(open []candidate) (err error) {
	if l.asksIndex() {
		if open, err = l.indexed(open); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(open, BatchSize) {
		if err := l.rows(batch); err != nil {
			return err
		}
	}
	return nil
}

// indexed decides what the text index can, remembers what else it knows, and returns the messages that are left.
func (l *looking) indexed(open []candidate) (left []candidate, err error) {
	at := make(map[mail.EmailID]int, len(open))
	for i, c := range open {
		at[c.email] = i
	}
	lookup := l.o.Index.Lookup(l.Owner, l.Query, emailsOf(open))
	l.known = map[mail.EmailID]search.Hits{}
	done := make([]bool, len(open))
	var facts search.Facts
	for more := true; more && err == nil; {
		more, err = l.nextPiece(lookup, func(found search.Found) {
			i := at[found.Email]
			l.Facts(open[i].number, &facts)
			l.rank(found.Email, found.Hits)
			var is bool
			if is, done[i] = l.Query.ByFacts(&facts, found.Hits); !done[i] {
				l.known[found.Email] = found.Hits.Clone()
			} else {
				l.Found(open[i].number, is)
				l.Effort.Done++
			}
		})
	}
	for i, c := range open {
		if !done[i] {
			left = append(left, c)
		}
	}
	return left, err
}

func emailsOf(list []candidate) []mail.EmailID {
	ids := make([]mail.EmailID, len(list))
	for i, c := range list {
		ids[i] = c.email
	}
	return ids
}

// nextPiece is a turn at the index.
func (l *looking) nextPiece(lookup *search.Lookup, each func(search.Found)) (more bool, err error) {
	end, err := l.Turn(l.ctx, l.For)
	if err != nil {
		return false, err
	}
	defer end()
	return lookup.Next(l.ctx, func(found search.Found) error {
		each(found)
		return l.Effort.Spend(int64(found.Octets))
	})
}

// rows decides about messages with their rows, and content where that is not enough.
func (l *looking) rows(open []candidate) error {
	var rows Rows
	for len(open) > 0 {
		n, err := l.Finder.Rows(l.ctx, l.Owner, emailsOf(open), &rows)
		if err != nil {
			return err
		}
		if l.Query.NeedsSaved() {
			if l.saved, err = l.Saved(numbersOf(open[:n])); err != nil {
				return err
			}
		}
		for i, c := range open[:n] {
			l.Effort.Done++
			row := rows.Of(i)
			if row == nil {
				continue // expunged meanwhile: nothing can be said of it
			}
			found, err := l.one(c, row)
			if err != nil {
				return err
			}
			l.Found(c.number, found)
		}
		open = open[n:]
	}
	return nil
}

func numbersOf(list []candidate) []uint32 {
	numbers := make([]uint32, len(list))
	for i, c := range list {
		numbers[i] = c.number
	}
	return numbers
}

func (l *looking) one(c candidate, row *mailbox.Email) (bool, error) {
	if err := l.Effort.Spend(CostOfRow * int64(l.Keys)); err != nil {
		return false, err
	}
	end, err := l.Turn(l.ctx, l.For)
	if err != nil {
		return false, err
	}
	defer end()
	m := &message{looking: l, row: row}
	l.Facts(c.number, &m.facts)
	if l.saved != nil {
		m.facts.Saved = time.UnixMilli(l.saved[c.number]).UTC()
	}
	defer m.close()
	matched, hits, err := l.Query.Judge(m, l.known[row.ID])
	l.rank(row.ID, hits)
	if mail.Is(err, mail.NotFound) {
		return false, nil
	}
	return matched, err
}

func (l *looking) rank(id mail.EmailID, hits search.Hits) {
	if l.Ranking != nil {
		l.Ranking.Add(id, hits)
	}
}
