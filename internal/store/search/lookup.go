package search

import (
	"context"
	"log/slog"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Lookup asks the index for the content keys of a query. It goes on piece by piece, so that its caller can take turns with
// others and give up.
type Lookup struct {
	index   *Index
	account mail.AccountID
	query   *Query
	emails  []mail.EmailID // sorted
	listed  bool
	left    []piece
	key     [32]byte
	clear   []byte
	hits    Hits
}

// piece is a segment that holds some of the emails.
type piece struct {
	*segment
	none []bool // of the query's needles: in none of the texts
	skip bool   // none of them is in any
}

// Found is what the index knows of an email. Hits are valid during the call that is given it; Octets is how much text was
// looked through for them.
type Found struct {
	Email  mail.EmailID
	Hits   Hits
	Octets int
}

// Lookup begins one for some emails. It finds those that the index has; the others must be read.
func (x *Index) Lookup(account mail.AccountID, q *Query, emails []mail.EmailID) *Lookup {
	l := &Lookup{index: x, account: account, query: q, emails: emails, hits: q.newHits()}
	if !slices.IsSorted(l.emails) {
		l.emails = slices.Sorted(slices.Values(emails))
	}
	return l
}

// Next calls each for the emails of the next piece, about a megabyte of text, and reports whether there is one after
// it. Emails of a segment that cannot be read count as not in the index.
func (l *Lookup) Next(ctx context.Context, each func(Found) error) (more bool, err error) {
	if !l.listed && len(l.emails) > 0 {
		if l.key, err = l.index.bodies.IndexKey(ctx, l.account); err == nil {
			err = l.list(ctx)
		}
		if err != nil {
			return false, err
		}
		l.listed = true
	}
	n, texts := 0, make([]*segment, 0, atATime)
	for n < len(l.left) && len(texts) < atATime {
		if !l.left[n].skip {
			texts = append(texts, l.left[n].segment)
		}
		n++
	}
	part := l.left[:n]
	l.left = l.left[n:]
	if err := l.index.readTexts(ctx, l.account, texts); err != nil {
		return false, err
	}
	for _, p := range part {
		if p.skip {
			err = l.without(p, each)
		} else if p.text != nil { // else it was written anew since it was listed
			err = l.with(ctx, p, each)
		}
		if err != nil {
			return false, err
		}
		p.segment.text = nil
	}
	return len(l.left) > 0, nil
}

// without answers for a segment whose texts cannot hold any of the strings.
func (l *Lookup) without(p piece, each func(Found) error) error {
	for i, id := range p.emails {
		if !l.wants(id) {
			continue
		}
		l.hits.length = 0
		for j := range l.query.needles {
			l.hits.verdicts[j] = no
			if c := &l.query.needles[j]; p.partly[i] && c.field == "" && !c.words {
				l.hits.verdicts[j] = unknown
			}
		}
		clear(l.hits.weights)
		if err := each(Found{id, l.hits, 0}); err != nil {
			return err
		}
	}
	return nil
}

// with answers for a segment by its texts.
func (l *Lookup) with(ctx context.Context, p piece, each func(Found) error) (stop error) {
	var err error
	l.clear, err = p.open(l.key, l.clear, func(e *entry) error {
		if l.wants(e.email) {
			l.hits = e.hits(l.query, p.none, l.hits)
			stop = each(Found{e.email, l.hits, len(e.text)})
		}
		return stop
	})
	if err != nil && stop == nil {
		l.damaged(ctx, err)
	}
	return stop
}

func (l *Lookup) damaged(ctx context.Context, err error) {
	l.index.log.LogAttrs(ctx, slog.LevelError, "a piece of the text index is damaged: rebuild it", slog.Any("account", l.account), slog.Any("err", err))
}

func (l *Lookup) wants(id mail.EmailID) bool {
	_, is := slices.BinarySearch(l.emails, id)
	return is
}

// list finds the segments that hold any of the emails, and asks their filters.
func (l *Lookup) list(ctx context.Context) error {
	var filter grams
	return l.index.tx.Read(ctx, func(t *tx.Tx) error {
		l.left = nil
		s, ok, err := readState(t, l.account)
		if err != nil || !ok {
			return err
		}
		rows, err := t.SQL().Query(`SELECT id, emails, salt, grams FROM text_segment
			WHERE account_id = $1 AND generation = $2 AND highest >= $3 AND lowest <= $4 ORDER BY id`,
			l.account, s.generation, l.emails[0], l.emails[len(l.emails)-1])
		if err != nil {
			return err
		}
		defer rows.Close()
		var ids, sealed []byte
		for rows.Next() {
			p := piece{segment: new(segment)}
			if err := rows.Scan(&p.id, &ids, &p.salt, &sealed); err != nil {
				return err
			}
			if err := p.parseList(ids); err != nil {
				l.damaged(ctx, err)
				continue
			}
			if !overlap(p.emails, l.emails) {
				continue
			}
			if filter, err = openGrams(filter, segmentKey(l.key, p.salt, gramsLabel), sealed); err != nil {
				l.damaged(ctx, p.segment.damaged("filter: %v", err))
				continue
			}
			p.ask(filter, l.query)
			l.left = append(l.left, p)
		}
		return rows.Err()
	})
}

// ask notes which strings a filter rules out.
func (p *piece) ask(filter grams, q *Query) {
	p.skip = true
	p.none = make([]bool, len(q.needles))
	for i := range q.needles {
		p.none[i] = !q.needles[i].passes(filter)
		p.skip = p.skip && p.none[i]
	}
}

// overlap reports whether two sorted lists have something in common. It costs little for a short list and a long one.
func overlap(short, long []mail.EmailID) bool {
	for _, id := range short {
		i, found := slices.BinarySearch(long, id)
		if found {
			return true
		}
		if long = long[i:]; len(long) == 0 {
			break
		}
	}
	return false
}
