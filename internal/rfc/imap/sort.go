package imap

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Sort asks which messages match, and in which order (RFC 5256 3). Without Return.Extended the answer is the SORT response,
// else ESEARCH (RFC 5267 3).
type Sort struct {
	UID     bool
	Return  SearchReturn
	Order   []SortKey
	Charset string // in capitals
	Key     SearchKey
}

// SortKey is one criterion of an order; those before it count more.
type SortKey struct {
	By      SortBy
	Reverse bool
}

// SortBy is what messages are sorted by.
type SortBy string

const (
	SortArrival SortBy = "ARRIVAL"
	SortCc      SortBy = "CC"
	SortDate    SortBy = "DATE"
	SortFrom    SortBy = "FROM"
	SortSize    SortBy = "SIZE"
	SortSubject SortBy = "SUBJECT"
	SortTo      SortBy = "TO"

	SortDisplayFrom SortBy = "DISPLAYFROM" // RFC 5957
	SortDisplayTo   SortBy = "DISPLAYTO"
)

func sortSyntax() extension {
	all := map[SortBy]bool{}
	for _, by := range []SortBy{SortArrival, SortCc, SortDate, SortFrom, SortSize, SortSubject, SortTo, SortDisplayFrom, SortDisplayTo} {
		all[by] = true
	}
	return extension{verbs: both("SORT", parseSort), sortKeys: all}
}

func (Sort) command() {}

// Saves reports that the result is to be kept as "$" (RFC 5182).
func (s Sort) Saves() bool { return s.Return.Save }

func parseSort(p *parser, uid bool) Command {
	c := Sort{UID: uid}
	p.sp()
	if p.peek() != '(' {
		if p.name(`RETURN or "("`) != "RETURN" {
			p.bad("SORT needs a list of criteria, a charset and search keys")
		}
		p.sp()
		p.searchReturn(&c.Return)
		p.sp()
	}
	p.nonEmpty(p.list(func() { c.Order = append(c.Order, p.sortKey()) }), "the list of sort criteria")
	p.sp()
	c.Charset = p.searchCharset()
	p.sp()
	c.Key = p.searchProgram(p.searchWord())
	p.checkRelevancy(c.Return.Relevancy || slices.ContainsFunc(c.Order, func(k SortKey) bool { return k.By == SortRelevancy }), c.Key)
	return c
}

func (p *parser) sortKey() (k SortKey) {
	name := p.name("a sort criterion")
	if name == "REVERSE" {
		k.Reverse = true
		p.sp()
		name = p.name("a sort criterion")
	}
	if k.By = SortBy(name); !syntax.sortKeys[k.By] {
		p.bad("unknown sort criterion " + name)
	}
	return k
}

// Sort lists the numbers of a set in their order (RFC 5256 4), and a highest mod-sequence that is not 0 (RFC 7162 3.1.6).
func (e *Encoder) Sort(matches Set, highest mail.ModSeq) { e.found("SORT", matches, highest) }
