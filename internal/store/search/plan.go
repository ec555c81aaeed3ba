package search

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

// Scope is the mailbox a query is asked in, as the client sees it.
type Scope struct {
	Messages uint32   // highest sequence number
	HighUID  mail.UID // highest UID in use
	Saved    imap.Set // what Saved stands for, UIDs
}

// cost is what a key needs to be decided, from what the view of a mailbox holds to the whole content.
type cost int

const (
	byView cost = iota
	byRow
	byContent
)

// Query is a planned search.
type Query struct {
	key     Key
	cost    cost
	needles []content
	overlap int  // the longest needle's length
	ranked  bool // some needles are words

	savedDate bool
}

// content is what one key looks for in the content of a message, in the form in which strings are compared.
type content struct {
	body  bool   // only in the body
	field string // only in header fields that begin so: "NAME: "
	words bool   // text is a term, see words.go
	text  string
	rare  int // the byte of text, or of its first word, to look for first
}

func newContent(body bool, field, text string) content {
	return content{body: body, field: field, text: text, rare: rarest(text)}
}

// Plan makes a query ready to be asked in a mailbox.
func Plan(key Key, in Scope) *Query {
	p := planner{in: in, numbers: map[content]needle{}}
	p.key, p.cost = p.plan(key)
	for _, n := range p.needles {
		p.overlap = max(p.overlap, len(n.text))
	}
	return &p.Query
}

// ContentKeys is how many different strings are looked for in the content of a message. It is read once for all.
func (q *Query) ContentKeys() int { return len(q.needles) }

// NeedsRow and NeedsContent report what at least one message may need.
func (q *Query) NeedsRow() bool     { return q.cost >= byRow }
func (q *Query) NeedsContent() bool { return q.cost >= byContent }

// NeedsSaved reports that Match needs Facts.Saved.
func (q *Query) NeedsSaved() bool { return q.savedDate }

// ByFlags reports whether the query asks for nothing but flags that have a bit (UNSEEN, UNDELETED FLAGGED), and then, which
// a message must have and which it must not. What people ask for most is answered so without looking at each key again.
func (q *Query) ByFlags() (have, lack mail.Flag, ok bool) {
	ok = addFlags(q.key, &have, &lack)
	return have, lack, ok && have&lack == 0
}

func addFlags(key Key, have, lack *mail.Flag) bool {
	switch k := key.(type) {
	case flagBit:
		*have |= mail.Flag(k)
		return true
	case Not:
		_, single := k.Key.(flagBit)
		return single && addFlags(k.Key, lack, have)
	case And:
		for _, k := range k {
			if !addFlags(k, have, lack) {
				return false
			}
		}
		return true
	}
	return false
}

type planner struct {
	Query
	in      Scope
	numbers map[content]needle
}

func (p *planner) plan(key Key) (Key, cost) {
	switch k := key.(type) {
	case And:
		keys, c := p.planAll(k)
		return And(keys), c
	case Or:
		keys, c := p.planAll(k)
		return Or(keys), c
	case Not:
		inner, c := p.plan(k.Key)
		return Not{inner}, c
	case Seqs:
		return Seqs{k.Set.Resolve(p.in.Messages)}, byView
	case UIDs:
		return UIDs{k.Set.Resolve(uint32(p.in.HighUID))}, byView
	case Saved:
		return UIDs{p.in.Saved}, byView
	case Text:
		return p.planText(k)
	case Words:
		return p.planWords(k)
	case Header:
		return p.needle(newContent(false, casemap.Fold(k.Name)+": ", casemap.Fold(k.Value))), byContent
	case Flag:
		if bit, known := mail.FlagNamed(k.Name); known {
			return flagBit(bit), byView
		}
	case Thread:
		return k, byRow
	case SavedDate:
		p.savedDate = true
		return k, byRow
	case Date:
		if k.Sent {
			return k, byRow
		}
	}
	return key, byView
}

func (p *planner) planText(k Text) (Key, cost) {
	text := casemap.Fold(k.Value)
	switch {
	case text == "":
		return All{}, byView
	case k.In == Anywhere || k.In == Body:
		return p.needle(newContent(k.In == Body, "", text)), byContent
	}
	return Text{k.In, text}, byRow
}

// planWords makes each term a key.
func (p *planner) planWords(k Words) (Key, cost) {
	var keys And
	for _, term := range terms(k.Value) {
		keys = append(keys, p.needle(newTerm(k.In, term)))
		p.ranked = true
	}
	if len(keys) == 0 {
		return All{}, byView
	}
	return keys, byContent
}

// needle gives a content its number; the same twice has one.
func (p *planner) needle(c content) needle {
	n, ok := p.numbers[c]
	if !ok {
		n = needle(len(p.needles))
		p.numbers[c] = n
		p.needles = append(p.needles, c)
	}
	return n
}

// planAll plans keys of which each can decide alone, the cheap ones first.
func (p *planner) planAll(keys []Key) ([]Key, cost) {
	type planned struct {
		key  Key
		cost cost
	}
	all := make([]planned, len(keys))
	highest := byView
	for i, k := range keys {
		all[i].key, all[i].cost = p.plan(k)
		highest = max(highest, all[i].cost)
	}
	slices.SortStableFunc(all, func(a, b planned) int { return int(a.cost - b.cost) })
	out := make([]Key, len(all))
	for i, p := range all {
		out[i] = p.key
	}
	return out, highest
}
