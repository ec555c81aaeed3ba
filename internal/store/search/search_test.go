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
	keep    *message.Summary
}

func (l *letter) Facts() Facts                   { return l.facts }
func (l *letter) Thread() (mail.ThreadID, error) { return 77, l.sealed }
func (l *letter) Summary() (*message.Summary, error) {
	l.summary++
	if l.sealed != nil || l.keep != nil {
		return l.keep, l.sealed
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
	text := func(in Field, v string) Key { return Text{In: in, Value: v} }
	for _, tt := range []struct {
		name string
		key  Key
		want bool
	}{
		{"all", All{}, true},
		{"seen", Flag{Name: `\Seen`}, true},
		{"keyword without case", Flag{Name: "work"}, true},
		{"not recent", Flag{Name: `\Recent`}, false},
		{"subject decoded", text(Subject, "über ALLES"), true},
		{"subject raw is not looked at", text(Subject, "iso-8859"), false},
		{"from name", text(From, "renée"), true},
		{"from address", text(From, "<renee@example.org>"), true},
		{"to", text(To, "b, c"), true},
		{"cc of none", text(Cc, "a"), false},
		{"empty string", text(Cc, ""), true},
		{"body decoded", text(Body, "SCHÖNE wört"), true},
		{"body is not the header", text(Body, "report"), false},
		{"text is both", And{text(Anywhere, "report"), text(Anywhere, "wörtchen")}, true},
		{"header", Header{Name: "x-kind", Value: "REP"}, true},
		{"header exists", Header{Name: "X-Kind"}, true},
		{"header missing", Header{Name: "X-None"}, false},
		{"sent on the day written", Date{Sent: true, Op: On, Day: on("3-Feb-2026")}, true},
		{"received on", Date{Op: On, Day: on("4-Feb-2026")}, true},
		{"before is strict", Date{Op: Before, Day: on("4-Feb-2026")}, false},
		{"since includes", Date{Op: Since, Day: on("4-Feb-2026")}, true},
		{"larger is strict", Larger{Octets: int64(len(sample))}, false},
		{"smaller", Smaller{Octets: int64(len(sample)) + 1}, true},
		{"modseq", ModSeq{Least: 12}, true},
		{"modseq above", ModSeq{Least: 13}, false},
		{"seq set with star", Seqs{Set: imap.Set{{Start: 3, Stop: imap.Star}}}, true},
		{"uid set", UIDs{Set: imap.Set{{Start: 1, Stop: 29}}}, false},
		{"saved", Saved{}, true},
		{"email id", Email{ID: mail.EmailID(99).String()}, true},
		{"thread id", Thread{ID: mail.ThreadID(77).String()}, true},
		{"not", Not{All{}}, false},
		{"or", Or{Flag{Name: `\Draft`}, Flag{Name: `\Seen`}}, true},
		{"empty and", And{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := Plan(tt.key, Scope{Messages: 5, HighUID: 50, Saved: imap.Set{{Start: 30, Stop: 30}}})
			m := newLetter()
			if got, err := q.Match(m, Hits{}); got != tt.want || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
			found, decided := q.ByFacts(&m.facts, Hits{})
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
	q := Plan(And{Text{In: Body, Value: "x"}, Text{In: From, Value: "nobody"},
		Flag{Name: `\Draft`}}, Scope{})
	m := newLetter()
	if found, err := q.Match(m, Hits{}); found || err != nil || m.opened+m.summary > 0 {
		t.Errorf("found %v (%v) after opening %d and summing up %d", found, err, m.opened, m.summary)
	}
	m.facts.Flags.Bits |= mail.Draft
	if found, err := q.Match(m, Hits{}); found || err != nil || m.opened > 0 {
		t.Errorf("found %v (%v) after opening %d", found, err, m.opened)
	}
}

func TestFaultsAreNotMatches(t *testing.T) {
	broken := errors.New("broken")
	for _, key := range []Key{Text{In: Body, Value: "x"}, Header{Name: "To"},
		Thread{ID: "T1"}, Date{Sent: true}, Not{Text{In: To, Value: "x"}}} {
		m := newLetter()
		m.sealed = broken
		if _, err := Plan(key, Scope{}).Match(m, Hits{}); !errors.Is(err, broken) {
			t.Errorf("%#v: %v", key, err)
		}
	}
}

// Facts that suffice decide, whatever else is asked.
func TestByFacts(t *testing.T) {
	body, draft, seen := Text{In: Body, Value: "x"}, Flag{Name: `\Draft`}, Flag{Name: `\Seen`}
	for _, tt := range []struct {
		key            Key
		found, decided bool
	}{
		{And{body, draft}, false, true},
		{And{body, seen}, false, false},
		{Or{body, seen}, true, true},
		{Or{body, draft}, false, false},
		{Not{And{body, draft}}, true, true},
		{Not{body}, false, false},
		{Thread{ID: "T1"}, false, false},
		{Header{Name: "To"}, false, false},
	} {
		m := newLetter()
		found, decided := Plan(tt.key, Scope{}).ByFacts(&m.facts, Hits{})
		if decided != tt.decided || decided && found != tt.found {
			t.Errorf("%#v: got %v, decided %v", tt.key, found, decided)
		}
	}
}

func TestContentKeys(t *testing.T) {
	body := Text{In: Body, Value: "x"}
	key := And{body, Flag{Name: "x"}, Or{Not{Text{In: Body, Value: "X"}}, Header{Name: "To"}}, Text{In: From, Value: "x"}, Text{In: Anywhere}}
	if n := Plan(key, Scope{}).ContentKeys(); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
}

// counting tells how much of a content was read.
type counting struct {
	io.ReaderAt
	read int
}

func (c *counting) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, at)
	c.read += n
	return n, err
}

type counted struct {
	letter
	content counting
}

func (c *counted) Content() (io.ReaderAt, error) {
	c.content.ReaderAt = strings.NewReader(c.text)
	return &c.content, nil
}

// However many keys look into a content, it is read once, and no further than needed.
func TestOneReading(t *testing.T) {
	text := "Subject: x\r\n\r\n" + strings.Repeat("needle one needle two\r\n", 1<<16)
	var missing And
	for i := range 50 {
		missing = append(missing, Not{Text{In: Body, Value: strings.Repeat("no", i+1)}})
	}
	for _, tt := range []struct {
		name string
		key  Key
		most int
	}{
		{"all of it", missing, len(text)},
		{"found at the beginning", Or{Text{In: Body, Value: "no such"}, Text{In: Body, Value: "two"}}, 3 * window},
		{"in the header", Or{Text{In: Body, Value: "no such"}, Header{Name: "Subject", Value: "x"}}, 100},
		{"refused by the header", And{Text{In: Body, Value: "no such"}, Header{Name: "Subject", Value: "y"}}, 100},
	} {
		m := &counted{letter: letter{text: text}}
		found, err := Plan(tt.key, Scope{}).Match(m, Hits{})
		if err != nil || found != (tt.name != "refused by the header") || m.content.read > tt.most+len("Subject: x\r\n\r\n") {
			t.Errorf("%s: found %v (%v) after reading %d bytes of %d", tt.name, found, err, m.content.read, len(text))
		}
	}
}

// The scanner finds what the whole text holds, however it is cut, and keeps apart what is header and what is body.
func TestScanner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.SampledFrom([]rune("abAB öÖß日\n"))
		draw := func(name string) string {
			return strings.Repeat(rapid.StringOfN(alphabet, 0, 100, -1).Draw(t, name), rapid.IntRange(1, 700).Draw(t, name+" times"))
		}
		header, parts, body := draw("header"), draw("parts"), draw("body")
		var key And
		wanted := rapid.SliceOfN(rapid.StringOfN(alphabet, 1, 12, -1), 1, 5).Draw(t, "wanted")
		for i, w := range wanted {
			key = append(key, Text{In: Field(i % 2), Value: w})
		}
		q := Plan(key, Scope{})
		s := newScanner(q, Hits{})
		defer s.release()
		s.header([]byte(header))
		goOn := func() (verdict, error) { return unknown, nil }
		for i, text := range []string{parts, body} {
			var r io.Reader = strings.NewReader(text)
			if rapid.Bool().Draw(t, "in bytes") && len(text) < 5000 {
				r = iotest.OneByteReader(r)
			}
			if s.inBody = i == 1; s.inBody {
				s.body = len(s.window)
			}
			if _, err := s.read(r, goOn); err != nil {
				t.Fatal(err)
			}
		}
		s.end()
		for i, c := range q.needles {
			text := body
			if !c.body {
				text = header + parts + body
			}
			if want := contains(text, c.text); s.hits.verdicts[i] != decided(want) {
				t.Fatalf("%q in the body %v: verdict %v, want %v", c.text, c.body, s.hits.verdicts[i], want)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	text := "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat("The quick brown fox jumps over the lazy dog\r\n", 90)
	for name, keys := range map[string]int{"one key": 1, "50 keys": 50} {
		var key Or
		for i := range keys {
			key = append(key, Text{Value: "quartz" + strings.Repeat("x", i)})
		}
		b.Run(name, func(b *testing.B) {
			q := Plan(key, Scope{})
			m := &letter{text: text}
			m.keep, _ = message.Summarize(strings.NewReader(text))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if found, err := q.Match(m, Hits{}); found || err != nil {
					b.Fatal(found, err)
				}
			}
		})
	}
}

func TestFind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.SampledFrom([]rune("AB ÖÉ日本\n"))
		text := rapid.StringOfN(alphabet, 0, 60, -1).Draw(t, "text")
		wanted := rapid.StringOfN(alphabet, 0, 5, -1).Draw(t, "wanted")
		c := newContent(false, "", wanted)
		if c.in([]byte(text)) != strings.Contains(text, wanted) {
			t.Fatalf("%q in %q", wanted, text)
		}
	})
}
