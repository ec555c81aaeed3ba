package message

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/rfc/message/plaintext"
)

// Summary is what lists, threads and searches need to know of a message, so that they never open its content.
type Summary struct {
	Info
	Envelope Envelope
	Root     *Part
	listing  *listing // the header fields that lists show, see FieldSelection; nil when they are too long
}

// Info is the part of a Summary that is derived from the content.
type Info struct {
	Size          int64
	HeaderLength  int64 // of the message's own header, blank line included
	Received      int   // number of Received fields
	Truncated     Truncation
	HasAttachment bool

	SentDate    time.Time // of the Date field, in its own zone; zero if there is none that can be read
	BaseSubject string    // RFC 5256 2.1
	Reply       bool      // the subject is that of a reply or forward (RFC 5256 2.1)

	// Message ids without angle brackets.
	MessageID  string
	InReplyTo  []string // at most MaxInReplyTo
	References []string // at most MaxReferences: the first and the last ones

	Preview string // RFC 8970: at most MaxPreview characters of text, "" if there is none
}

const (
	MaxPreview    = 256
	MaxInReplyTo  = 10
	MaxReferences = 50

	// How much of the encoded text a preview is made from. HTML often begins with long style sheets.
	previewPlain = 16 << 10
	previewHTML  = 64 << 10
)

// Summarize reads a whole content. Its error is r's.
func Summarize(r io.Reader) (*Summary, error) {
	s := NewSummarizer(Limits{})
	if _, err := io.Copy(s, r); err != nil {
		return nil, err
	}
	return s.Close(), nil
}

// Summarizer makes a Summary of a content that is written to it, as while it is received. Write never fails.
type Summarizer struct {
	parser      *Parser
	plain, html sample // the first text of each kind that a preview can be made from
}

// sample is the beginning of the body of a part.
type sample struct {
	part *Part
	room *[]byte // from samples; nil before the first byte
}

// samples holds room for samples. What grew beyond that of plain text is not kept.
var samples = sync.Pool{New: func() any {
	room := make([]byte, 0, previewPlain)
	return &room
}}

// NewSummarizer makes a Summarizer.
func NewSummarizer(limits Limits) *Summarizer {
	s := &Summarizer{parser: NewParser(limits)}
	s.parser.body = s.sample
	return s
}

// Write takes the next piece of the content.
func (s *Summarizer) Write(b []byte) (int, error) { return s.parser.Write(b) }

// HeaderLength is Parser.HeaderLength.
func (s *Summarizer) HeaderLength() (length int64, complete bool) { return s.parser.HeaderLength() }

// HeaderFields is Parser.HeaderFields.
func (s *Summarizer) HeaderFields() int { return s.parser.HeaderFields() }

// sample takes body bytes from the parser.
func (s *Summarizer) sample(p *Part, b []byte) {
	if !p.IsText() {
		return
	}
	into, limit := &s.plain, previewPlain
	switch {
	case p.Subtype == "html":
		into, limit = &s.html, previewHTML
	case p.Subtype != "plain":
		return
	}
	if into.part == nil && p.Disposition != "attachment" && s.parser.messages == 1 {
		into.part = p
	}
	if into.part == p {
		into.add(b, limit)
	}
}

func (s *sample) add(b []byte, limit int) {
	if s.room == nil {
		s.room = samples.Get().(*[]byte)
	}
	*s.room = append(*s.room, b[:min(len(b), limit-len(*s.room))]...)
}

// release gives the room back.
func (s *sample) release() {
	if s.room != nil && cap(*s.room) == previewPlain {
		*s.room = (*s.room)[:0]
		samples.Put(s.room)
	}
	s.room = nil
}

// Close ends the content and returns its Summary. The Summarizer must not be used after it.
func (s *Summarizer) Close() *Summary {
	m := s.parser.Close()
	sum := &Summary{Envelope: m.Envelope, Root: m.Root, listing: m.listing, Info: Info{
		Size: m.Size, HeaderLength: m.Root.Header.Length, Received: m.Received, Truncated: m.Truncated,
		HasAttachment: m.Root.HasAttachment(),
		InReplyTo:     header.ParseMessageIDs(m.Envelope.InReplyTo, MaxInReplyTo),
		References:    header.ParseMessageIDs(m.References, MaxReferences),
		Preview:       s.preview(),
	}}
	s.plain.release()
	s.html.release()
	sum.SentDate, _ = header.ParseDate(m.Envelope.Date)
	sum.BaseSubject, sum.Reply = header.BaseSubject(m.Envelope.Subject)
	if ids := header.ParseMessageIDs(m.Envelope.MessageID, 1); len(ids) > 0 {
		sum.MessageID = ids[0]
	}
	return sum
}

// preview takes the text that comes first in the message, or the other where that one is blank: in an alternative the
// plain text, and not the footer that a mailing list adds in plain text to HTML.
func (s *Summarizer) preview() string {
	first, second := &s.plain, &s.html
	if second.before(first) {
		first, second = second, first
	}
	if text := first.preview(); text != "" {
		return text
	}
	return second.preview()
}

func (s *sample) before(other *sample) bool {
	return s.part != nil && (other.part == nil || s.part.Body.Offset < other.part.Body.Offset)
}

func (s *sample) preview() string {
	if s.room == nil {
		return ""
	}
	data := (*s.room)[:min(int64(len(*s.room)), s.part.Body.Length)]
	for _, skipQuoted := range []bool{true, false} {
		if text := plaintext.Preview(s.part.text(bytes.NewReader(data)), MaxPreview, skipQuoted); text != "" {
			return text
		}
	}
	return ""
}
