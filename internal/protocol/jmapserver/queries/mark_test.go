package queries

import (
	"html"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
)

func folded(words ...string) (list []string) {
	for _, w := range words {
		list = append(list, casemap.Fold(w))
	}
	return list
}

func TestMarks(t *testing.T) {
	for _, c := range []struct {
		text  string
		words []string
		want  string
	}{
		{"The Foosball competition", folded("foo"), "The <mark>Foo</mark>sball competition"},
		{"a < b & foo > c", folded("foo", "<"), "a <mark>&lt;</mark> b &amp; <mark>foo</mark> &gt; c"},
		{"aaaa", folded("aa"), "<mark>aaaa</mark>"},
		{"abcd", folded("abc", "bcd", "b"), "<mark>abcd</mark>"},
		{"Café au lait", folded("cafe", "É"), "<mark>Café</mark> au lait"},
		{"ﬁnal", folded("f"), "<mark>ﬁ</mark>nal"},
		{"ﬁnal", folded("in"), "<mark>ﬁn</mark>al"},
		{"red\r\n  apples", folded("red apples"), "<mark>red apples</mark>"},
		{"日本語 text", folded("本"), "日<mark>本</mark>語 text"},
		{"bad \xff\xfe bytes", folded("bytes"), "bad \ufffd <mark>bytes</mark>"},
		{"nothing", folded("foo"), "nothing"},
		{"", folded("foo"), ""},
	} {
		m := findIn(c.text, c.words)
		if got := m.html(); got != c.want {
			t.Errorf("%q %q: %s, want %s", c.text, c.words, got, c.want)
		}
	}
}

func TestPreview(t *testing.T) {
	long := strings.Repeat("some words before ", 100) + "the needle & <more> " + strings.Repeat("some words behind ", 100)
	m := findIn(long, folded("needle", "words"))
	if got := m.preview(); !strings.HasPrefix(got, "some <mark>words</mark> before ") || !strings.HasSuffix(got, "...") || len(got) > 255 {
		t.Errorf("%d: %s", len(got), got)
	}
	m = findIn(long, folded("needle"))
	if got := m.preview(); !strings.Contains(got, "the <mark>needle</mark> &amp; &lt;more&gt; some words") || !strings.HasPrefix(got, "...") || !strings.HasSuffix(got, "...") || len(got) > 255 {
		t.Errorf("%d: %s", len(got), got)
	}
	m = findIn("just a needle", folded("needle"))
	if got := m.preview(); got != "just a <mark>needle</mark>" {
		t.Error(got)
	}
}

// Whatever the text and the words, a preview is text in UTF-8 with balanced marks, is not too long, and says what the text says.
func FuzzPreview(f *testing.F) {
	f.Add("The Foosball <competition> is & will be", "foo")
	f.Add(strings.Repeat("é日&<", 200), "日&")
	f.Add(strings.Repeat("x", 300)+"ﬁ", "f")
	f.Fuzz(func(t *testing.T, text, word string) {
		w := casemap.Fold(oneLine(word))
		if w == "" {
			return
		}
		m := findIn(text, []string{w})
		if len(m.spots) == 0 {
			if strings.Contains(casemap.Fold(m.text), w) {
				t.Fatalf("%q was not found in %q", word, text)
			}
			return
		}
		for _, got := range []string{m.preview(), m.html()} {
			if !utf8.ValidString(got) && utf8.ValidString(word) || strings.Count(got, markBegin) != strings.Count(got, markEnd) {
				t.Fatalf("%q", got)
			}
		}
		got := m.preview()
		plain := html.UnescapeString(strings.NewReplacer(markBegin, "", markEnd, "").Replace(got))
		if plain = strings.TrimSuffix(strings.TrimPrefix(plain, cut), cut); len(got) > maxPreview || !strings.Contains(m.text, strings.Trim(plain, ".")) {
			t.Fatalf("%d: %q of %q", len(got), got, m.text)
		}
	})
}
