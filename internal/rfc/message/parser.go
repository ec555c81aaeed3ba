package message

import (
	"bytes"
	"io"
)

// Parse reads a whole content. Its error is r's.
func Parse(r io.Reader, limits Limits) (*Message, error) {
	p := NewParser(limits)
	if _, err := io.Copy(p, r); err != nil {
		return nil, err
	}
	return p.Close(), nil
}

// Parser takes a content in writes of any size. Write never fails. It is not safe for concurrent use.
type Parser struct {
	msg    Message
	head   collector
	stack  []entity // the open entities, each inside the one before; the last is the one being read
	offset int64    // of the line being read
	lines  int64    // line feeds before it
	eol    int64    // length of the line end before it
	blank  int      // length of the blank line that ended the last header
	parts  int

	searching bool // a boundary was met; as it is of an ancestor of all that follows, there is one from then on
	messages  int  // messages on the stack, the whole one included

	held heldLine

	// body, if set, is given the body bytes of a part as they come, possibly with the line end and delimiter after it.
	// The caller cuts them to the length the part turns out to have.
	body func(part *Part, b []byte)
}

// heldLine is the beginning of a line whose end has not come yet.
type heldLine struct {
	buf    []byte
	length int64
	last   byte
}

// NewParser makes a Parser.
func NewParser(limits Limits) *Parser {
	p := &Parser{}
	p.head.limits = limits.withDefaults()
	p.msg.Root = p.open(false, true)
	p.head.listing = new(listing)
	return p
}

// Write takes the next piece of the content.
func (p *Parser) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if !p.searching && !p.top().inHeader {
			p.skim(b)
			break
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			p.deliver(b)
			p.hold(b)
			break
		}
		line := b[:i+1]
		p.deliver(line)
		b = b[i+1:]
		if p.held.length > 0 {
			p.endHeld(line)
			continue
		}
		eol := int64(1)
		if i > 0 && line[i-1] == '\r' {
			eol = 2
		}
		p.line(line, int64(len(line)), eol)
	}
	return n, nil
}

// skim takes body bytes in which no line can mean anything.
func (p *Parser) skim(b []byte) {
	p.deliver(b)
	p.lines += int64(bytes.Count(b, []byte{'\n'}))
	p.offset += int64(len(b))
}

func (p *Parser) deliver(b []byte) {
	if top := p.top(); p.body != nil && !top.inHeader && top.leaf {
		p.body(top.part, b)
	}
}

// lineLimit is how much of a line can matter: a field as far as it is kept, or a delimiter.
func (p *Parser) lineLimit() int {
	if p.top().inHeader {
		return p.head.limits.FieldBytes + maxBoundary
	}
	return maxBoundary + 4
}

func (p *Parser) hold(b []byte) {
	if room := p.lineLimit() - len(p.held.buf); room > 0 {
		p.held.buf = append(p.held.buf, b[:min(room, len(b))]...)
	}
	p.held.length += int64(len(b))
	p.held.last = b[len(b)-1]
}

// endHeld completes the held line with its last piece.
func (p *Parser) endHeld(piece []byte) {
	before := p.held.last
	if len(piece) > 1 {
		before = piece[len(piece)-2]
	}
	p.hold(piece)
	eol := int64(1)
	if before == '\r' {
		eol = 2
	}
	p.release(eol)
}

func (p *Parser) release(eol int64) {
	line, length := p.held.buf, p.held.length
	p.held.buf, p.held.length = p.held.buf[:0], 0
	p.line(line, length, eol)
}

// line takes one line: its beginning, its whole length, and how much of that is its line end.
func (p *Parser) line(line []byte, length, eol int64) {
	line = line[:min(len(line), p.lineLimit())]
	start := p.offset
	next := start + length
	if level, closing, ok := p.delimiter(line); ok {
		p.cut(level, closing, next)
	} else if p.top().inHeader {
		if length == eol {
			p.blank = int(eol)
			p.endHeader(next, p.lines+1)
		} else {
			p.head.line(line)
		}
	}
	p.offset, p.eol = next, eol
	if eol > 0 {
		p.lines++
	}
}

// HeaderLength returns how long the message's own header is so far, and whether its end was seen: a receiver can refuse a
// header that is too long before it takes the rest.
func (p *Parser) HeaderLength() (length int64, complete bool) {
	if p.stack[0].inHeader {
		return p.offset + p.held.length, false
	}
	return p.msg.Root.Header.Length, true
}

// HeaderFields returns how many fields the message's own header has so far. It counts what a receiver may want to bound; what
// is kept of them is bounded by Limits.
func (p *Parser) HeaderFields() int {
	if p.stack[0].inHeader {
		return p.head.fields
	}
	return p.msg.Fields
}

// Close ends the content and returns the result. The Parser must not be used after it.
func (p *Parser) Close() *Message {
	if p.held.length > 0 {
		p.release(0)
	}
	p.msg.Size = p.offset
	p.endHeaders()
	p.closeTo(0, p.offset, p.lines)
	p.msg.Truncated = p.head.truncated
	return &p.msg
}
