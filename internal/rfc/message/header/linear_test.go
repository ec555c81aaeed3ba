package header

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile are patterns that, repeated, lead a careless parser to look again and again for an end that never comes.
var hostile = []struct {
	name     string
	parse    func(s string)
	patterns []string
}{
	{"addresses", func(s string) { ParseAddresses(s, MaxAddresses) }, []string{"(", "()", "\"", "\"\"", "[", "<", "<@", "<@,", "<a,",
		"<a>", "<>", ",", ";", ":", "a:", "@", "\\", "\"\\", "(\\", "a", "a b", "<a b", " ", "@a:"}},
	{"words", func(s string) { DecodeWords(s) }, []string{"=?", "=?a?q?", "=?a?q?x", "=?a?b?=?=", "=?utf-8?q?a?= ", "=?a?q??=", "?=", "\xff"}},
	{"subject", func(s string) { BaseSubject(s) }, []string{"[a]", "[a] ", "[fwd:", "re:", "[a]re", "(fwd)", "(fwd) ", "re[a]:", "[", "]", " "}},
	{"ids", func(s string) { ParseMessageIDs(s, 10) }, []string{"<", "<>", "<a>", "<a ", "a@b "}},
	{"media type", func(s string) { ParseMediaType("a/b" + s) }, []string{"(", ";a", ";a=", ";a=\"", ";a=(", ";a*0=b", ";a*0*=%", "; (", "=", "a"}},
	{"languages", func(s string) { ParseLanguages(s) }, []string{"(", ",", "a,", "()"}},
	{"unfold", func(s string) { Unfold([]byte(s)) }, []string{"\r", "\n", "\x00", " ", "\r\n "}},
	{"fields", func(s string) {
		for range Fields([]byte(s)) {
		}
	}, []string{"a", "a:", "a:\n", "\n ", "a \n", "a\r", ":"}},
	{"filter", func(s string) {
		io.Copy(io.Discard, NewFilter(strings.NewReader(s), []string{"a"}, false))
	}, []string{"a", "a:", "a:\n", "b:\n", "a:\n ", "a \n"}},
}

// TestLinear: work and memory for a large input of each pattern.
func TestLinear(t *testing.T) {
	const size = 1 << 18
	for _, h := range hostile {
		for _, pattern := range h.patterns {
			s := "a" + strings.Repeat(pattern, size/len(pattern)) + "a"
			var grown uint64
			watch(t, h.name+" of "+pattern, func() { grown = allocated(func() { h.parse(s) }) })
			if grown > 64*size {
				t.Errorf("%s of %q: %d bytes allocated for %d", h.name, pattern, grown, size)
			}
		}
	}
}

// TestOpenEnd: an end that was not found is not looked for again.
func TestOpenEnd(t *testing.T) {
	l := lexer{s: `"a\" (b\)`}
	if _, ok := l.quoted(); ok || !l.openQuote || l.pos != 0 {
		t.Errorf("%+v", l)
	}
	l.pos = 5
	if _, ok := l.comment(); ok || !l.openComment || l.pos != 5 {
		t.Errorf("%+v", l)
	}
}

// watch fails if f does not end. Linear work ends in milliseconds, quadratic work of this size takes many seconds.
func watch(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(7 * time.Second):
		t.Fatalf("%q does not end: its work is not linear", what)
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
