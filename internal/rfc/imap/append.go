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
//		content, err := message.Open()
//		... read content to its end
//	}
//
// To refuse the command, call Discard and then reply. Reader.ReadCommand discards what is left in any case.
type Append struct {
	Mailbox string

	p       *parser
	current *AppendMessage // announced, not yet passed by Next
	given   bool           // Next has returned current
	err     error          // what Next returns from now on
}

// AppendMessage is one message of an Append.
type AppendMessage struct {
	Flags []string  // nil when not given
	Date  time.Time // zero when not given
	UTF8  bool      // UTF8 (~{n}), RFC 6855 4
	Literal

	p      *parser
	opened bool
	rest   io.LimitedReader
}

func (*Append) command() {}

var errNotOpened = errors.New("imap: Append.Next was called before the message was opened")

func appendSyntax() extension {
	return extension{verbs: map[string]verb{"APPEND": {Authenticated | Selected, parseAppend}}}
}

// parseAppend reads up to the literal of the first message.
func parseAppend(p *parser) Command {
	p.sp()
	c := &Append{Mailbox: p.mailbox(), p: p}
	c.current = p.appendMessage()
	if p.err == nil {
		p.r.messages = c
	}
	return c
}

// appendMessage reads SP [flags SP] [date-time SP] and the announcement of the literal.
func (p *parser) appendMessage() *AppendMessage {
	m := &AppendMessage{p: p}
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
		m.Literal = p.literalHeader()
	default:
		p.appendExtension(m)
	}
	m.rest = io.LimitedReader{R: p.r.src, N: m.Size}
	return m
}

// appendExtension reads what else may hold a message: UTF8 (literal8).
func (p *parser) appendExtension(m *AppendMessage) {
	if len(p.line) == 0 || !isName(p.peek()) {
		p.expected("the literal of a message")
		return
	}
	if name := p.name("UTF8"); name != "UTF8" {
		p.bad("unknown APPEND data " + name)
	}
	m.UTF8 = true
	p.sp()
	p.expect('(')
	if m.Literal = p.literalHeader(); !m.Binary {
		p.bad("UTF8 holds a binary literal, ~{n}")
	}
}

func (p *parser) dateTime() time.Time {
	t, err := ParseDateTime(p.quoted())
	if err != nil {
		p.bad(err.Error())
	}
	return t
}

// Next returns the next message, or io.EOF when the command is complete. It drops what was not read of the message
// before, which must have been opened. Errors are as of Reader.ReadCommand and end the command.
func (c *Append) Next() (*AppendMessage, error) {
	if c.err != nil {
		return nil, c.err
	}
	if !c.given {
		c.given = true
		return c.current, nil
	}
	if !c.current.opened {
		return nil, errNotOpened
	}
	if err := c.advance(); err != nil {
		c.err = err
		c.p.r.messages = nil
		return nil, err
	}
	return c.current, nil
}

// advance passes the literal of the current message and reads up to the next.
func (c *Append) advance() error {
	p := c.p
	if _, err := io.Copy(io.Discard, c.current); err != nil {
		return err
	}
	p.nextLine()
	if c.current.UTF8 {
		p.expect(')')
	}
	if p.err == nil && len(p.line) == 0 {
		return io.EOF
	}
	p.countItem()
	c.current = p.appendMessage()
	if p.err != nil {
		return p.giveUp()
	}
	return nil
}

// Discard drops the rest of the command, so that the caller can refuse it: the rest of a message that was opened, and
// what the client sends without waiting. It may be called at any time and again.
func (c *Append) Discard() error {
	if c.err != nil {
		return nil
	}
	c.err = io.EOF
	r := c.p.r
	r.messages = nil
	if c.current.opened {
		if _, err := io.Copy(io.Discard, c.current); err != nil {
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
	return r.skip(c.p.raw)
}

// Open tells a waiting client to send the message and returns its octets, Size of them. A connection that ends before
// gives io.ErrUnexpectedEOF.
func (m *AppendMessage) Open() (io.Reader, error) {
	if m.opened {
		return m, nil
	}
	if err := m.p.r.accept(m.Literal); err != nil {
		return nil, err
	}
	m.opened = true
	return m, nil
}

// Read reads an opened message.
func (m *AppendMessage) Read(b []byte) (int, error) {
	if !m.opened {
		return 0, errNotOpened
	}
	n, err := m.rest.Read(b)
	if err == io.EOF && m.rest.N > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
