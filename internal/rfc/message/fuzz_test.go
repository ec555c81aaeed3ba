package message

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func addGolden(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.eml")
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
}

// FuzzParse: the promises of doc.go for any content, for any cut of it, and with tiny limits.
func FuzzParse(f *testing.F) {
	addGolden(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := Parse(bytes.NewReader(content), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, content, m)
		cut, _ := Parse(iotest.OneByteReader(bytes.NewReader(content)), Limits{})
		if !reflect.DeepEqual(m, cut) {
			t.Fatalf("byte by byte: %s, at once: %s", outline(string(content), cut.Root), outline(string(content), m.Root))
		}
		small := Limits{Depth: 2, Parts: 4, FieldBytes: 40, HeaderBytes: 200, Addresses: 3}
		limited, _ := Parse(iotest.HalfReader(bytes.NewReader(content)), small)
		check(t, content, limited)
		checkLimits(t, limited, small)
		again, _ := Parse(bytes.NewReader(content), small)
		if !reflect.DeepEqual(limited, again) {
			t.Fatal("with limits, the cut matters")
		}
	})
}

func checkLimits(t *testing.T, m *Message, limits Limits) {
	parts, depth := 0, 0
	var walk func(p *Part, level int)
	walk = func(p *Part, level int) {
		if parts++; level > depth {
			depth = level
		}
		for _, child := range p.Children {
			walk(child, level+1)
		}
	}
	walk(m.Root, 0)
	if depth > limits.Depth+1 || parts > 2*limits.Parts { // a multipart that is not looked into has one child of its own
		t.Fatalf("%d parts, depth %d", parts, depth)
	}
	if n := len(m.Envelope.To) + len(m.Envelope.Cc) + len(m.Envelope.Bcc); n > limits.Addresses+3 {
		t.Fatalf("%d addresses", n)
	}
}

// FuzzSummary: the binary form round-trips, texts are what they should be, every part can be read.
func FuzzSummary(f *testing.F) {
	addGolden(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := Summarize(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, s)
		if !utf8.ValidString(s.Preview) || utf8.RuneCountInString(s.Preview) > MaxPreview || !utf8.ValidString(s.BaseSubject) {
			t.Fatalf("preview %q, base subject %q", s.Preview, s.BaseSubject)
		}
		text, err := io.ReadAll(io.MultiReader(s.Root.PartHeaderText(bytes.NewReader(content)), s.Root.BodyText(bytes.NewReader(content))))
		if err != nil || !utf8.Valid(text) {
			t.Fatalf("text %q %v", text, err)
		}
		for _, path := range [][]int{nil, {1}, {2}, {1, 1}, {2, 1}, {1, 2, 1}} {
			fuzzSections(t, content, s.Root, path)
		}
	})
}

func fuzzSections(t *testing.T, content []byte, root *Part, path []int) {
	for specifier := Whole; specifier <= MIME; specifier++ {
		piece, ok := root.Section(Section{path, specifier, []string{"subject", "content-type"}})
		if !ok {
			continue
		}
		r, size, err := piece.Open(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil || int64(len(b)) != size || size > piece.Length {
			t.Fatalf("%v: %d bytes of %d, range %d, %v", path, len(b), size, piece.Length, err)
		}
		if !piece.Filtered() && !bytes.Equal(b, content[piece.Offset:piece.End()]) {
			t.Fatalf("%v: %q is not the range", path, b)
		}
	}
	if r, err := root.Binary(bytes.NewReader(content), path); err == nil {
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzUnmarshal: hostile bytes give an error or a Summary that keeps the promises of one.
func FuzzUnmarshal(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.eml")
	for _, file := range files {
		content, _ := os.ReadFile(file)
		b, _ := summarize(f, string(content)).AppendBinary(nil)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Summary
		if s.UnmarshalBinary(b) != nil {
			return
		}
		again, _ := s.AppendBinary(nil)
		var s2 Summary
		if err := s2.UnmarshalBinary(again); err != nil {
			t.Fatalf("%v: %+v", err, s)
		}
		if s.Root == nil {
			return
		}
		n := 0
		for range s.Root.Leaves(true) {
			n++
		}
		if n > len(b) {
			t.Fatalf("%d leaves of %d bytes", n, len(b))
		}
		fuzzHostileRoot(t, s.Root)
	})
}

// fuzzHostileRoot: ranges may lie outside of the content the row was once made from; reading them must only be short.
func fuzzHostileRoot(t *testing.T, root *Part) {
	content := []byte("Subject: x\r\n\r\nbody")
	for _, path := range [][]int{nil, {1}, {1, 1}} {
		for specifier := Whole; specifier <= MIME; specifier++ {
			if piece, ok := root.Section(Section{path, specifier, []string{"subject"}}); ok {
				if r, _, err := piece.Open(bytes.NewReader(content)); err == nil {
					io.Copy(io.Discard, r)
				}
			}
		}
	}
	io.Copy(io.Discard, root.PartHeaderText(bytes.NewReader(content)))
	io.Copy(io.Discard, root.BodyText(bytes.NewReader(content)))
	root.HasAttachment()
}
