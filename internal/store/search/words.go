package search

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
)

// maxTerms is how many terms of a Words key count.
const maxTerms = 20

// terms takes apart what somebody typed. A term is a word or, from double quotes, words with one space between; in the form
// for comparing, without marks. Scripts that write no spaces are taken by two characters, which need not be neighbours.
func terms(typed string) (list []string) {
	folded := string(withoutMarks(nil, []byte(casemap.Fold(typed))))
	for i, part := range strings.Split(folded, `"`) {
		words := strings.FieldsFunc(part, func(r rune) bool { return !inWord(r) })
		if i%2 == 1 && len(words) > 0 {
			list = append(list, strings.Join(words, " "))
			continue
		}
		for _, word := range words {
			list = append(list, pairs(word)...)
		}
	}
	return list[:min(len(list), maxTerms)]
}

// pairs cuts a word at the edges of scripts without spaces, and text in such a script into neighbouring characters.
func pairs(word string) (list []string) {
	runes := []rune(word)
	for len(runes) > 0 {
		n := 1
		for n < len(runes) && unspaced(runes[n]) == unspaced(runes[0]) {
			n++
		}
		run := runes[:n]
		runes = runes[n:]
		if !unspaced(run[0]) || len(run) < 3 {
			list = append(list, string(run))
			continue
		}
		for i := range len(run) - 1 {
			list = append(list, string(run[i:i+2]))
		}
	}
	return list
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) }

// unspaced are the characters of scripts that put no spaces between words.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// wordFields are the header fields of a Words key.
var wordFields = map[Field]string{Subject: "SUBJECT: ", From: "FROM: ", To: "TO: ", Cc: "CC: ", Bcc: "BCC: "}

func newTerm(in Field, term string) content {
	first, _, _ := strings.Cut(term, " ")
	return content{body: in == Body, field: wordFields[in], words: true, text: term, rare: rarest(first)}
}

// passes is mayHold for what a content looks for.
func (c *content) passes(g grams) bool {
	if !c.words {
		return g.mayHold(c.text)
	}
	for word := range strings.SplitSeq(c.text, " ") {
		if !g.mayHold(word) {
			return false
		}
	}
	return true
}

// Weights: a word that is only the beginning of one counts less, one in the header more.
const (
	wholeWord  = 2
	partOfWord = 1
	inHeader   = 3
)

// weight says how often a text without marks has a term, as its weights add up.
func (k *kept) weight(c *content) (sum int) {
	switch {
	case c.field != "":
		for line := range bytes.Lines(k.text[:k.parts]) {
			if value, is := bytes.CutPrefix(line, []byte(c.field)); is {
				sum += c.count(value)
			}
		}
		return sum
	case c.body:
		return c.count(k.text[k.body:])
	}
	return inHeader*c.count(k.text[:k.parts]) + c.count(k.text[k.parts:])
}

func (c *content) count(text []byte) (sum int) {
	first, rest, _ := strings.Cut(c.text, " ")
	begin, _ := utf8.DecodeRuneInString(first)
	for at := 0; ; {
		i := find(text[at:], first, c.rare)
		if i < 0 {
			return sum
		}
		if at += i; unspaced(begin) || !wordBefore(text[:at]) {
			sum += follows(text[at+len(first):], rest)
		}
		at += len(first)
	}
}

// follows weighs a term that began before text, of which rest is still to come.
func follows(text []byte, rest string) int {
	if rest == "" {
		if wordAfter(text) {
			return partOfWord
		}
		return wholeWord
	}
	if wordAfter(text) {
		return 0
	}
	word, rest, _ := strings.Cut(rest, " ")
	text, is := bytes.CutPrefix(afterGap(text), []byte(word))
	if !is {
		return 0
	}
	return follows(text, rest)
}

// maxGap is how many bytes may stand between words that stand next to each other.
const maxGap = 16

func afterGap(text []byte) []byte {
	for n := 0; n < maxGap && n < len(text); {
		r, size := utf8.DecodeRune(text[n:])
		if inWord(r) {
			return text[n:]
		}
		n += size
	}
	return nil
}

func wordBefore(text []byte) bool {
	r, _ := utf8.DecodeLastRune(text)
	return inWord(r) && !unspaced(r)
}

func wordAfter(text []byte) bool {
	r, _ := utf8.DecodeRune(text)
	return inWord(r) && !unspaced(r)
}

// unmarked is what is kept, without marks.
func (k *kept) unmarked() *kept {
	if bytes.IndexByte(k.text, 0xcc) < 0 && bytes.IndexByte(k.text, 0xcd) < 0 {
		return k
	}
	out := kept{text: make([]byte, 0, len(k.text)), open: k.open}
	out.text = withoutMarks(out.text, k.text[:k.parts])
	out.parts = len(out.text)
	out.text = withoutMarks(out.text, k.text[k.parts:k.body])
	out.body = len(out.text)
	out.text = withoutMarks(out.text, k.text[k.body:])
	return &out
}

// withoutMarks appends text without the marks that filters leave out.
func withoutMarks(dst, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		if isMark(text, i) {
			i++
			continue
		}
		dst = append(dst, text[i])
	}
	return dst
}
