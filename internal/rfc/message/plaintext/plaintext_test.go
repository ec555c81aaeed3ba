package plaintext

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

var samples = []struct{ in, want string }{
	{"", ""},
	{"plain", "plain"},
	{"  a \r\n b  ", "a b"},
	{"<p>one</p><p>two</p>", "one\ntwo"},
	{"one<br>two<BR/>three", "one\ntwo\nthree"},
	{"<b>o</b>ne <i>two</i>", "one two"},
	{"<td>a</td><td>b</td>", "a b"},
	{"a &amp; b &lt;c&gt; &eacute;&#233;&#xe9; &nbsp; d", "a & b <c> ééé d"},
	{"&nosuch; &; & a&b &#; &amp", "&nosuch; &; & a&b &#; &"},
	{"&ampx", "&x"},
	{"&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;", "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;"},
	{"a < b", "a < b"},
	{"a <3 b", "a <3 b"},
	{"<!-- no --><!doctype html>yes<!-->x<!---->y", "yesxy"},
	{"<!-- a > b -- c -->d<?xml ?>e", "de"},
	{"<!-- a -> b -->c", "c"},
	{"<![if mso]>a<![endif]>", "a"},
	{"<a title=\"x > y\" href='>'>link</a>", "link"},
	{"<style>p { a > b }</style>text", "text"},
	{"<STYLE type=x>a</style >text", "text"},
	{"<script>if (a < b) document.write(\"</p>\")</script>text", "text"},
	{"<script></s</script>text", "text"},
	{"<title>not this</title>this", "this"},
	{"<style>never closed", ""},
	{"a<p", "a"},
	{"a<p title=\"never closed> text", "a"},
	{"</b title=\">\">x", "\">x"},
	{"Jörg 日本", "Jörg 日本"},
	{"<verylongelementnamethatisnone>x", "x"},
}

func TestHTML(t *testing.T) {
	for _, s := range samples {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(s.in), "byte by byte": iotest.OneByteReader(strings.NewReader(s.in))} {
			got, err := io.ReadAll(NewReader(r))
			if err != nil || string(got) != s.want {
				t.Errorf("%q %s: %q %v, want %q", s.in, name, got, err, s.want)
			}
		}
	}
	if _, err := io.ReadAll(NewReader(iotest.ErrReader(io.ErrUnexpectedEOF))); err != io.ErrUnexpectedEOF {
		t.Errorf("the source's error is lost: %v", err)
	}
}

func FuzzHTML(f *testing.F) {
	for _, s := range samples {
		f.Add(s.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if !utf8.ValidString(in) {
			return
		}
		whole, _ := io.ReadAll(NewReader(strings.NewReader(in)))
		pieces, _ := io.ReadAll(NewReader(iotest.OneByteReader(strings.NewReader(in))))
		if string(whole) != string(pieces) || !utf8.Valid(whole) || len(whole) > len(in) {
			t.Fatalf("%q: %q and in pieces %q", in, whole, pieces)
		}
	})
}

func TestPreview(t *testing.T) {
	for _, test := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 10, ""},
		{" \r\n\t ", 10, ""},
		{" a\r\n\r\n b ", 10, "a b"},
		{"> quoted\r\ntext\r\n>more\r\n", 10, "text"},
		{"> quoted\r\n", 10, ""},
		{"a > b", 10, "a > b"},
		{"abcdef", 3, "abc"},
		{"ab cdef", 3, "ab"},
		{"öäü€", 3, "öäü"},
		{"\u200c\u00a0\u200c\u00a0\u034fa\u200cb\u200b", 10, "a\u200cb"},
		{"a\x00b\x1b[0mc\u202ed", 20, "ab[0mcd"},
		{"👩\u200d💻 works", 20, "👩\u200d💻 works"},
	} {
		if got := Preview(strings.NewReader(test.in), test.limit, true); got != test.want {
			t.Errorf("%q: %q, want %q", test.in, got, test.want)
		}
	}
	if got := Preview(strings.NewReader("> quoted"), 10, false); got != "> quoted" {
		t.Errorf("with quotes: %q", got)
	}
	if got := Preview(strings.NewReader(strings.Repeat("word ", 1000)), 256, true); utf8.RuneCountInString(got) > 256 || strings.HasSuffix(got, " ") {
		t.Errorf("%q", got)
	}
}
