package header

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/message/charset"
)

// Param is one parameter of a MIME field. Continuations (RFC 2231 3) are joined. An extended value (RFC 2231 4) keeps
// its form: Name ends in "*" and Value is charset'language'percent-encoded, as IMAP's BODYSTRUCTURE shows it.
type Param struct{ Name, Value string }

// Params are the parameters of a field in order, names in lower case, each name once.
type Params []Param

// MaxParams is the largest number of parameters read from one field, continuations counted one by one.
const MaxParams = 100

// Get returns the decoded value of a parameter: RFC 2231 first, then plain, in which encoded words (forbidden by
// RFC 2047 5 but common) and raw 8-bit are decoded too. It is one line, as DecodeWords'. A missing one is "".
func (p Params) Get(name string) string {
	plain := ""
	for _, param := range p {
		switch {
		case len(param.Name) == len(name)+1 && param.Name[len(name)] == '*' && strings.EqualFold(param.Name[:len(name)], name):
			return decodeExtended(param.Value)
		case strings.EqualFold(param.Name, name) && plain == "":
			plain = DecodeWords(param.Value)
		}
	}
	return plain
}

// Raw returns the value of a parameter as written in quotes or without, "" if there is none: for boundary and charset.
func (p Params) Raw(name string) string {
	for _, param := range p {
		if strings.EqualFold(param.Name, name) {
			return param.Value
		}
	}
	return p.Get(name)
}

// Decoded returns the parameters with all extended values decoded to UTF-8 and named without the "*", as RFC 9051 7.5.2
// asks a server to show them. A plain value beside an extended one of the same name is left out (RFC 6266 4.3).
func (p Params) Decoded() Params {
	isExtended := func(q Param) bool { return strings.HasSuffix(q.Name, "*") }
	if !slices.ContainsFunc(p, isExtended) {
		return p
	}
	out := make(Params, 0, len(p))
	for _, q := range p {
		switch {
		case isExtended(q):
			out = append(out, Param{strings.TrimSuffix(q.Name, "*"), decodeExtended(q.Value)})
		case !slices.ContainsFunc(p, func(o Param) bool { return o.Name == q.Name+"*" }):
			out = append(out, q)
		}
	}
	return out
}

func decodeExtended(s string) string {
	label, rest, ok := strings.Cut(s, "'")
	if ok {
		if _, text, ok := strings.Cut(rest, "'"); ok {
			return oneLine(charset.Decode(label, percentDecode(text)))
		}
	}
	return oneLine(charset.Decode("", percentDecode(s)))
}

func percentDecode(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return out
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// ParseMediaType reads an unfolded Content-Type (RFC 2045 5.1), type and subtype in lower case. ok is false when there
// is no type "/" subtype; "text" alone, as RFC 1049 mail has it, is text/plain.
func ParseMediaType(s string) (mainType, subtype string, params Params, ok bool) {
	l := lexer{s: s}
	l.skipSpace()
	mainType = l.token()
	l.skipSpace()
	if !l.done() && l.s[l.pos] == '/' {
		l.pos++
		l.skipSpace()
		subtype = l.token()
	} else if mainType == "text" {
		subtype = "plain"
	}
	if mainType == "" || subtype == "" {
		return "", "", nil, false
	}
	return mainType, subtype, l.params(), true
}

// ParseDisposition reads an unfolded Content-Disposition (RFC 2183), the value in lower case, "" if it has none.
func ParseDisposition(s string) (value string, params Params) {
	l := lexer{s: s}
	l.skipSpace()
	if value = l.token(); value == "" {
		return "", nil
	}
	return value, l.params()
}

// ParseToken returns the first MIME token of an unfolded field in lower case: for Content-Transfer-Encoding.
func ParseToken(s string) string {
	l := lexer{s: s}
	l.skipSpace()
	return l.token()
}

// ParseLanguages reads an unfolded Content-Language (RFC 3282), at most MaxParams tags.
func ParseLanguages(s string) []string {
	l := lexer{s: s}
	var tags []string
	for !l.done() && len(tags) < MaxParams {
		l.skipSpace()
		start := l.pos
		if tag := l.token(); tag != "" {
			tags = append(tags, s[start:l.pos])
		} else {
			l.pos++
		}
	}
	return tags
}

// token reads an RFC 2045 token, in lower case.
func (l *lexer) token() string {
	start := l.pos
	for !l.done() && isToken(l.s[l.pos]) {
		l.pos++
	}
	return strings.ToLower(l.s[start:l.pos])
}

func isToken(c byte) bool {
	if c <= ' ' || c >= 0x7f {
		return false
	}
	return strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

// params reads *(";" attribute "=" value) to the end. Missing semicolons and values are forgiven.
func (l *lexer) params() Params {
	var list Params
	for n := 0; !l.done() && n < MaxParams; {
		l.skipSpace()
		if l.done() {
			break
		}
		if l.s[l.pos] == ';' {
			l.pos++
			continue
		}
		name := l.token()
		l.skipSpace()
		if name == "" || l.done() || l.s[l.pos] != '=' {
			if name == "" && !l.done() {
				l.pos++ // nothing that a parameter could begin with
			}
			continue
		}
		l.pos++
		list = append(list, Param{name, l.value()})
		n++
	}
	return joinContinuations(list)
}

// value reads a parameter value. One without quotes ends, against RFC 2045, only at a semicolon or a comment, since
// file names with spaces are often left unquoted.
func (l *lexer) value() string {
	l.skipSpace()
	if !l.done() && l.s[l.pos] == '"' {
		if text, ok := l.quoted(); ok {
			return text
		}
		l.pos++ // the closing quote is missing
	}
	start := l.pos
	for !l.done() && l.s[l.pos] != ';' {
		if l.s[l.pos] == '(' && l.pos > start && isSpace(l.s[l.pos-1]) {
			break
		}
		l.pos++
	}
	return strings.Trim(l.s[start:l.pos], " \t")
}

// section is one piece "name*number*" of a continued parameter.
type section struct {
	name     string
	number   int
	extended bool
	value    string
}

// joinContinuations joins RFC 2231 continuations and drops repeated names, keeping the first.
func joinContinuations(list Params) Params {
	var sections []section
	out := list[:0]
	for _, p := range list {
		if s, ok := splitSection(p); ok {
			sections = append(sections, s)
			continue
		}
		if !slices.ContainsFunc(out, func(o Param) bool { return o.Name == p.Name }) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(sections, func(a, b section) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return a.number - b.number
	})
	for len(sections) > 0 {
		n := 1
		for n < len(sections) && sections[n].name == sections[0].name {
			n++
		}
		p := joinSections(sections[:n])
		if !slices.ContainsFunc(out, func(o Param) bool { return o.Name == p.Name }) {
			out = append(out, p)
		}
		sections = sections[n:]
	}
	return out
}

// splitSection reads "name*2" and "name*2*".
func splitSection(p Param) (section, bool) {
	name, number, ok := strings.Cut(p.Name, "*")
	if !ok || number == "" || name == "" {
		return section{}, false
	}
	s := section{name: name, value: p.Value}
	number, s.extended = strings.CutSuffix(number, "*")
	if number == "" || len(number) > 4 {
		return section{}, false
	}
	for _, c := range []byte(number) {
		if c < '0' || c > '9' {
			return section{}, false
		}
		s.number = s.number*10 + int(c-'0')
	}
	return s, true
}

// joinSections makes one parameter of sorted pieces. A piece that repeats a number is dropped; a gap is passed over.
// With any extended piece the whole becomes extended, and the plain pieces are percent-encoded to keep their text.
func joinSections(sections []section) Param {
	extended := slices.ContainsFunc(sections, func(s section) bool { return s.extended })
	var b strings.Builder
	if extended && !sections[0].extended {
		b.WriteString("''")
	}
	for i, s := range sections {
		switch {
		case i > 0 && s.number == sections[i-1].number:
		case extended && !s.extended:
			percentEncode(&b, s.value)
		default:
			b.WriteString(s.value)
		}
	}
	if extended {
		return Param{sections[0].name + "*", b.String()}
	}
	return Param{sections[0].name, b.String()}
}

func percentEncode(b *strings.Builder, s string) {
	const hex = "0123456789ABCDEF"
	for _, c := range []byte(s) {
		if isToken(c) && c != '*' && c != '\'' && c != '%' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
}
