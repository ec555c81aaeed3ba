package imap

import (
	"slices"
	"strconv"

	"github.com/mailmesh/mailmesh/internal/rfc/message"
)

// Section names a part of a message (RFC 9051 6.4.5.1).
type Section struct {
	Part   []int // numbers of body parts from the outermost; none: the message itself
	Kind   SectionKind
	Fields []string // of SectionHeaderFields and SectionHeaderFieldsNot, as the client wrote them
}

// SectionKind is which text of the part a Section means.
type SectionKind string

const (
	SectionWhole           SectionKind = ""                  // the whole message or part
	SectionHeader          SectionKind = "HEADER"            // of a message
	SectionHeaderFields    SectionKind = "HEADER.FIELDS"     // the fields named
	SectionHeaderFieldsNot SectionKind = "HEADER.FIELDS.NOT" // the fields not named
	SectionText            SectionKind = "TEXT"              // of a message
	SectionMIME            SectionKind = "MIME"              // header of a part
)

// section takes "[" section-spec "]".
func (p *parser) section() Section {
	p.expect('[')
	part, more := p.sectionPart()
	s := Section{Part: part}
	if more && p.peek() != ']' {
		s.Kind = SectionKind(p.name("a section"))
		p.sectionKind(&s)
	}
	p.expect(']')
	return s
}

func (p *parser) sectionKind(s *Section) {
	switch s.Kind {
	case SectionHeader, SectionText:
	case SectionMIME:
		if len(s.Part) == 0 {
			p.bad("MIME is for a numbered part")
		}
	case SectionHeaderFields, SectionHeaderFieldsNot:
		p.sp()
		p.nonEmpty(p.list(func() { s.Fields = append(s.Fields, p.fieldName()) }), "the list of header fields")
	default:
		p.bad("unknown section " + string(s.Kind))
	}
}

// fieldName takes the name of a header field. It goes back to the client in the answer, so it must fit a line.
func (p *parser) fieldName() string {
	name := p.astring("a header field name")
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == ':' { // RFC 5322 3.6.8
			p.bad("a header field name is printable ASCII without colon")
			return ""
		}
	}
	if name == "" {
		p.bad("a header field name must not be empty")
	}
	return name
}

// binarySection takes "[" part "]" (RFC 3516).
func (p *parser) binarySection() Section {
	p.expect('[')
	part, _ := p.sectionPart()
	p.expect(']')
	return Section{Part: part}
}

// sectionPart takes the numbers of a section. More says that a text may follow: there were no numbers, or a dot behind
// the last.
func (p *parser) sectionPart() (part []int, more bool) {
	if !isDigit(p.peek()) {
		return nil, true
	}
	for isDigit(p.peek()) {
		p.countItem()
		part = append(part, int(p.nonZero("a part number")))
		if !p.accept('.') {
			return part, false
		}
	}
	if p.peek() == ']' {
		p.expected("a part number or text after the dot")
	}
	return part, true
}

// AppendTo appends the section as it stands between brackets.
func (s Section) AppendTo(b []byte) []byte {
	for i, n := range s.Part {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	if s.Kind == SectionWhole {
		return b
	}
	if len(s.Part) > 0 {
		b = append(b, '.')
	}
	b = append(b, s.Kind...)
	if len(s.Fields) == 0 {
		return b
	}
	b = append(b, " ("...)
	for i, name := range s.Fields {
		if i > 0 {
			b = append(b, ' ')
		}
		b = appendAString(b, name)
	}
	return append(b, ')')
}

// Equal reports whether both name the same part.
func (s Section) Equal(t Section) bool {
	return s.Kind == t.Kind && slices.Equal(s.Part, t.Part) && slices.Equal(s.Fields, t.Fields)
}

// specifiers are the words of package message for a SectionKind.
var specifiers = map[SectionKind]message.Specifier{
	SectionWhole:           message.Whole,
	SectionHeader:          message.Header,
	SectionHeaderFields:    message.HeaderFields,
	SectionHeaderFieldsNot: message.HeaderFieldsNot,
	SectionText:            message.BodyText,
	SectionMIME:            message.MIME,
}

// In returns the section as package message finds it.
func (s Section) In() message.Section {
	return message.Section{Path: s.Part, Specifier: specifiers[s.Kind], Fields: s.Fields}
}
