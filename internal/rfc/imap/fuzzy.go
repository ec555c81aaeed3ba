package imap

import (
	"slices"
	"strconv"
)

// SearchFuzzy matches what a key means rather than what it says (RFC 6203 3).
type SearchFuzzy struct{ Key SearchKey }

// SortRelevancy puts what fits a fuzzy search best first (RFC 6203 6).
const SortRelevancy SortBy = "RELEVANCY"

func fuzzySyntax() extension {
	return extension{
		searchKeys:    map[string]func(*parser) SearchKey{"FUZZY": func(p *parser) SearchKey { return SearchFuzzy{p.nextKey()} }},
		searchReturns: map[string]func(*parser, *SearchReturn){"RELEVANCY": func(_ *parser, r *SearchReturn) { r.Relevancy = true }},
		sortKeys:      map[SortBy]bool{SortRelevancy: true},
	}
}

func (f SearchFuzzy) Inner() []SearchKey       { return []SearchKey{f.Key} }
func (f SearchFuzzy) appendTo(b []byte) []byte { return f.Key.appendTo(append(b, "FUZZY "...)) }

// checkRelevancy: RFC 6203 4 wants a FUZZY key where relevancy is asked for.
func (p *parser) checkRelevancy(wanted bool, key SearchKey) {
	if wanted && p.err == nil && !isFuzzy(key) {
		p.bad("RELEVANCY needs a FUZZY search key")
	}
}

func isFuzzy(key SearchKey) bool {
	if _, is := key.(SearchFuzzy); is {
		return true
	}
	return slices.ContainsFunc(Inner(key), isFuzzy)
}

func (e *Encoder) relevancy(scores []uint8) {
	e.buf = append(e.buf, " RELEVANCY ("...)
	for i, s := range scores {
		if i > 0 {
			e.buf = append(e.buf, ' ')
		}
		e.buf = strconv.AppendUint(e.buf, uint64(s), 10)
		if len(e.buf) >= flushAt {
			e.Flush()
		}
	}
	e.buf = append(e.buf, ')')
}
