package queries

import (
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
)

// marked is a text in which words have been found.
type marked struct {
	text  string // white space is one space
	spots []spot // in order, apart from each other
}

// spot is where one begins and ends, in octets of the text.
type spot struct{ from, to int }

// findIn finds words, which are in their form for comparing, in a text. It compares as the search does, character by character.
func findIn(text string, words []string) marked {
	m := marked{text: oneLine(strings.ToValidUTF8(text, "\ufffd"))}
	folded := casemap.Fold(m.text)
	if !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(folded, w) }) {
		return m
	}
	forms, at := foldWithOffsets(m.text)
	for _, w := range words {
		for i := 0; ; {
			n := strings.Index(forms[i:], w)
			if n < 0 {
				break
			}
			i += n + len(w)
			m.spots = append(m.spots, spot{at[i-len(w)], endOf(at, i)})
		}
	}
	m.spots = apart(m.spots)
	return m
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// endOf is where in the text that ends which ends before an octet of the form: where a character has more octets there, behind it.
func endOf(at []int, i int) int {
	for i < len(at)-1 && at[i] == at[i-1] {
		i++
	}
	return at[i]
}

// foldWithOffsets is casemap.Fold, and says of each octet of the form, and of its end, where in the text the character begins that it
// comes from.
func foldWithOffsets(text string) (string, []int) {
	forms := make([]byte, 0, len(text))
	at := make([]int, 0, len(text)+1)
	for i, r := range text {
		forms = casemap.Append(forms, []byte(text[i:i+utf8.RuneLen(r)]))
		for len(at) < len(forms) {
			at = append(at, i)
		}
	}
	return string(forms), append(at, len(text))
}

// apart puts spots in order, and makes one of those that overlap or touch.
func apart(spots []spot) (out []spot) {
	slices.SortFunc(spots, func(a, b spot) int { return a.from - b.from })
	for _, s := range spots {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}

const (
	markBegin, markEnd, cut = "<mark>", "</mark>", "..."

	maxPreview = 255 // octets (RFC 8621 5)
	before     = 50  // of the text before the first word
)

// html is the whole text, escaped, with its words in <mark>.
func (m *marked) html() string {
	var b strings.Builder
	at := 0
	for _, s := range m.spots {
		b.WriteString(html.EscapeString(m.text[at:s.from]) + markBegin + html.EscapeString(m.text[s.from:s.to]) + markEnd)
		at = s.to
	}
	b.WriteString(html.EscapeString(m.text[at:]))
	return b.String()
}

// preview is html of the text around the first word, in maxPreview octets.
func (m *marked) preview() string {
	from := m.begin()
	var b strings.Builder
	if from > 0 {
		b.WriteString(cut)
	}
	inside := 0 // octets that close a word which is open
	spots := m.spots
	for i, r := range m.text[from:] {
		i += from
		if inside > 0 && i >= spots[0].to {
			b.WriteString(markEnd)
			inside, spots = 0, spots[1:]
		}
		text := html.EscapeString(m.text[i : i+utf8.RuneLen(r)])
		need := len(text)
		opens := inside == 0 && len(spots) > 0 && i == spots[0].from
		if opens {
			need += len(markBegin) + len(markEnd)
		}
		if b.Len()+need+inside+len(cut) > maxPreview {
			if inside > 0 {
				b.WriteString(markEnd)
			}
			return b.String() + cut
		}
		if opens {
			b.WriteString(markBegin)
			inside = len(markEnd)
		}
		b.WriteString(text)
	}
	if inside > 0 {
		b.WriteString(markEnd)
	}
	return b.String()
}

// begin is where a preview begins: at a word not far before the first one that was found.
func (m *marked) begin() int {
	first := m.spots[0].from
	if first <= before {
		return 0
	}
	from := first - before
	for !utf8.RuneStart(m.text[from]) {
		from++
	}
	if space := strings.IndexFunc(m.text[from:first], unicode.IsSpace); space >= 0 {
		from += space + 1
	}
	return from
}
