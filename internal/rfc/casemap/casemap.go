// Package casemap is the collation i;unicode-casemap (RFC 5051): what makes two spellings of a string the same when people
// search and sort. RFC 5255 4.2 asks it of an IMAP server that says I18NLEVEL=1.
//
// Fold gives a string's form for comparing. It maps character by character, without looking at neighbours, and that is
// what the rest stands on: the form of a text is the forms of its pieces joined, so a string is contained in another
// exactly when its form is contained in the other's form.
//
// A character becomes its titlecase, then its decomposition in UnicodeData.txt, compatibility decompositions included, and
// so on until nothing changes: "é" is "E" and U+0301, "ﬁ" is "FI", "Ａ" is "A". Hangul syllables have no decomposition
// there (it is arithmetic) and stay; neither does "ß" become "SS". Bytes that are no UTF-8 stay as they are.
package casemap

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold returns the form of s.
func Fold(s string) string { return string(Append(make([]byte, 0, len(s)), []byte(s))) }

// Append appends the form of src to dst. The form of a text that is given in pieces is the same as long as no piece ends
// within a character.
func Append(dst, src []byte) []byte {
	for len(src) > 0 {
		n := ascii(src)
		at := len(dst)
		dst = append(dst, src[:n]...)
		for i, c := range dst[at:] {
			dst[at+i] = upper[c]
		}
		src = src[n:]
		for len(src) > 0 && src[0] >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(src)
			dst = appendRune(dst, r, src[:size])
			src = src[size:]
		}
	}
	return dst
}

// ascii is the length of the ASCII that b begins with.
func ascii(b []byte) int {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}

var upper = func() (t [utf8.RuneSelf]byte) {
	for i := range t {
		t[i] = byte(unicode.ToTitle(rune(i)))
	}
	return t
}()

// appendRune appends the form of r, of which raw are the bytes.
func appendRune(dst []byte, r rune, raw []byte) []byte {
	switch {
	case r < tableSize:
		return append(dst, table()[r]...)
	case r >= 0x3400 && r < 0xa000 || r >= 0xac00 && r < 0xd7a4 || r == utf8.RuneError: // ideographs, Hangul
		return append(dst, raw...)
	}
	return append(dst, form(r)...)
}

// tableSize: the alphabets, and the kana.
const tableSize = 0x3100

var table = sync.OnceValue(func() *[tableSize]string {
	var t [tableSize]string
	for r := range t {
		t[r] = form(rune(r))
	}
	return &t
})

// form is what RFC 5051 2 step (b) makes of one character.
func form(r rune) string {
	title := unicode.ToTitle(r)
	decomposed := norm.NFKD.PropertiesString(string(title)).Decomposition()
	if len(decomposed) == 0 || title >= 0xac00 && title < 0xd7a4 {
		return string(title)
	}
	var out []byte
	for _, part := range string(decomposed) {
		if part == title {
			out = utf8.AppendRune(out, part)
			continue
		}
		out = append(out, form(part)...)
	}
	return string(out)
}
