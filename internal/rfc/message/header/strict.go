package header

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/message/charset"
)

// DecodeText decodes the encoded words of an unfolded value where RFC 2047 5 lets them stand, and no others: each by
// itself between white space, and of a charset that is known. What is no word stays, as RFC 8621 4.1.2.2 demands; DecodeWords
// is for readers. Words of one charset next to each other are decoded as one, since many programs split a character between
// them. Control characters from inside of a word are left out. The result is valid UTF-8.
func DecodeText(s string) string {
	if !strings.Contains(s, "=?") {
		return charset.Decode("", []byte(s))
	}
	var out strings.Builder
	out.Grow(len(s))
	var pending encodedWord
	plain := 0 // start of the text that is neither written nor in pending
	flush := func() {
		if pending.charset != "" {
			out.WriteString(withoutControls(charset.Decode(pending.charset, pending.data)))
		}
		pending = encodedWord{}
	}
	for start, end := range atoms(s) {
		word, ok := wholeWord(s[start:end])
		if !ok {
			flush()
			continue
		}
		// RFC 2047 6.2: white space between two words is not shown. Other text has ended the pending word.
		if pending.charset == "" {
			out.WriteString(charset.Decode("", []byte(s[plain:start])))
		}
		if strings.EqualFold(pending.charset, word.charset) {
			pending.data = append(pending.data, word.data...)
		} else {
			flush()
			pending = word
		}
		plain = end
	}
	flush()
	out.WriteString(charset.Decode("", []byte(s[plain:])))
	return out.String()
}

// atoms yields where runs of characters other than white space begin and end.
func atoms(s string) func(yield func(int, int) bool) {
	return func(yield func(int, int) bool) {
		for pos := 0; pos < len(s); {
			if isSpace(s[pos]) {
				pos++
				continue
			}
			start := pos
			for pos < len(s) && !isSpace(s[pos]) {
				pos++
			}
			if !yield(start, pos) {
				return
			}
		}
	}
}

// wholeWord reads an atom that is an encoded word and nothing else.
func wholeWord(atom string) (encodedWord, bool) {
	if !strings.HasPrefix(atom, "=?") || !strings.HasSuffix(atom, "?=") {
		return encodedWord{}, false
	}
	w, end, ok, _ := parseWord(atom, 0)
	if !ok || end != len(atom) || !charset.Known(w.charset) {
		return encodedWord{}, false
	}
	return w, true
}

func withoutControls(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}
