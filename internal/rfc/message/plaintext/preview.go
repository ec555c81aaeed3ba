package plaintext

import (
	"bufio"
	"io"
	"strings"
	"unicode"
)

// Preview reads the first limit characters of a plain text as one line: white space collapsed, control and invisible
// characters left out and, if skipQuoted is set, lines that begin with ">" passed over. It reads no more than it needs.
func Preview(r io.Reader, limit int, skipQuoted bool) string {
	var b strings.Builder
	src := bufio.NewReaderSize(r, 1024)
	count, space, lineStart, quoted := 0, false, true, false
	for {
		c, _, err := src.ReadRune()
		if err != nil {
			return b.String()
		}
		if lineStart {
			quoted = skipQuoted && c == '>'
		}
		lineStart = c == '\n'
		switch {
		case unicode.IsSpace(c):
			space = true
			continue
		case quoted || invisible(c) || joiner(c) && (space || count == 0):
			continue
		}
		if space && count > 0 {
			if count+1 >= limit {
				return b.String()
			}
			b.WriteByte(' ')
			count++
		}
		space = false
		if count >= limit {
			return b.String()
		}
		b.WriteRune(c)
		count++
	}
}

// invisible are control characters and those with which senders pad the text a list shows.
func invisible(c rune) bool {
	switch c {
	case 0xad, 0x34f, 0x61c, 0x200b, 0x200e, 0x200f, 0x2060, 0xfeff, 0xfffd:
		return true
	}
	return unicode.IsControl(c) || 0x202a <= c && c <= 0x202e || 0x2066 <= c && c <= 0x2069
}

// joiner are the zero width joiner and non-joiner: part of words and emoji, padding where no character is before them.
func joiner(c rune) bool { return c == 0x200c || c == 0x200d }
