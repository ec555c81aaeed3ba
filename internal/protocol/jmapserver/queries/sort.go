package queries

import (
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// property is something that emails are sorted by (RFC 8621 4.4.2).
type property struct {
	name    string
	kind    sortKind
	number  func(*catalog.Entry) int64 // for byNumber
	text    search.By                  // for byText
	all     bool                       // for byThread
	mutable bool
}

type sortKind int

const (
	byNumber sortKind = iota
	byText
	byFlag
	byThread
)

var properties = []property{
	{name: "receivedAt", number: func(e *catalog.Entry) int64 { return e.Received }},
	{name: "size", number: func(e *catalog.Entry) int64 { return int64(e.Size) }},
	{name: "from", kind: byText, text: search.ByDisplayFrom},
	{name: "to", kind: byText, text: search.ByDisplayTo},
	{name: "subject", kind: byText, text: search.BySubject},
	{name: "sentAt", number: func(e *catalog.Entry) int64 { return e.Sent }},
	{name: "hasKeyword", kind: byFlag, mutable: true},
	{name: "allInThreadHaveKeyword", kind: byThread, all: true, mutable: true},
	{name: "someInThreadHaveKeyword", kind: byThread, mutable: true},
}

// Collations that we have.
const (
	unicodeCasemap = "i;unicode-casemap" // RFC 5051
	asciiCasemap   = "i;ascii-casemap"   // RFC 4790 9.2
)

// comparator is one criterion.
type comparator struct {
	*property
	flag       string
	ascii      bool // the collation
	descending bool
}

// sorting is a sort: what is the same by one comparator is sorted by the next.
type sorting struct {
	by      []comparator
	spec    string // names it
	mutable bool
	thread  map[string]bool // flags of threads that it asks for
}

func parseSort(list []method.SortBy) (*sorting, error) {
	if len(list) == 0 { // RFC 8620 5.5 leaves the order to us
		newest := false
		list = []method.SortBy{{Property: "receivedAt", IsAscending: &newest}}
	}
	if len(list) > MaxSort {
		return nil, method.Fail(method.UnsupportedSort, "at most %d comparators sort emails", MaxSort)
	}
	s := &sorting{thread: map[string]bool{}}
	for _, by := range list {
		c, err := parseComparator(by)
		if err != nil {
			return nil, err
		}
		s.by = append(s.by, c)
		s.mutable = s.mutable || c.mutable
		if c.kind == byThread {
			s.thread[c.flag] = true
		}
		s.spec += c.name + " " + strconv.Quote(c.flag) + strconv.FormatBool(c.descending) + strconv.FormatBool(c.ascii) + " "
	}
	return s, nil
}

func parseComparator(by method.SortBy) (comparator, error) {
	c := comparator{descending: by.IsAscending != nil && !*by.IsAscending}
	for i := range properties {
		if properties[i].name == by.Property {
			c.property = &properties[i]
		}
	}
	if c.property == nil {
		return c, method.Fail(method.UnsupportedSort, "emails are not sorted by %.100q, but by %s", by.Property, strings.Join(SortOptions(), ", "))
	}
	switch by.Collation {
	case "", unicodeCasemap:
	case asciiCasemap:
		c.ascii = true
	default:
		return c, method.Fail(method.UnsupportedSort, "the collations are %s, not %.100q", strings.Join(Collations(), " and "), by.Collation)
	}
	if c.kind == byFlag || c.kind == byThread {
		if by.Keyword == "" {
			return c, method.Fail(method.InvalidArguments, "a sort by %s has a keyword", c.name)
		}
		c.flag, _ = keyword(by.Keyword).name() // what cannot be a keyword, no email has
	}
	return c, nil
}
