package header

// lexer walks over a structured field value. A comment or quoted string that never ends is remembered as such, so that
// a value full of open parentheses is not searched again from each of them.
type lexer struct {
	s           string
	pos         int
	openComment bool // a "(" without its ")" was met: from there on "(" is an ordinary character
	openQuote   bool
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func (l *lexer) done() bool { return l.pos >= len(l.s) }

// skipSpace skips white space and comments (CFWS) and returns the text of the last comment.
func (l *lexer) skipSpace() (comment string) {
	for !l.done() {
		switch c := l.s[l.pos]; {
		case isSpace(c):
			l.pos++
		case c == '(':
			text, ok := l.comment()
			if !ok {
				return comment
			}
			comment = text
		default:
			return comment
		}
	}
	return comment
}

// comment reads a comment, nested ones included, and returns its text without the outer parentheses.
func (l *lexer) comment() (string, bool) {
	if l.openComment || l.done() || l.s[l.pos] != '(' {
		return "", false
	}
	depth, escaped := 0, false
	for i := l.pos; i < len(l.s); i++ {
		switch c := l.s[i]; {
		case c == '\\' && i+1 < len(l.s):
			escaped = true
			i++
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				text := l.s[l.pos+1 : i]
				l.pos = i + 1
				if escaped {
					text = unescape(text)
				}
				return text, true
			}
		}
	}
	l.openComment = true
	return "", false
}

// quoted reads a quoted string and returns its text.
func (l *lexer) quoted() (string, bool) {
	if l.openQuote || l.done() || l.s[l.pos] != '"' {
		return "", false
	}
	escaped := false
	for i := l.pos + 1; i < len(l.s); i++ {
		switch l.s[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			text := l.s[l.pos+1 : i]
			l.pos = i + 1
			if escaped {
				text = unescape(text)
			}
			return text, true
		}
	}
	l.openQuote = true
	return "", false
}

func unescape(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		out = append(out, s[i])
	}
	return string(out)
}
