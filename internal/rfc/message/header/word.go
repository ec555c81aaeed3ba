package header

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/message/charset"
	"github.com/mailmesh/mailmesh/internal/rfc/message/transfer"
)

// DecodeWords decodes the encoded words (RFC 2047) of an unfolded value and returns valid UTF-8. Text outside of them is
// UTF-8 (RFC 6532) or, where that is not valid, Windows-1252. Control characters from inside of a word become spaces,
// so that what was one line stays one line.
//
// It decodes more than RFC 2047 allows, as readers expect: words inside other text or quotes, words with spaces, and
// neighbouring words of one charset as one, since many programs split a character between them.
func DecodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return charset.Decode("", []byte(s))
	}
	var out strings.Builder
	out.Grow(len(s))
	var pending encodedWord // the words read but not yet written; none if its charset is ""
	flush := func() {
		if pending.charset != "" {
			out.WriteString(oneLine(charset.Decode(pending.charset, pending.data)))
		}
		pending = encodedWord{}
	}
	plain := 0 // start of the text not yet written
	for pos := 0; ; {
		next := strings.Index(s[pos:], "=?")
		if next < 0 {
			break
		}
		start := pos + next
		word, end, ok, last := parseWord(s, start)
		if last {
			break
		}
		if !ok {
			pos = start + 2
			continue
		}
		// RFC 2047 6.2: white space between two encoded words is not shown.
		if between := s[plain:start]; pending.charset == "" || strings.Trim(between, " \t") != "" {
			flush()
			out.WriteString(charset.Decode("", []byte(between)))
		}
		if strings.EqualFold(pending.charset, word.charset) {
			pending.data = append(pending.data, word.data...)
		} else {
			flush()
			pending = word
		}
		pos, plain = end, end
	}
	flush()
	out.WriteString(charset.Decode("", []byte(s[plain:])))
	return out.String()
}

type encodedWord struct {
	charset string
	data    []byte
}

// parseWord reads "=?charset?encoding?text?=" at start. last says that no word can follow: nothing ends one.
func parseWord(s string, start int) (w encodedWord, end int, ok, last bool) {
	rest := s[start+2:]
	q := strings.IndexByte(rest[:min(len(rest), 80)], '?')
	if q <= 0 || q+2 >= len(rest) || rest[q+2] != '?' || strings.ContainsAny(rest[:q], " \t=()<>@,;:\"[]") {
		return w, 0, false, false
	}
	encoding := rest[q+1] | 0x20
	if encoding != 'q' && encoding != 'b' {
		return w, 0, false, false
	}
	body := q + 3
	length := strings.Index(rest[body:], "?=")
	if length < 0 {
		return w, 0, false, true
	}
	text := rest[body : body+length]
	w.charset, _, _ = strings.Cut(rest[:q], "*") // RFC 2231 5: a language may follow
	if w.charset == "" {
		w.charset = "us-ascii"
	}
	if encoding == 'b' {
		w.data = transfer.Base64(text)
	} else {
		w.data = decodeQ(text)
	}
	return w, start + 2 + body + length + 2, true, false
}

// decodeQ is RFC 2047 4.2, letting what is no valid escape stand.
func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			out = append(out, ' ')
		case s[i] == '=' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			out = append(out, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out
}

// oneLine makes spaces of control characters.
func oneLine(s string) string {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if strings.IndexFunc(s, control) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if control(r) {
			return ' '
		}
		return r
	}, s)
}
