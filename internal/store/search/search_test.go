package search

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
)

const sample = "From: =?utf-8?q?Ren=C3=A9e?= <Renee@Example.ORG>\r\n" +
	"To: a@example.net, \"B, C\" <b@example.net>\r\n" +
	"Subject: =?iso-8859-1?q?=DCber_alles?= Reden\r\n" +
	"Date: Tue, 3 Feb 2026 23:30:00 -0800\r\n" +
	"X-Kind: Report\r\n" +
	"Content-Type: text/plain; charset=iso-8859-1\r\n" +
	"Content-Transfer-Encoding: base64\r\n\r\n" +
	"RGFzIHNjaPZuZSBX9nJ0Y2hlbg==\r\n" // "Das schöne Wörtchen"

// letter is a Message over a text, which can be told not to give more than its facts.
type letter struct {
	facts   Facts
	text    string
	sealed  error
	opened  int
	summary int
}

func (l *letter) Facts() Facts                   { return l.facts }
func (l *letter) Thread() (mail.ThreadID, error) { return 77, l.sealed }
func (l *letter) Summary() (*message.Summary, error) {
	l.summary++
	if l.sealed != nil {
		return nil, l.sealed
	}
	return message.Summarize(strings.NewReader(l.text))
}
func (l *letter) Content() (io.ReaderAt, error) {
	l.opened++
	return strings.NewReader(l.text), l.sealed
}

func newLetter() *letter {
	return &letter{text: sample, facts: Facts{Seq: 3, UID: 30, Email: 99, ModSeq: 12, Size: int64(len(sample)),
		Received: time.Date(2026, 2, 4, 8, 0, 0, 0, time.UTC), Flags: mail.Flags{Bits: mail.Seen, Keywords: []string{"Work"}}}}
}

func on(day string) time.Time {
	t, err := imap.ParseDate(day)
	if err != nil {
		panic(err)
	}
	return t
}

func TestMatch(t *testing.T) {
	text := func(in imap.TextField, v string) imap.SearchKey { return imap.SearchText{In: in, Value: v} }
	for _, tt := range []struct {
		name string
		key  imap.SearchKey
		want bool
	}{
		{"all", imap.SearchAll{}, true},
		{"seen", imap.SearchFlag{Name: `\Seen`}, true},
		{"keyword without case", imap.SearchFlag{Name: "work"}, true},
		{"not recent", imap.SearchFlag{Name: `\Recent`}, false},
		{"subject decoded", text(imap.InSubject, "über ALLES"), true},
		{"subject raw is not looked at", text(imap.InSubject, "iso-8859"), false},
		{"from name", text(imap.InFrom, "renée"), true},
		{"from address", text(imap.InFrom, "<renee@example.org>"), true},
		{"to", text(imap.InTo, "b, c"), true},
		{"cc of none", text(imap.InCc, "a"), false},
		{"empty string", text(imap.InCc, ""), true},
		{"body decoded", text(imap.InBody, "SCHÖNE wört"), true},
		{"body is not the header", text(imap.InBody, "report"), false},
		{"text is both", imap.SearchAnd{text(imap.InText, "report"), text(imap.InText, "wörtchen")}, true},
		{"header", imap.SearchHeader{Field: "x-kind", Value: "REP"}, true},
		{"header exists", imap.SearchHeader{Field: "X-Kind"}, true},
		{"header missing", imap.SearchHeader{Field: "X-None"}, false},
		{"sent on the day written", imap.SearchDate{Sent: true, Op: imap.On, Day: on("3-Feb-2026")}, true},
		{"received on", imap.SearchDate{Op: imap.On, Day: on("4-Feb-2026")}, true},
		{"before is strict", imap.SearchDate{Op: imap.Before, Day: on("4-Feb-2026")}, false},
		{"since includes", imap.SearchDate{Op: imap.Since, Day: on("4-Feb-2026")}, true},
		{"larger is strict", imap.SearchSize{Larger: true, Octets: int64(len(sample))}, false},
		{"smaller", imap.SearchSize{Octets: int64(len(sample)) + 1}, true},
		{"modseq", imap.SearchModSeq{Least: 12}, true},
		{"modseq above", imap.SearchModSeq{Least: 13}, false},
		{"seq set with star", imap.Numbers{Set: imap.Set{{Start: 3, Stop: imap.Star}}}, true},
		{"uid set", imap.Numbers{UID: true, Set: imap.Set{{Start: 1, Stop: 29}}}, false},
		{"saved", imap.Numbers{Saved: true}, true},
		{"email id", imap.SearchObjectID{ID: mail.EmailID(99).String()}, true},
		{"thread id", imap.SearchObjectID{Thread: true, ID: mail.ThreadID(77).String()}, true},
		{"not", imap.SearchNot{Key: imap.SearchAll{}}, false},
		{"or", imap.SearchOr{imap.SearchFlag{Name: `\Draft`}, imap.SearchFlag{Name: `\Seen`}}, true},
		{"empty and", imap.SearchAnd{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := Plan(tt.key, Scope{Messages: 5, HighUID: 50, Saved: imap.Set{{Start: 30, Stop: 30}}})
			m := newLetter()
			if got, err := q.Match(m); got != tt.want || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
			found, decided := q.ByFacts(&m.facts)
			if decided && found != tt.want || !decided && !q.NeedsRow() {
				t.Errorf("by facts: got %v, decided %v", found, decided)
			}
			if m.opened > 0 && !q.NeedsContent() || m.summary > 0 && !q.NeedsRow() {
				t.Error("the plan did not say what the query needs")
			}
		})
	}
}

// What is cheap is asked first, however the client wrote it.
func TestTheCheapDecidesFirst(t *testing.T) {
	q := Plan(imap.SearchAnd{imap.SearchText{In: imap.InBody, Value: "x"}, imap.SearchText{In: imap.InFrom, Value: "nobody"},
		imap.SearchFlag{Name: `\Draft`}}, Scope{})
	m := newLetter()
	if found, err := q.Match(m); found || err != nil || m.opened+m.summary > 0 {
		t.Errorf("found %v (%v) after opening %d and summing up %d", found, err, m.opened, m.summary)
	}
	m.facts.Flags.Bits |= mail.Draft
	if found, err := q.Match(m); found || err != nil || m.opened > 0 {
		t.Errorf("found %v (%v) after opening %d", found, err, m.opened)
	}
}

func TestFaultsAreNotMatches(t *testing.T) {
	broken := errors.New("broken")
	for _, key := range []imap.SearchKey{imap.SearchText{In: imap.InBody, Value: "x"}, imap.SearchHeader{Field: "To"},
		imap.SearchObjectID{Thread: true, ID: "T1"}, imap.SearchDate{Sent: true}, imap.SearchNot{Key: imap.SearchText{In: imap.InTo, Value: "x"}}} {
		m := newLetter()
		m.sealed = broken
		if _, err := Plan(key, Scope{}).Match(m); !errors.Is(err, broken) {
			t.Errorf("%#v: %v", key, err)
		}
	}
}

// Facts that suffice decide, whatever else is asked.
func TestByFacts(t *testing.T) {
	body, draft, seen := imap.SearchText{In: imap.InBody, Value: "x"}, imap.SearchFlag{Name: `\Draft`}, imap.SearchFlag{Name: `\Seen`}
	for _, tt := range []struct {
		key            imap.SearchKey
		found, decided bool
	}{
		{imap.SearchAnd{body, draft}, false, true},
		{imap.SearchAnd{body, seen}, false, false},
		{imap.SearchOr{body, seen}, true, true},
		{imap.SearchOr{body, draft}, false, false},
		{imap.SearchNot{Key: imap.SearchAnd{body, draft}}, true, true},
		{imap.SearchNot{Key: body}, false, false},
		{imap.SearchObjectID{Thread: true, ID: "T1"}, false, false},
		{imap.SearchHeader{Field: "To"}, false, false},
	} {
		m := newLetter()
		found, decided := Plan(tt.key, Scope{}).ByFacts(&m.facts)
		if decided != tt.decided || decided && found != tt.found {
			t.Errorf("%#v: got %v, decided %v", tt.key, found, decided)
		}
	}
}

func TestScans(t *testing.T) {
	body := imap.SearchText{In: imap.InBody, Value: "x"}
	key := imap.SearchAnd{body, imap.SearchFlag{Name: "x"}, imap.SearchOr{imap.SearchNot{Key: body}, imap.SearchHeader{Field: "To"}},
		imap.SearchText{In: imap.InFrom, Value: "x"}, imap.SearchText{In: imap.InText}}
	if n := Plan(key, Scope{}).Scans(); n != 3 {
		t.Errorf("%d scans, want 3", n)
	}
}

// The stream finds what the whole text holds, however it is cut.
func TestStreamContains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.SampledFrom([]rune("abAB öÖß日\n"))
		text := rapid.StringOfN(alphabet, 0, 200, -1).Draw(t, "text")
		text = strings.Repeat(text, rapid.IntRange(1, 400).Draw(t, "times"))
		wanted := rapid.StringOfN(alphabet, 1, 12, -1).Draw(t, "wanted")
		var r io.Reader = strings.NewReader(text)
		if rapid.Bool().Draw(t, "in bytes") && len(text) < 5000 {
			r = iotest.OneByteReader(r)
		}
		got, err := streamContains(r, wanted)
		if want := contains(text, wanted); got != want || err != nil {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
	})
}
