package search_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// sorted is a message to be sorted, and what a naive comparison sees of it.
type sorted struct {
	facts    search.Facts
	summary  []byte
	relevant uint8
	numbers  map[search.By]int64
	strings  map[search.By]string
}

var (
	sortTexts = []string{"", "a", "A", "á", "b", "ab", "a\x00b", "Re: a", "straße", "日本", "z", strings.Repeat("long", 200)}
	sortNames = []string{"", "ann", "ANN", "Bob", "=?utf-8?q?=C3=84rger?=", "zoë"}
)

func drawSorted(t *rapid.T, seq int) sorted {
	number := func(name string) int64 { return rapid.Int64Range(-2, 2).Draw(t, name) }
	pick := func(from []string, name string) string { return rapid.SampledFrom(from).Draw(t, name) }
	m := sorted{numbers: map[search.By]int64{}, strings: map[search.By]string{}}
	received, size := number("received"), number("size")
	m.relevant = uint8(rapid.IntRange(1, 3).Draw(t, "relevance"))
	m.facts = search.Facts{Seq: uint32(seq), Received: time.Unix(received, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")), Size: size}
	m.numbers[search.ByArrival], m.numbers[search.BySize], m.numbers[search.ByRelevance] = received, size, -int64(m.relevant)
	m.numbers[search.ByDate] = received
	var header strings.Builder
	if rapid.Bool().Draw(t, "has a date") {
		sent := time.Unix(number("sent"), 0).In(time.FixedZone("", int(number("zone"))*3600))
		fmt.Fprintf(&header, "Date: %s\r\n", sent.Format(time.RFC1123Z))
		m.numbers[search.ByDate] = sent.Unix()
	}
	subject := strings.ReplaceAll(pick(sortTexts, "subject"), "\x00", "")
	fmt.Fprintf(&header, "Subject: %s\r\n", subject)
	m.strings[search.BySubject] = strings.TrimPrefix(subject, "Re: ")
	for _, f := range []struct {
		field           string
		local, displays search.By
	}{{"From", search.ByFrom, search.ByDisplayFrom}, {"To", search.ByTo, search.ByDisplayTo}, {"Cc", search.ByCc, -1}} {
		local := pick(sortNames[1:4], "local part")
		name := pick(sortNames, "name")
		if rapid.Bool().Draw(t, "has "+f.field) {
			fmt.Fprintf(&header, "%s: \"%s\" <%s@host>, second@host\r\n", f.field, name, local)
			m.strings[f.local], m.strings[f.displays] = local, strings.ReplaceAll(name, "=?utf-8?q?=C3=84rger?=", "Ärger")
			if name == "" {
				m.strings[f.displays] = local + "@host"
			}
		}
	}
	s, err := message.Summarize(strings.NewReader(header.String() + "\r\n"))
	if err == nil {
		m.summary, err = s.AppendBinary(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// naive compares two messages criterion by criterion.
func naive(order []search.Order) func(a, b sorted) int {
	return func(a, b sorted) int {
		for _, o := range order {
			c := cmp.Or(cmp.Compare(a.numbers[o.By], b.numbers[o.By]), cmp.Compare(casemap.Fold(a.strings[o.By]), casemap.Fold(b.strings[o.By])))
			if o.Reverse {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return int(a.facts.Seq) - int(b.facts.Seq)
	}
}

// Any order is that of a comparison of the values themselves.
func TestSortModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) search.Order {
			return search.Order{By: search.By(rapid.IntRange(0, int(search.ByDisplayTo)).Draw(t, "by")), Reverse: rapid.Bool().Draw(t, "reverse")}
		}), 1, 4).Draw(t, "order")
		s := search.NewSorter(order, 1<<20)
		var all []sorted
		for seq := range rapid.IntRange(0, 12).Draw(t, "messages") {
			m := drawSorted(t, seq+1)
			all = append(all, m)
			if err := s.Add(&m.facts, m.summary, m.relevant); err != nil {
				t.Fatal(err)
			}
		}
		got := s.Sorted()
		slices.SortFunc(all, naive(order))
		for i, m := range all {
			if got[i] != m.facts.Seq {
				t.Fatalf("%v: place %d has message %d, want %d", order, i, got[i], m.facts.Seq)
			}
		}
	})
}

func TestSortIsBounded(t *testing.T) {
	s := search.NewSorter([]search.Order{{By: search.ByArrival}, {By: search.ByArrival, Reverse: true}}, 100*24)
	if s.NeedsSummary() {
		t.Error("arrival is in the view")
	}
	for seq := range uint32(100) {
		if err := s.Add(&search.Facts{Seq: seq + 1}, nil, 0); err != nil {
			t.Fatalf("message %d: %v", seq+1, err)
		}
	}
	if err := s.Add(&search.Facts{Seq: 101}, nil, 0); !mail.Is(err, mail.Limit) {
		t.Errorf("the 101st: %v", err)
	}
}

// What is no UTF-8 comes after all that is, octet by octet (RFC 5255 4.6).
func TestSortBrokenText(t *testing.T) {
	s := search.NewSorter([]search.Order{{By: search.ByFrom}}, 1<<20)
	for i, local := range []string{"\xffa", "zz", "\xe9b", "", "日"} {
		m, err := message.Summarize(strings.NewReader("From: <" + local + "@x>\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		summary, _ := m.AppendBinary(nil)
		if err := s.Add(&search.Facts{Seq: uint32(i + 1)}, summary, 0); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Sorted(); !slices.Equal(got, []uint32{4, 2, 5, 3, 1}) {
		t.Errorf("%v", got)
	}
}
