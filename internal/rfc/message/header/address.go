package header

import "strings"

// AddressKind tells a mailbox from the marks around a group.
type AddressKind uint8

const (
	Mailbox    AddressKind = iota // Name, Route, Local and Domain are its parts
	GroupStart                    // Name is the group's display name; the members follow
	GroupEnd
)

// Address is one element of an address list (RFC 5322 3.4). A group is flattened into GroupStart, its members and
// GroupEnd, as IMAP's ENVELOPE has it.
//
// The text is that of the header with quotes and escapes removed: encoded words are not decoded, raw 8-bit stays.
// A mailbox of a broken header may lack its Domain ("To: root") or all but its Name ("From: Nobody <>").
type Address struct {
	Name   string
	Route  string // obs-route without its colon: "@a.example,@b.example"
	Local  string
	Domain string
	Kind   AddressKind
}

// Spec is the addr-spec in the form users know, without quoting: "local@domain", or what there is of it.
func (a Address) Spec() string {
	if a.Domain == "" {
		return a.Local
	}
	return a.Local + "@" + a.Domain
}

const (
	// MaxAddresses is the largest number of elements ParseAddresses returns.
	MaxAddresses = 10000

	// How far ahead the end of a domain literal or a route is looked for.
	maxLiteral = 255
	maxRoute   = 1000
)

// ParseAddresses reads an unfolded address list. It never fails: what is no address but readable text becomes a
// mailbox with that text as Local part. At most limit elements are read, and an open group is closed after them.
func ParseAddresses(s string, limit int) []Address {
	p := addressParser{lexer: lexer{s: s}, limit: min(limit, MaxAddresses)}
	for !p.done() && len(p.list) < p.limit {
		p.element()
	}
	p.endGroup()
	return p.list
}

type addressParser struct {
	lexer
	list    []Address
	limit   int
	inGroup bool

	// The element being read, in two ways, as only the character after it tells which one it is: its words with one
	// space where white space stood (phrase), and without any (addr-spec).
	phrase, spec text
	lastAt       int // index in spec of the last "@" outside of quotes, -1
	spaced       bool
	comment      string
}

// text is a string made of pieces; one piece, the usual case, is not copied.
type text struct {
	first string
	all   []byte
}

func (t *text) add(s string) {
	switch {
	case t.all != nil:
		t.all = append(t.all, s...)
	case t.first == "":
		t.first = s
	default:
		t.all = append(append(make([]byte, 0, len(t.first)+len(s)+24), t.first...), s...)
	}
}

func (t *text) len() int { return max(len(t.first), len(t.all)) }

func (t *text) String() string {
	if t.all != nil {
		return string(t.all)
	}
	return t.first
}

func (p *addressParser) reset() {
	p.phrase, p.spec, p.lastAt, p.spaced = text{}, text{}, -1, false
}

// element reads up to and with the separator that ends it.
func (p *addressParser) element() {
	p.reset()
	p.comment = ""
	for !p.done() {
		switch c := p.s[p.pos]; {
		case c == ',':
			p.pos++
			p.addBare()
			return
		case c == ';':
			p.pos++
			p.addBare()
			p.endGroup()
			return
		case c == ':' && p.lastAt < 0 && !p.inGroup:
			p.pos++
			p.inGroup = true
			p.list = append(p.list, Address{Kind: GroupStart, Name: p.phrase.String()})
			return
		case c == '<':
			for more := true; more && len(p.list) < p.limit; {
				p.pos++
				more = p.angle()
			}
			return
		default:
			p.word(c)
		}
	}
	p.addBare()
}

// word takes white space, a comment, a quoted string, a domain literal or a run of other characters.
func (p *addressParser) word(c byte) {
	start := p.pos
	switch c {
	case ' ', '\t', '\r', '\n':
		p.pos++
		p.spaced = true
		return
	case '(':
		if comment, ok := p.lexer.comment(); ok {
			p.comment, p.spaced = comment, true
			return
		}
	case '"':
		if quoted, ok := p.quoted(); ok {
			p.add(quoted)
			return
		}
	case '[':
		if end := indexWithin(p.s[p.pos:], maxLiteral, "],<>;"); end > 0 && p.s[p.pos+end] == ']' {
			p.pos += end + 1
			p.add(p.s[start:p.pos])
			return
		}
	case '@':
		p.lastAt = p.spec.len()
	}
	for p.pos++; !p.done() && !endsRun(p.s[p.pos]); p.pos++ {
	}
	p.add(p.s[start:p.pos])
}

// endsRun names the characters that word or its callers must look at.
func endsRun(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', ';', ':', '<', '>', '(', '"', '@', '[':
		return true
	}
	return false
}

func indexWithin(s string, limit int, chars string) int {
	return strings.IndexAny(s[:min(limit, len(s))], chars)
}

func (p *addressParser) add(s string) {
	if p.spaced && p.phrase.len() > 0 {
		p.phrase.add(" ")
	}
	p.spaced = false
	p.phrase.add(s)
	p.spec.add(s)
}

// addBare ends an element without angle brackets. RFC 5322 3.4: the comment after such an addr-spec was once the
// place of the display name, and still is in the mail of some programs.
func (p *addressParser) addBare() {
	a := Address{Name: p.comment}
	p.setSpec(&a)
	if a.Local != "" || a.Domain != "" {
		p.list = append(p.list, a)
	}
}

func (p *addressParser) setSpec(a *Address) {
	if p.lastAt < 0 {
		a.Local = p.phrase.String()
		return
	}
	spec := p.spec.String()
	a.Local, a.Domain = spec[:p.lastAt], spec[p.lastAt+1:]
}

func (p *addressParser) endGroup() {
	if p.inGroup {
		p.inGroup = false
		p.list = append(p.list, Address{Kind: GroupEnd})
	}
}

// angle reads [route] addr-spec ">" after the display name. Where ">" is missing, a separator ends it too. Where a comma
// is missing, as in "A <a@x> B <b@y>", it reports that a "<" comes next and keeps the words before it.
func (p *addressParser) angle() (more bool) {
	a := Address{Name: p.phrase.String()}
	p.reset()
	p.skipSpace()
	a.Route = p.route()
	for !p.done() {
		c := p.s[p.pos]
		if c == '>' || c == ',' || c == ';' {
			break
		}
		if c == '<' {
			p.pos++
			continue
		}
		p.word(c)
	}
	p.setSpec(&a)
	p.reset()
	more = p.skipToSeparator()
	if a.Name == "" {
		a.Name = p.comment
	}
	p.comment = ""
	if a.Local != "" || a.Domain != "" || a.Name != "" {
		p.list = append(p.list, a)
	}
	return more
}

// route reads an obs-route (RFC 5322 4.4): "@a,@b:" before the addr-spec.
func (p *addressParser) route() string {
	if p.done() || p.s[p.pos] != '@' {
		return ""
	}
	end := indexWithin(p.s[p.pos:], maxRoute, ":><")
	if end < 0 || p.s[p.pos+end] != ':' {
		return ""
	}
	route := p.s[p.pos : p.pos+end]
	p.pos += end + 1
	return strings.Join(strings.Fields(route), "")
}

// skipToSeparator passes over what follows an angle-addr up to and with the comma, or up to a semicolon or "<", which
// it reports.
func (p *addressParser) skipToSeparator() (angle bool) {
	for !p.done() {
		switch c := p.s[p.pos]; c {
		case ',':
			p.pos++
			return false
		case ';', '<':
			return c == '<'
		case '>':
			p.pos++
		default:
			p.word(c)
		}
	}
	return false
}
