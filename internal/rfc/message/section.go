package message

import (
	"io"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Specifier is what follows the part numbers in BODY[...] (RFC 9051 6.4.5.1).
type Specifier uint8

const (
	Whole           Specifier = iota // nothing: the body of a part, or with no part number the whole message
	Header                           // HEADER
	HeaderFields                     // HEADER.FIELDS
	HeaderFieldsNot                  // HEADER.FIELDS.NOT
	BodyText                         // TEXT
	MIME                             // MIME
)

// Section names a piece of a message as BODY[section] does.
type Section struct {
	Path      []int // part numbers from 1; empty for the message itself
	Specifier Specifier
	Fields    []string // names for HeaderFields and HeaderFieldsNot
}

// Find returns the part with that number, nil if there is none; p is the root of a message. RFC 9051 6.4.5.1: the parts
// of a multipart count from 1; a message that is no multipart has the one part 1; numbers after that of an embedded
// message are those of the message inside. An empty path is p itself.
func (p *Part) Find(path []int) *Part {
	for len(path) > 0 {
		number := path[0]
		path = path[1:]
		switch {
		case p.IsMultipart():
			if number < 1 || number > len(p.Children) {
				return nil
			}
			p = p.Children[number-1]
		case number != 1:
			return nil
		}
		if len(path) == 0 || p.IsMultipart() {
			continue
		}
		if !p.IsMessage() {
			return nil
		}
		p = p.Children[0]
	}
	return p
}

// Section finds a section of the message whose root is p. ok is false when the message has none such; IMAP then
// answers NIL.
func (p *Part) Section(s Section) (piece Piece, ok bool) {
	part := p.Find(s.Path)
	if part == nil {
		return Piece{}, false
	}
	switch {
	case s.Specifier == MIME:
		return Piece{Range: part.Header}, len(s.Path) > 0
	case s.Specifier == Whole && len(s.Path) == 0:
		return Piece{Range: part.All()}, true
	case s.Specifier == Whole:
		return Piece{Range: part.Body}, true
	case len(s.Path) > 0 && !part.IsMessage():
		return Piece{}, false // HEADER and TEXT after part numbers are those of an embedded message
	case len(s.Path) > 0:
		part = part.Children[0]
	}
	switch s.Specifier {
	case Header:
		return Piece{Range: part.Header}, true
	case BodyText:
		return Piece{Range: part.Body}, true
	case HeaderFields, HeaderFieldsNot:
		return Piece{Range: part.Header, filter: true, fields: s.Fields, exclude: s.Specifier == HeaderFieldsNot}, true
	}
	return Piece{}, false
}

// All is the range of header and body.
func (p *Part) All() Range { return Range{p.Header.Offset, p.Header.Length + p.Body.Length} }

// Piece is a section that was found: a range of the content or, if Filtered, a selection of the header fields in it.
type Piece struct {
	Range
	filter  bool
	exclude bool
	fields  []string
}

// Filtered reports whether the piece is only a selection of its Range, so that only Open tells its size.
func (s Piece) Filtered() bool { return s.filter }

// Open returns the bytes of the piece and their number. A selection of header fields is read twice, once to measure it,
// so that no header is too large.
func (s Piece) Open(content io.ReaderAt) (r io.Reader, size int64, err error) {
	if !s.filter {
		return io.NewSectionReader(content, s.Offset, s.Length), s.Length, nil
	}
	open := func() io.Reader {
		return header.NewFilter(io.NewSectionReader(content, s.Offset, s.Length), s.fields, s.exclude)
	}
	if size, err = io.Copy(io.Discard, open()); err != nil {
		return nil, 0, err
	}
	return open(), size, nil
}
