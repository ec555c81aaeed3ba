package message

import (
	"bytes"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// fieldID numbers the header fields that a result is made of.
type fieldID uint8

const (
	contentType fieldID = iota
	contentEncoding
	contentID
	contentDescription
	contentDisposition
	contentMD5
	contentLanguage
	contentLocation
	date
	subject
	from
	sender
	replyTo
	to
	cc
	bcc
	inReplyTo
	messageID
	references
	fieldCount

	firstEnvelope         = date // what comes before it is wanted of every part
	unwanted      fieldID = 0xff
)

// fieldNamed finds a field by its name without regard to case.
func fieldNamed(name []byte) fieldID {
	var buf [25]byte
	if len(name) > len(buf) {
		return unwanted
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	switch string(buf[:len(name)]) {
	case "content-type":
		return contentType
	case "content-transfer-encoding":
		return contentEncoding
	case "content-id":
		return contentID
	case "content-description":
		return contentDescription
	case "content-disposition":
		return contentDisposition
	case "content-md5":
		return contentMD5
	case "content-language":
		return contentLanguage
	case "content-location":
		return contentLocation
	case "date":
		return date
	case "subject":
		return subject
	case "from":
		return from
	case "sender":
		return sender
	case "reply-to":
		return replyTo
	case "to":
		return to
	case "cc":
		return cc
	case "bcc":
		return bcc
	case "in-reply-to":
		return inReplyTo
	case "message-id":
		return messageID
	case "references":
		return references
	}
	return unwanted
}

// collector keeps the wanted fields of the header being read, line by line.
type collector struct {
	limits  Limits
	message bool // the header is a message's: its envelope is wanted
	current fieldID
	seen    uint32 // bit per field
	values  [fieldCount][]byte
	room    int // how much more may be kept of the current field

	fields, received int

	listing *listing // of the whole message's own header; nil in others

	kept      int // of all headers so far
	addresses int
	truncated Truncation
}

// begin starts a new header.
func (c *collector) begin(message bool) {
	c.message, c.current, c.seen, c.fields, c.received = message, unwanted, 0, 0, 0
	for i := range c.values {
		c.values[i] = c.values[i][:0]
		if cap(c.values[i]) > 4096 {
			c.values[i] = nil
		}
	}
}

// line takes one line of the header with its line end, or as much of it as could matter.
func (c *collector) line(line []byte) {
	if c.listing != nil {
		c.listing.line(line)
	}
	if header.IsContinuation(line) {
		if c.current != unwanted {
			c.keep(line)
		}
		return
	}
	c.current = unwanted
	name, value, ok := header.SplitName(line)
	if !ok {
		return
	}
	c.fields++
	if len(name) == len("received") && bytes.EqualFold(name, []byte("received")) {
		c.received++
	}
	if id := fieldNamed(name); id != unwanted && (c.message || id < firstEnvelope) {
		c.start(id, line[value:])
	}
}

// start begins a field, as doc.go says of repeated ones.
func (c *collector) start(id fieldID, value []byte) {
	again := c.seen&(1<<id) != 0
	c.room = c.limits.FieldBytes
	switch {
	case again && id < firstEnvelope:
		return
	case again && (id == to || id == cc || id == bcc):
		c.room = max(0, c.limits.FieldBytes-len(c.values[id]))
		c.current = id
		c.keep([]byte{','})
	case again:
		c.values[id] = c.values[id][:0]
	}
	c.seen |= 1 << id
	c.current = id
	c.keep(value)
}

func (c *collector) keep(b []byte) {
	if n := min(c.room, c.limits.HeaderBytes-c.kept); len(b) > n {
		b = b[:max(0, n)]
		c.truncated |= TruncatedHeader
	}
	c.values[c.current] = append(c.values[c.current], b...)
	c.room -= len(b)
	c.kept += len(b)
}

func (c *collector) has(id fieldID) bool { return c.seen&(1<<id) != 0 }

func (c *collector) text(id fieldID) string { return header.Unfold(c.values[id]) }

// describe fills a part from its Content-* fields.
func (c *collector) describe(p *Part, digest bool) {
	var ok bool
	if c.has(contentType) {
		p.Type, p.Subtype, p.Params, ok = header.ParseMediaType(c.text(contentType))
	}
	if !ok {
		p.defaultType(digest)
	}
	p.Encoding = "7bit"
	if c.has(contentEncoding) {
		if encoding := header.ParseToken(c.text(contentEncoding)); encoding != "" {
			p.Encoding = encoding
		}
	}
	if c.seen&(1<<firstEnvelope-1)>>contentID == 0 {
		return
	}
	p.ID = c.text(contentID)
	p.Description = c.text(contentDescription)
	p.MD5 = c.text(contentMD5)
	p.Location = c.text(contentLocation)
	if c.has(contentDisposition) {
		p.Disposition, p.DispParams = header.ParseDisposition(c.text(contentDisposition))
	}
	if c.has(contentLanguage) {
		p.Language = header.ParseLanguages(c.text(contentLanguage))
	}
}

// envelope makes the Envelope of the message header just read.
func (c *collector) envelope() Envelope {
	e := Envelope{
		Date: c.text(date), Subject: c.text(subject), InReplyTo: c.text(inReplyTo), MessageID: c.text(messageID),
		From: c.list(from), Sender: c.list(sender), ReplyTo: c.list(replyTo), To: c.list(to), Cc: c.list(cc), Bcc: c.list(bcc),
	}
	for i, id := range [...]fieldID{date, subject, inReplyTo, messageID} { // in the order of the EnvelopeField bits
		if c.has(id) {
			e.Has |= 1 << i
		}
	}
	e.defaults()
	return e
}

// defaults does RFC 9051 7.5.2: Sender and Reply-To that are missing or empty show From.
func (e *Envelope) defaults() {
	if len(e.Sender) == 0 {
		e.Sender = e.From
	}
	if len(e.ReplyTo) == 0 {
		e.ReplyTo = e.From
	}
}

func (c *collector) list(id fieldID) []header.Address {
	if !c.has(id) {
		return nil
	}
	left := c.limits.Addresses - c.addresses
	list := header.ParseAddresses(c.text(id), left)
	if len(list) >= left {
		c.truncated |= TruncatedAddresses
	}
	c.addresses += len(list)
	return list
}
