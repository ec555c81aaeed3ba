package message

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// repeat reads a start and then a pattern over and over, up to a size.
func repeat(start, pattern string, size int64) io.Reader {
	block := strings.Repeat(pattern, 1+(64<<10)/len(pattern))
	return io.LimitReader(io.MultiReader(strings.NewReader(start), &endless{block: block}), size)
}

type endless struct {
	block string
	pos   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.block[e.pos:])
	e.pos = (e.pos + n) % len(e.block)
	return n, nil
}

// boundaries opens 99 multiparts whose boundaries all begin alike.
func boundaries() string {
	var b strings.Builder
	for i := range 99 {
		long := strings.Repeat("a", i+1)
		b.WriteString("Content-Type: multipart/mixed; boundary=" + long + "\n\n--" + long + "\n")
	}
	return b.String()
}

// TestBounded: memory does not grow with the content, and work grows no faster than it.
func TestBounded(t *testing.T) {
	const mixed = "Content-Type: multipart/mixed; boundary=b\n\n"
	tests := []struct{ name, start, pattern string }{
		{"text", "\n", "hello world\r\n"},
		{"one line", "\n", "x"},
		{"HTML", "Content-Type: text/html\n\n", "<p "},
		{"base64", "Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n", "PGI+"},
		{"header line", "Subject: ", "x"},
		{"header line of no name", "", "x"},
		{"folded header", "To: ", "a@b,\n "},
		{"fields", "", "X-Field: value\n"},
		{"wanted fields", "", "Subject: value\n"},
		{"fields to join", "", "To: a@b\n"},
		{"parts", mixed, "--b\n"},
		{"parts with a header", mixed, "--b\nContent-Type: text/plain; charset=utf-8\nContent-ID: <x>\n\ny\n"},
		{"embedded messages", mixed, "--b\nContent-Type: message/rfc822\n\nFrom: a@b\nTo: c, d, e, f\n\n"},
		{"multiparts in each other", "", "Content-Type: multipart/mixed; boundary=b\n\n--b\n"},
		{"messages in each other", "", "Content-Type: message/rfc822\n\n"},
		{"closed multiparts", mixed, "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c--\n"},
		{"dashes", mixed, "--"},
		{"lines of dashes", mixed, "--\n"},
		{"nearly a boundary", boundaries(), "--b\n"},
		{"parameters", "Content-Type: a/b", "; a*0*=b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			small := summarizeMemory(t, repeat(test.start, test.pattern, 1<<20))
			large := summarizeMemory(t, repeat(test.start, test.pattern, 3<<20))
			const noise = 512 << 10
			if large > small+noise || large > 64<<20 {
				t.Errorf("%d bytes allocated for 1 MiB, %d for 3 MiB", small, large)
			}
		})
	}
}

// summarizeMemory returns how much is allocated while r is read. Linear work on it ends in well under a second.
func summarizeMemory(t *testing.T, r io.Reader) uint64 {
	t.Helper()
	done := make(chan uint64, 1)
	go func() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := Summarize(r)
		if err == nil {
			s.AppendBinary(nil)
		}
		runtime.ReadMemStats(&after)
		done <- after.TotalAlloc - before.TotalAlloc
	}()
	select {
	case allocated := <-done:
		return allocated
	case <-time.After(time.Minute):
		t.Fatal("reading does not end: its work is not linear")
		return 0
	}
}
