package smtp

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// readDots reads everything through Next, consuming at most step bytes at a time.
func readDots(r io.Reader, buffer, step int) (content []byte, bare bool, rest []byte, err error) {
	br := bufio.NewReaderSize(r, buffer)
	d := NewDotReader(br)
	for {
		run, err := d.Next()
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			rest, _ = io.ReadAll(br)
			return content, d.Bare(), rest, err
		}
		if len(run) == 0 {
			panic("Next returned nothing")
		}
		run = run[:min(len(run), step)]
		content = append(content, run...)
		d.Consume(len(run))
	}
}

// referenceDots is RFC 5321 4.5.2 written for the eye: split at CRLF, stop at ".", take a first dot off.
func referenceDots(wire string) (content string, bare bool, rest string, complete bool) {
	for {
		line, after, found := strings.Cut(wire, "\r\n")
		if !found {
			return "", false, "", false
		}
		if line == "." {
			return content, bare, after, true
		}
		line = strings.TrimPrefix(line, ".")
		bare = bare || strings.ContainsAny(line, "\r\n")
		content += line + "\r\n"
		wire = after
	}
}

func TestDotReader(t *testing.T) {
	for wire, want := range map[string]struct {
		content, rest string
		bare          bool
	}{
		".\r\n":                                {"", "", false},
		".\r\nQUIT\r\n":                        {"", "QUIT\r\n", false},
		"a\r\n.\r\nX":                          {"a\r\n", "X", false},
		"..\r\n.\r\n":                          {".\r\n", "", false},
		"...\r\n..a\r\n.b\r\n.\r\n":            {"..\r\n.a\r\nb\r\n", "", false},
		"a.\r\n.\r\n":                          {"a.\r\n", "", false},
		"\r\n\r\n.\r\n":                        {"\r\n\r\n", "", false},
		"a\x00\xff\r\n.\r\n":                   {"a\x00\xff\r\n", "", false},
		"a\n.\r\nMAIL\r\n.\r\n":                {"a\n.\r\nMAIL\r\n", "", true},
		"a\n.\nMAIL\r\n.\r\n":                  {"a\n.\nMAIL\r\n", "", true},
		"a\r\n.\nMAIL\r\n.\r\n":                {"a\r\n\nMAIL\r\n", "", true},
		"a\r\n.\rMAIL\r\n.\r\n":                {"a\r\n\rMAIL\r\n", "", true},
		"a\r.\r\nMAIL\r\n.\r\n":                {"a\r.\r\nMAIL\r\n", "", true},
		"a\r.\r.\r\nMAIL\r\n.\r\n":             {"a\r.\r.\r\nMAIL\r\n", "", true},
		"a\r\r\n.\r\n":                         {"a\r\r\n", "", true},
		"\r\n.\r\r\n.\r\n":                     {"\r\n\r\r\n", "", true},
		"\n.\r\n\r\n.\r\n":                     {"\n.\r\n\r\n", "", true},
		"\x00.\r\n.\r\n":                       {"\x00.\r\n", "", false},
		strings.Repeat("x", 100) + "\r\n.\r\n": {strings.Repeat("x", 100) + "\r\n", "", false},
	} {
		for _, step := range []int{1, 3, 1000} {
			content, bare, rest, err := readDots(iotest.OneByteReader(strings.NewReader(wire)), 16, step)
			if string(content) != want.content || bare != want.bare || string(rest) != want.rest || err != nil {
				t.Errorf("%q by %d: content %q, bare %v, rest %q, %v; want %+v", wire, step, content, bare, rest, err, want)
			}
		}
	}
}

func TestDotReaderCutShort(t *testing.T) {
	for _, wire := range []string{"", "a", "a\r\n", "a\r\n.", "a\r\n.\r", ".", "..", ".\n", "a\n.\n"} {
		if _, _, _, err := readDots(strings.NewReader(wire), 16, 100); err != io.ErrUnexpectedEOF {
			t.Errorf("%q ends with %v, want unexpected EOF", wire, err)
		}
	}
}

// Whatever comes, in whatever pieces, the reader agrees with the reference on content, end and bare line ends.
func TestDotReaderAgreesWithReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", ".", "..", "\r", "\n", "\r\n", "\r\n.", "\r\n.\r\n", "\n.\n", "long text"}), 0, 30).Draw(t, "parts")
		wire := strings.Join(parts, "") + "\r\n.\r\n"
		reader := io.Reader(strings.NewReader(wire))
		if rapid.Bool().Draw(t, "one byte") {
			reader = iotest.OneByteReader(reader)
		}
		checkDots(t, reader, wire, rapid.IntRange(16, 40).Draw(t, "buffer"), rapid.IntRange(1, 40).Draw(t, "step"))
	})
}

func checkDots(t interface{ Fatalf(string, ...any) }, reader io.Reader, wire string, buffer, step int) {
	content, bare, rest, err := readDots(reader, buffer, step)
	wantContent, wantBare, wantRest, complete := referenceDots(wire)
	if !complete {
		if err != io.ErrUnexpectedEOF {
			t.Fatalf("%q never ends, but was read with %v", wire, err)
		}
		return
	}
	if string(content) != wantContent || bare != wantBare || string(rest) != wantRest || err != nil {
		t.Fatalf("%q:\n read %q, bare %v, rest %q, %v\n want %q, bare %v, rest %q", wire, content, bare, rest, err, wantContent, wantBare, wantRest)
	}
}

func FuzzDotReader(f *testing.F) {
	f.Add("a\r\n..b\r\n.\r\nQUIT\r\n", uint8(16), uint8(1))
	f.Add("a\n.\r\nb\r\n.\n.\r\n", uint8(20), uint8(7))
	f.Add(".\r\r\n.\r\n", uint8(0), uint8(255))
	f.Fuzz(func(t *testing.T, wire string, buffer, step uint8) {
		checkDots(t, strings.NewReader(wire), wire, 16+int(buffer), 1+int(step))
	})
}

func TestLineEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "\r", "\n", "\r\n"})).Draw(t, "content"), "")
		var l LineEnds
		for left := content; left != ""; {
			n := rapid.IntRange(1, len(left)).Draw(t, "n")
			l.Watch([]byte(left[:n]))
			left = left[n:]
		}
		if want := strings.ContainsAny(strings.ReplaceAll(content, "\r\n", ""), "\r\n"); l.Bare(true) != want {
			t.Fatalf("%q: bare is %v", content, !want)
		}
	})
}

func BenchmarkDotReader(b *testing.B) {
	message := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 131) + ".\r\n"
	br := bufio.NewReaderSize(nil, 32<<10)
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		br.Reset(bytes.NewReader([]byte(message)))
		d := NewDotReader(br)
		for {
			run, err := d.Next()
			if err != nil {
				break
			}
			d.Consume(len(run))
		}
	}
}
