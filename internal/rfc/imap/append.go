package imap

import (
	"errors"
	"io"
	"time"
)

// Append adds messages to the end of a mailbox (RFC 9051 6.3.12, RFC 3502). Its messages are still in the connection:
//
//	for {
//		message, err := c.Next()
//		if err == io.EOF {
//			break // all have been read: store them, or none
//		}
//		... err is as of Reader.ReadCommand
//		for {
//			part, err := message.Next()
//			if err == io.EOF {
//				break // the message is complete
//			}
//			... part.URL says where the octets are, or
//			content, err := part.Open()
//			... read content to its end
//		}
//	}
//
// To refuse the command, call Discard and then reply. Reader.ReadCommand discards what is left in any case.
type Append struct {
	Mailbox string

	p       *parser
	single  bool           // it has one message
	current *AppendMessage // not yet passed by Next
	given   bool           // Next has returned current
	err     error          // what Next returns from now on
}

// AppendMessage is one message of an Append: one literal, or with CATENATE its parts in order (RFC 4469).
type AppendMessage struct {
	Flags    []string  // nil when not given
	Date     time.Time // zero when not given
	Catenate bool

	c     *Append
	part  *AppendPart // announced, not yet passed by Next; nil: there are no more
	given bool        // Next has returned part
}

// AppendPart is a piece of a message: the octets that a URL names, or a literal.
type AppendPart struct {
	URL string // "" for a literal

	UTF8 bool // UTF8 (~{n}), RFC 6855 4
	Literal

	p      *parser
	opened bool
	rest   io.LimitedReader
}

func (*Append) command() {}

var (
	errNotOpened = errors.New("imap: Next was called before the literal was opened")
	errNoLiteral = errors.New("imap: a part that is a URL has no literal to open")
)

func appendSyntax() extension {
	return extension{verbs: map[string]verb{"APPEND": {Authenticated | Selected, func(p *parser) Command {
		p.sp()
		return p.append()
	}}}}
}

// append reads a mailbox name and what follows it up to the octets of the first message.
func (p *parser) append() *Append {
	c := &Append{Mailbox: p.mailbox(), p: p}
	c.current = p.appendMessage(c)
	if p.err == nil {
		p.r.messages = c
	}
	return c
}

// appendMessage reads SP [flags SP] [date-time SP] and the beginning of the data.
func (p *parser) appendMessage(c *Append) *AppendMessage {
	m := &AppendMessage{c: c}
	p.sp()
	if p.peek() == '(' {
		m.Flags = p.flagList()
		p.sp()
	}
	if p.peek() == '"' {
		m.Date = p.dateTime()
		p.sp()
	}
	switch p.peek() {
	case '{', '~':
		m.part = p.appendLiteral(false)
	default:
		p.appendData(m)
	}
	return m
}

// appendData reads what else may hold a message: UTF8 (literal8), and CATENATE (parts).
func (p *parser) appendData(m *AppendMessage) {
	if len(p.line) == 0 || !isName(p.peek()) {
		p.expected("the literal of a message")
		return
	}
	switch name := p.name("UTF8 or CATENATE"); name {
	case "UTF8":
		m.part = p.appendUTF8()
	case "CATENATE":
		m.Catenate = true
		p.sp()
		p.expect('(')
		m.part = p.catenatePart()
	default:
		p.bad("unknown APPEND data " + name)
	}
}

func (p *parser) appendUTF8() *AppendPart {
	p.sp()
	p.expect('(')
	part := p.appendLiteral(true)
	if !part.Binary {
		p.bad("UTF8 holds a binary literal, ~{n}")
	}
	return part
}

func (p *parser) appendLiteral(utf8 bool) *AppendPart {
	part := &AppendPart{p: p, UTF8: utf8, Literal: p.literalHeader()}
	part.rest = io.LimitedReader{R: p.r.src, N: part.Size}
	return part
}

func (p *parser) dateTime() time.Time {
	t, err := ParseDateTime(p.quoted())
	if err != nil {
		p.bad(err.Error())
	}
	return t
}

// Next returns the next message, or io.EOF when the command is complete. It drops what was not read of the message
// before, whose literals must have been opened. Errors are as of Reader.ReadCommand and end the command.
func (c *Append) Next() (*AppendMessage, error) {
	if c.err == nil && !c.given {
		c.given = true
		return c.current, nil
	}
	for c.err == nil && c.current.part != nil {
		if _, err := c.current.Next(); err == errNotOpened {
			return nil, err
		}
	}
	if c.err != nil {
		return nil, c.err
	}
	p := c.p
	if p.err == nil && len(p.line) == 0 {
		c.finish(io.EOF)
		return nil, io.EOF
	}
	if c.single {
		p.end()
	}
	p.countItem()
	c.current = p.appendMessage(c)
	if p.err != nil {
		c.finish(p.giveUp())
		return nil, c.err
	}
	return c.current, nil
}

// finish notes that nothing of the command is left to read.
func (c *Append) finish(err error) {
	c.err = err
	c.p.r.messages = nil
}

// Next returns the next part of the message, or io.EOF when the message is complete. It drops what was not read of a literal
// before, which must have been opened. Errors are those of Append.Next.
func (m *AppendMessage) Next() (*AppendPart, error) {
	switch {
	case m.c.err != nil:
		return nil, m.c.err
	case m.part == nil:
		return nil, io.EOF
	case !m.given:
		m.given = true
		return m.part, nil
	case m.part.URL == "" && !m.part.opened:
		return nil, errNotOpened
	}
	if err := m.advance(); err != nil {
		m.c.finish(err)
		return nil, err
	}
	if m.part == nil {
		return nil, io.EOF
	}
	return m.part, nil
}

// advance passes the part and reads up to the next.
func (m *AppendMessage) advance() error {
	p := m.c.p
	if m.part.URL == "" {
		if _, err := io.Copy(io.Discard, m.part); err != nil {
			return err
		}
		p.nextLine()
		if m.part.UTF8 {
			p.expect(')')
		}
	}
	m.part = nil
	switch {
	case !m.Catenate:
	case p.accept(' '):
		p.countItem()
		m.part = p.catenatePart()
	default:
		p.expect(')')
	}
	if p.err != nil {
		return p.giveUp()
	}
	return nil
}

// Discard drops the rest of the command, so that the caller can refuse it: the rest of a literal that was opened, and
// what the client sends without waiting. It may be called at any time and again.
func (c *Append) Discard() error {
	if c.err != nil {
		return nil
	}
	c.finish(io.EOF)
	r := c.p.r
	part := c.current.part
	if part == nil || !part.opened {
		return r.skip(c.p.raw)
	}
	if _, err := io.Copy(io.Discard, part); err != nil {
		return err
	}
	line, defect, err := r.readLine()
	if err != nil {
		return err
	}
	if defect != nil && defect.Fatal {
		return defect
	}
	return r.skip(line)
}

// Open tells a waiting client to send the literal and returns its octets, Size of them. A connection that ends before
// gives io.ErrUnexpectedEOF.
func (l *AppendPart) Open() (io.Reader, error) {
	switch {
	case l.opened:
		return l, nil
	case l.URL != "":
		return nil, errNoLiteral
	}
	if err := l.p.r.accept(l.Literal); err != nil {
		return nil, err
	}
	l.opened = true
	return l, nil
}

// Read reads an opened literal.
func (l *AppendPart) Read(b []byte) (int, error) {
	if !l.opened {
		return 0, errNotOpened
	}
	n, err := l.rest.Read(b)
	if err == io.EOF && l.rest.N > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
