package imap

import "strings"

// Pattern is a mailbox name with wildcards: "*" stands for anything, "%" for anything without the hierarchy delimiter
// (RFC 9051 6.3.9). Matching takes at most len(pattern) x len(name) steps, whatever the pattern.
type Pattern struct {
	text      string // wildcards in a row are one: "*" if any of them was
	prefix    int    // octets before the first wildcard
	delimiter byte
}

// NewPattern makes the pattern that a reference and a mailbox argument of LIST mean together. A delimiter of 0 means a
// flat hierarchy.
func NewPattern(reference, pattern string, delimiter byte) Pattern {
	text := collapseWildcards(reference + pattern)
	prefix := strings.IndexAny(text, "*%")
	if prefix < 0 {
		prefix = len(text)
	}
	return Pattern{text, prefix, delimiter}
}

func collapseWildcards(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if last := len(b) - 1; isWildcard(s[i]) && last >= 0 && isWildcard(b[last]) {
			if s[i] == '*' {
				b[last] = '*'
			}
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

func isWildcard(c byte) bool { return c == '*' || c == '%' }

// Match reports whether the pattern matches a mailbox name in UTF-8. INBOX, alone or as the first level of a name, is
// compared without case.
func (p Pattern) Match(name string) bool {
	fold := 0
	if strings.HasPrefix(name, Inbox) && (len(name) == len(Inbox) || name[len(Inbox)] == p.delimiter) {
		fold = len(Inbox)
	}
	if len(name) < p.prefix {
		return false
	}
	for i := range p.prefix {
		if !sameOctet(p.text[i], name[i], i < fold) {
			return false
		}
	}
	switch rest := name[p.prefix:]; p.text[p.prefix:] {
	case "":
		return rest == ""
	case "*":
		return true
	case "%":
		return p.delimiter == 0 || strings.IndexByte(rest, p.delimiter) < 0
	}
	return p.matchFrom(name, p.prefix, fold)
}

// matchFrom runs the pattern as a nondeterministic automaton: active[j] says that text[:j] can match what was read.
func (p Pattern) matchFrom(name string, from, fold int) bool {
	active := make([]bool, len(p.text)+1)
	next := make([]bool, len(p.text)+1)
	active[from] = true
	p.skipWildcards(active)
	for i := from; i < len(name); i++ {
		clear(next)
		alive := false
		for j := from; j < len(p.text); j++ {
			if !active[j] {
				continue
			}
			switch c := p.text[j]; {
			case c == '*' || c == '%' && name[i] != p.delimiter:
				next[j], alive = true, true
			case c != '%' && sameOctet(c, name[i], i < fold):
				next[j+1], alive = true, true
			}
		}
		if !alive {
			return false
		}
		p.skipWildcards(next)
		active, next = next, active
	}
	return active[len(p.text)]
}

// skipWildcards adds the positions reached by letting a wildcard stand for nothing.
func (p Pattern) skipWildcards(active []bool) {
	for j := range len(p.text) {
		if active[j] && isWildcard(p.text[j]) {
			active[j+1] = true
		}
	}
}

func sameOctet(a, b byte, fold bool) bool { return a == b || fold && upper(a) == upper(b) }

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}
