package message

import (
	"iter"
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Range is a piece of the content.
type Range struct{ Offset, Length int64 }

// End is the offset after the last byte.
func (r Range) End() int64 { return r.Offset + r.Length }

// Message is what one pass over a content finds.
type Message struct {
	Size      int64
	Root      *Part
	Envelope  Envelope
	Truncated Truncation

	// Of the message's own header:
	References string // raw, unfolded
	Fields     int    // number of fields
	Received   int    // number of Received fields, for loop detection (RFC 5321 6.3)
	listing    *listing
}

// Part is one entity of a message: the message itself, a part of a multipart, or the message inside a message/rfc822.
type Part struct {
	Header Range // with the blank line at its end, if there is one
	Body   Range // begins where Header ends; without the line end that belongs to the next boundary (RFC 2046 5.1.1)
	Lines  int64 // line feeds in Body

	Type, Subtype string // lower case
	Params        header.Params
	ID            string // Content-ID with its angle brackets
	Description   string
	Encoding      string // Content-Transfer-Encoding in lower case, "7bit" if there is none
	MD5           string
	Disposition   string // lower case, "" if there is none
	DispParams    header.Params
	Language      []string
	Location      string

	// Envelope is set for message/rfc822 and message/global: that of the message inside, which is the one child.
	Envelope *Envelope
	// Children are the parts of a multipart, at least one; the message inside of an embedded message; else none.
	Children []*Part
}

// IsMultipart reports whether the part consists of parts.
func (p *Part) IsMultipart() bool { return p.Type == "multipart" }

// IsMessage reports whether the part is an embedded message, with Envelope and one child.
func (p *Part) IsMessage() bool { return p.Envelope != nil }

// IsText reports whether the part is text of any kind.
func (p *Part) IsText() bool { return p.Type == "text" }

// Is compares the media type: Is("text", "html").
func (p *Part) Is(mainType, subtype string) bool { return p.Type == mainType && p.Subtype == subtype }

// Filename is the decoded name a user should see: of the disposition, else of the media type, "" if there is none. It
// may be anything a stranger wrote, path separators included.
func (p *Part) Filename() string {
	if name := p.DispParams.Get("filename"); name != "" {
		return name
	}
	return p.Params.Get("name")
}

// Charset is the charset parameter as written, "" if there is none.
func (p *Part) Charset() string { return p.Params.Raw("charset") }

// Leaves iterates over all parts without children below p, p included, in order. It does not enter embedded messages
// unless asked to.
func (p *Part) Leaves(embedded bool) iter.Seq[*Part] {
	return func(yield func(*Part) bool) { p.leaves(embedded, yield) }
}

func (p *Part) leaves(embedded bool, yield func(*Part) bool) bool {
	if len(p.Children) == 0 || p.IsMessage() && !embedded {
		return yield(p)
	}
	for _, child := range p.Children {
		if !child.leaves(embedded, yield) {
			return false
		}
	}
	return true
}

// Envelope is the message's header as IMAP's ENVELOPE has it (RFC 9051 7.5.2). Strings are unfolded but not decoded.
type Envelope struct {
	Date      string
	Subject   string
	From      []header.Address
	Sender    []header.Address // From where the field is missing or empty, as RFC 9051 wants
	ReplyTo   []header.Address // likewise
	To        []header.Address
	Cc        []header.Address
	Bcc       []header.Address
	InReplyTo string
	MessageID string // the whole field, with angle brackets

	// Has tells an empty field from a missing one, which IMAP shows as NIL.
	Has EnvelopeField
}

// EnvelopeField names the strings of an Envelope.
type EnvelopeField uint8

const (
	HasDate EnvelopeField = 1 << iota
	HasSubject
	HasInReplyTo
	HasMessageID
)

// defaultType gives p the type of an entity without a readable Content-Type.
func (p *Part) defaultType(digest bool) {
	p.Type, p.Subtype, p.Params = "text", "plain", header.Params{{Name: "charset", Value: "us-ascii"}}
	if digest {
		p.Type, p.Subtype, p.Params = "message", "rfc822", nil
	}
}

// embeds reports whether the media type asks for a message inside (RFC 2046 5.2.1, RFC 6532 3.7).
func (p *Part) embeds() bool {
	return p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")
}

// boundary is the delimiter of a multipart, "" if it has none that can be searched for.
func (p *Part) boundary() string {
	b := strings.TrimRight(p.Params.Raw("boundary"), " \t")
	if len(b) > maxBoundary {
		return ""
	}
	return b
}
