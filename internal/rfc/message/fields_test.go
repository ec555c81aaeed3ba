package message

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fataler is what testing and rapid have in common.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// selected answers HEADER.FIELDS both ways.
func selected(t fataler, content string, s *Summary, names []string) (fromContent string, fromSummary string, ok bool) {
	t.Helper()
	piece, _ := s.Root.Section(Section{Specifier: HeaderFields, Fields: names})
	r, _, err := piece.Open(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := NewFieldSelection(names).Append([]byte("before"), b)
	if !bytes.HasPrefix(got, []byte("before")) || !ok && len(got) != len("before") {
		t.Fatalf("what stood before is %q now, ok %v", got, ok)
	}
	return string(want), string(got[len("before"):]), ok
}

func TestFieldsFromSummary(t *testing.T) {
	head := "From: A <a@b.example>\r\nX-Other: 1\r\nTo: b@c.example,\r\n\tc@d.example\r\nno field\r\n more\r\nto : again\r\n" +
		"Subject: =?utf-8?q?J=C3=B6rg?= \xff\x00\r\nContent-Type: text/plain\r\n"
	long := "To: " + strings.Repeat("someone@example.org,\r\n ", 200) + "x@example.org\r\n"
	tests := []struct {
		content, names string
		ok             bool
	}{
		{head + "\r\nbody", "From To SUBJECT", true},
		{head + "\nbody", "from date", true},
		{head, "content-type", true},
		{"", "from", true},
		{"\r\n", "from", true},
		{"Subject: no end", "subject", true},
		{head + "\r\n", "x-other from", false},
		{head + "\r\n", "x-never-there from", true}, // no other field has the bit of its name
		{long + "\r\n", "subject", false},
		{"X-Long: " + strings.Repeat("x", 100_000) + "\r\nSubject: a\r\n\r\n", "subject", true},
		{typicalMail, "DATE FROM TO CC SUBJECT MESSAGE-ID REFERENCES IN-REPLY-TO CONTENT-TYPE", true},
	}
	for _, test := range tests {
		s := summarize(t, test.content)
		want, got, ok := selected(t, test.content, s, strings.Fields(test.names))
		if ok != test.ok || ok && got != want {
			t.Errorf("%s of %.60q: %v %q, want %v %q", test.names, test.content, ok, got, test.ok, want)
		}
		roundTrip(t, s)
	}
}

// Whatever the header is, the summary gives what the content gives, or says that it cannot tell.
func TestFieldsModel(t *testing.T) {
	line := rapid.OneOf(
		rapid.StringMatching(`(?i:from|to|subject|date|x-a|x-b|received|references): ?[ -~]{0,40}`),
		rapid.StringMatching(`[ \t][ -~]{0,30}`),
		rapid.StringMatching(`[ -~]{0,20}`),
		rapid.SampledFrom([]string{"", "From: \xff\x00", "Subject : x", ": x", "To:" + strings.Repeat(" x", 1000)}),
	)
	names := rapid.SampledFrom([]string{"From", "to", "SUBJECT", "date", "x-a", "X-B", "x-c", "received", "References", "list-id"})
	rapid.Check(t, func(t *rapid.T) {
		var content strings.Builder
		for _, l := range rapid.SliceOfN(line, 0, 12).Draw(t, "lines") {
			content.WriteString(l + rapid.SampledFrom([]string{"\r\n", "\r\n", "\n", ""}).Draw(t, "end"))
		}
		s, err := Summarize(strings.NewReader(content.String()))
		if err != nil {
			t.Fatal(err)
		}
		want := rapid.SliceOfN(names, 1, 5).Draw(t, "names")
		fromContent, fromSummary, ok := selected(t, content.String(), s, want)
		if ok && fromContent != fromSummary {
			t.Fatalf("%q of %q: %q, want %q", want, content.String(), fromSummary, fromContent)
		}
		known := !slices.ContainsFunc(want, func(name string) bool { return strings.HasPrefix(strings.ToLower(name), "x-") || name == "received" })
		if known && !ok && !strings.Contains(content.String(), " x x x") {
			t.Fatalf("%q of %q: cannot tell", want, content.String())
		}
	})
}

func TestPackedSections(t *testing.T) {
	s := summarize(t, typicalMail)
	with, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := len(s.listing.text)
	s.listing = nil
	without, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if packed := len(with) - len(without); packed > text/2 {
		t.Errorf("%d bytes of fields take %d", text, packed)
	}
	for i := range with { // damaged ones are refused or read, and nothing else
		damaged := bytes.Clone(with)
		damaged[i] ^= 0x55
		NewFieldSelection([]string{"from", "to", "references"}).Append(nil, damaged)
		new(Summary).UnmarshalBinary(damaged)
	}
	for i := range with {
		if _, ok := NewFieldSelection([]string{"from"}).Append(nil, with[:i]); ok {
			t.Errorf("the first %d bytes are taken for a summary", i)
		}
	}
}

func BenchmarkFieldsFromSummary(b *testing.B) {
	s := summarize(b, typicalMail)
	binary, err := s.AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	names := NewFieldSelection([]string{"DATE", "FROM", "TO", "CC", "SUBJECT", "MESSAGE-ID", "REFERENCES"})
	var buf []byte
	for b.Loop() {
		buf, _ = names.Append(buf[:0], binary)
	}
}

func BenchmarkAppendBinary(b *testing.B) {
	s := summarize(b, typicalMail)
	var buf []byte
	for b.Loop() {
		buf, _ = s.AppendBinary(buf[:0])
	}
	b.ReportMetric(float64(len(buf)), "bytes")
}
