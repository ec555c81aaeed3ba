package message

import "bytes"

// entity is a part that is not complete yet.
type entity struct {
	part     *Part
	inHeader bool
	message  bool // its header is a message's
	digest   bool // the default type is message/rfc822 (RFC 2046 5.1.5)
	leaf     bool
	boundary []byte // of a multipart that is searched for delimiters
	closed   bool   // its close delimiter was seen
	lines    int64  // line feeds before its body
}

func (p *Parser) top() *entity { return &p.stack[len(p.stack)-1] }

// open begins an entity at the present offset.
func (p *Parser) open(digest, message bool) *Part {
	p.parts++
	part := &Part{Header: Range{Offset: p.offset}}
	p.stack = append(p.stack, entity{part: part, inHeader: true, message: message, digest: digest})
	if message {
		p.messages++
	}
	p.head.begin(message)
	return part
}

// delimiter reports which open multipart the line delimits: the one with the longest boundary that fits, of equal ones
// the innermost that is not closed. A repeated close delimiter is no delimiter of an outer multipart whose boundary
// happens to be a prefix.
func (p *Parser) delimiter(line []byte) (level int, closing, ok bool) {
	if !p.searching || len(line) < 3 || line[0] != '-' || line[1] != '-' {
		return 0, false, false
	}
	line = line[2:]
	best := -1
	for i := len(p.stack) - 1; i >= 0; i-- {
		e := &p.stack[i]
		if e.boundary == nil || !bytes.HasPrefix(line, e.boundary) {
			continue
		}
		if best < 0 || len(e.boundary) > len(p.stack[best].boundary) ||
			len(e.boundary) == len(p.stack[best].boundary) && p.stack[best].closed && !e.closed {
			best = i
		}
	}
	if best < 0 || p.stack[best].closed {
		return 0, false, false
	}
	closing = bytes.HasPrefix(line[len(p.stack[best].boundary):], []byte("--"))
	if !closing && p.parts >= p.head.limits.Parts {
		p.head.truncated |= TruncatedParts
		return 0, false, false
	}
	return best, closing, true
}

// cut ends all entities inside the multipart at level before the delimiter line, and begins its next part after it.
func (p *Parser) cut(level int, closing bool, next int64) {
	top := p.top()
	end, lines := p.offset, p.lines
	if top.inHeader {
		p.endHeaders()
	} else if end-p.eol >= top.part.Body.Offset {
		// RFC 2046 5.1.1: the line end before the delimiter belongs to it. If that line end is the header's blank line,
		// or of an earlier delimiter, it stays there.
		if p.eol > 0 {
			lines--
		}
		end -= p.eol
	}
	p.closeTo(level+1, end, lines)
	outer := p.top()
	if closing {
		outer.closed = true
		return
	}
	offset := p.offset
	p.offset = next
	p.open(outer.part.Subtype == "digest", false)
	p.offset = offset
}

// closeTo ends the open entities from the last down to level, all at the same place.
func (p *Parser) closeTo(level int, end, lines int64) {
	for len(p.stack) > level {
		e := p.top()
		part := e.part
		part.Body.Length = end - part.Body.Offset
		part.Lines = lines - e.lines
		if part.IsMultipart() && len(part.Children) == 0 {
			part.addWhole()
		}
		if e.message {
			p.messages--
		}
		p.stack = p.stack[:len(p.stack)-1]
		if len(p.stack) > 0 {
			outer := p.top().part
			outer.Children = append(outer.Children, part)
		}
	}
}

// addWhole gives a multipart without parts its one child (see doc.go).
func (p *Part) addWhole() {
	child := &Part{Header: Range{Offset: p.Body.Offset}, Body: p.Body, Lines: p.Lines, Encoding: p.Encoding}
	child.defaultType(false)
	p.Children = []*Part{child}
}

// endHeaders ends a header that has no blank line before the present offset. That can open an embedded message, whose
// header is then empty.
func (p *Parser) endHeaders() {
	for p.top().inHeader {
		p.endHeader(p.offset, p.lines)
	}
}

// endHeader ends the header of the last entity at an offset, which that many line feeds lie before, and decides what
// its body is.
func (p *Parser) endHeader(end, lines int64) {
	e := p.top()
	part := e.part
	part.Header.Length = end - part.Header.Offset
	part.Body.Offset = end
	e.inHeader = false
	e.lines = lines
	p.head.describe(part, e.digest)
	if e.message {
		p.endMessageHeader()
	}
	switch {
	case part.IsMultipart():
		p.openMultipart(e)
	case part.embeds():
		p.openMessage(e, end)
	default:
		e.leaf = true
	}
}

// endMessageHeader takes the envelope of the message whose header was just read.
func (p *Parser) endMessageHeader() {
	envelope := p.head.envelope()
	if len(p.stack) > 1 {
		p.stack[len(p.stack)-2].part.Envelope = &envelope
		return
	}
	p.msg.Envelope = envelope
	p.msg.References = p.head.text(references)
	p.msg.Fields, p.msg.Received = p.head.fields, p.head.received
	p.msg.listing, p.head.listing = p.head.listing.done(p.blank), nil
}

func (p *Parser) openMultipart(e *entity) {
	if len(p.stack) > p.head.limits.Depth {
		p.head.truncated |= TruncatedDepth
		e.leaf = true
		return
	}
	if boundary := e.part.boundary(); boundary != "" {
		e.boundary = []byte(boundary)
		p.searching = true
	}
}

// openMessage begins the message inside a message/rfc822.
func (p *Parser) openMessage(e *entity, offset int64) {
	switch {
	case len(p.stack) > p.head.limits.Depth:
		p.head.truncated |= TruncatedDepth
	case p.parts >= p.head.limits.Parts:
		p.head.truncated |= TruncatedParts
	default:
		before := p.offset
		p.offset = offset
		p.open(false, true)
		p.offset = before
		return
	}
	e.leaf = true
	e.part.Type, e.part.Subtype, e.part.Params = "application", "octet-stream", nil
}
