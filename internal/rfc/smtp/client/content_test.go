package client

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// sent is content as lines turns it out, given in pieces of at most n bytes.
func sent(content string, n int, stuff bool) string {
	l := lines{stuff: stuff}
	var out []byte
	for len(content) > 0 {
		part := min(n, len(content))
		out = l.append(out, []byte(content[:part]))
		content = content[part:]
	}
	return string(l.end(out))
}

// mended is what lines promises, said simply.
func mended(content string) string {
	content = strings.ReplaceAll(content, "\r\n", "\n")
	content = strings.ReplaceAll(content, "\r", "\n")
	content = strings.ReplaceAll(content, "\n", "\r\n")
	if content != "" && !strings.HasSuffix(content, "\n") {
		content += "\r\n"
	}
	return content
}

// What is sent comes out at a server as whole lines, and nothing in it ends the message early: the reader of our own server takes
// the dots off and finds no bare line end.
func TestLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"\r", "\n", "\r\n", ".", "x", "..", "\x00", "ü"})).Draw(t, "content"), "")
		n := rapid.IntRange(1, 9).Draw(t, "pieces")
		want := mended(content)
		if got := sent(content, n, false); got != want {
			t.Fatalf("%q is sent as %q, not %q", content, got, want)
		}
		wire := sent(content, n, true) + ".\r\n"
		r := bufio.NewReader(strings.NewReader(wire + "QUIT\r\n"))
		d := smtp.NewDotReader(r)
		var got []byte
		for {
			run, err := d.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, run...)
			d.Consume(len(run))
		}
		rest, _ := io.ReadAll(r)
		if string(got) != want || d.Bare() || !bytes.Equal(rest, []byte("QUIT\r\n")) {
			t.Fatalf("%q comes out as %q, bare %t, and behind it %q", content, got, d.Bare(), rest)
		}
	})
}

func BenchmarkLines(b *testing.B) {
	content := []byte(strings.Repeat("A line as they are in mail, of some seventy characters and a few more.\r\n", 900))
	var out []byte
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		l := lines{stuff: true}
		out = l.append(out[:0], content)
	}
}
