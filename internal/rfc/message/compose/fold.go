package compose

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// folder writes the value of a field in lines.
type folder struct {
	name string
	out  strings.Builder
	line int // length of the line so far
}

func newFolder(name string) *folder { return &folder{name: name, line: len(name) + 1} }

func (f *folder) field() Field { return Field{f.name, f.out.String()} }

// put writes white space and what follows it, on a line of its own where the line has no room. The first word stays with the name.
func (f *folder) put(space, word string) {
	if f.out.Len() > 0 && f.line+len(space)+len(word) > softLine+2 {
		f.out.WriteString("\r\n")
		f.line = 0
	}
	f.out.WriteString(space)
	f.out.WriteString(word)
	f.line += len(space) + len(word)
}

// word writes one word that may not be cut.
func (f *folder) word(w string) { f.put(" ", w) }

// room is how long an encoded word may be that comes next.
func (f *folder) room() int {
	if room := softLine - f.line - 1; room >= 40 || f.out.Len() == 0 && room >= 20 {
		return room
	}
	return softLine - 1
}

var wide = strings.Repeat(" ", softLine)

// text writes unstructured text: words that can stand as they are, and runs of others as encoded words (RFC 2047 5).
func (f *folder) text(s string) {
	if strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") || strings.Contains(s, wide) {
		f.encoded(s) // a reader takes white space at the ends away, and lines are folded before it only
		return
	}
	space := " "
	for s != "" {
		word, rest := cutWord(s)
		if plain(word) {
			f.put(space, word)
		} else {
			// White space between encoded words is not shown (RFC 2047 6.2), so a run has it inside.
			for rest != "" {
				gap := leadingSpace(rest)
				next, after := cutWord(rest[len(gap):])
				if plain(next) {
					break
				}
				word += gap + next
				rest = after
			}
			f.encodedAfter(space, word)
		}
		space = leadingSpace(rest)
		s = rest[len(space):]
	}
}

// cutWord cuts at the first space, which stays with the rest.
func cutWord(s string) (word, rest string) {
	if at := strings.IndexByte(s, ' '); at >= 0 {
		return s[:at], s[at:]
	}
	return s, ""
}

func leadingSpace(s string) string { return s[:len(s)-len(strings.TrimLeft(s, " "))] }

// maxPlain is how long a word may be that is not encoded: longer ones could not be folded.
const maxPlain = 500

// plain reports whether a word can stand in a field as it is: what looks like an encoded word cannot.
func plain(word string) bool {
	return len(word) <= maxPlain && !strings.Contains(word, "=?") && isASCII(word)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (f *folder) encoded(s string) { f.encodedAfter(" ", s) }

// encodedAfter writes text as encoded words of at most 75 characters, each of whole characters.
func (f *folder) encodedAfter(space, s string) {
	q := readableAsQ(s)
	for first := true; s != "" || first; first = false {
		room := min(f.room(), 75) - len("=?utf-8?q??=")
		n := 0
		for used := 0; n < len(s); {
			_, size := utf8.DecodeRuneInString(s[n:])
			cost := size
			if q {
				cost = lengthAsQ(s[n : n+size])
			}
			if used += cost; q && used > room || !q && (used+2)/3*4 > room {
				break
			}
			n += size
		}
		if n == 0 && s != "" { // a line that is nearly full: the next one has room
			_, n = utf8.DecodeRuneInString(s)
		}
		f.put(space, encodedWord(s[:n], q))
		s, space = s[n:], " "
	}
}

func encodedWord(s string, q bool) string {
	if !q {
		return "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.WriteString("=?utf-8?q?")
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			b.WriteByte('_')
		case safeInWord(c):
			b.WriteByte(c)
		default:
			b.Write([]byte{'=', hex[c>>4], hex[c&15]})
		}
	}
	b.WriteString("?=")
	return b.String()
}

// safeInWord are the characters that RFC 2047 5 (3) allows everywhere, a phrase included.
func safeInWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!*+-/", c) >= 0
}

func lengthAsQ(s string) (n int) {
	for i := range len(s) {
		if n++; s[i] != ' ' && !safeInWord(s[i]) {
			n += 2
		}
	}
	return n
}

// readableAsQ chooses the encoding that people can read, unless it is much the longer one.
func readableAsQ(s string) bool { return 2*lengthAsQ(s) <= (len(s)+2)/3*4*3 }
