package smtp

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// Mail is one transaction. The content is given in parts, each ending where the
// next begins; the last ends with CRLF.
type Mail struct {
	From    string
	To      []string
	Content [3][]byte
	Dots    bool // some line of the content begins with a dot
}

// Stage is the command a Reply answers.
type Stage uint8

const (
	AtMail Stage = iota + 1
	AtRcpt
	AtData // DATA itself, before any content
	AtEnd  // the end of the content: the reply that takes responsibility
)

func (s Stage) String() string {
	return [...]string{"?", "MAIL", "RCPT", "DATA", "end of content"}[s]
}

// Reply is what a server answered. Text is kept of refusals only.
type Reply struct {
	Code  int
	Stage Stage
	Text  string
}

// Accepted says that the server took responsibility for the mail.
func (r Reply) Accepted() bool { return r.Stage == AtEnd && r.Code/100 == 2 }

// Outcome of a Mail. It is valid until the next Send.
type Outcome struct {
	Started time.Time // before MAIL was written
	Dot     time.Time // before the write that ends with the final dot or last chunk
	Done    time.Time // after the last reply was read
	Replies []Reply   // one a recipient, in the order of Mail.To; Stage 0: none came
}

// Accepted is the number of recipients the server took responsibility for.
func (o *Outcome) Accepted() int {
	n := 0
	for _, r := range o.Replies {
		if r.Accepted() {
			n++
		}
	}
	return n
}

// Send sends one mail. The outcome is there with an error too, as far as it got.
func (c *Conn) Send(m Mail) (*Outcome, error) {
	o := &c.outcome
	*o = Outcome{Replies: o.Replies[:0], Started: time.Now()}
	for range m.To {
		o.Replies = append(o.Replies, Reply{})
	}
	c.accepted = c.accepted[:0]
	c.nc.SetDeadline(o.Started.Add(c.opts.Wait()))
	var err error
	if c.opts.BDAT && c.Offers("CHUNKING") {
		err = c.sendBDAT(m)
	} else {
		err = c.sendDATA(m)
	}
	o.Done = time.Now()
	return o, err
}

func (c *Conn) sendDATA(m Mail) error {
	reply, err := c.envelope(m, "DATA\r\n")
	if err != nil {
		return err
	}
	switch {
	case reply.Code == 354:
		// RFC 2920 3.1: a pipelined DATA may be accepted although no recipient
		// was; then the mail is ended empty and refused.
		return c.content(m)
	case len(c.accepted) == 0:
		return c.reset()
	default:
		reply.Stage = AtData
		c.decide(reply)
		return c.reset()
	}
}

// content sends what follows 354 and reads what becomes of it.
func (c *Conn) content(m Mail) error {
	c.out = c.out[:0]
	if len(c.accepted) > 0 {
		if err := c.appendContent(m); err != nil {
			return err
		}
	}
	c.out = append(c.out, ".\r\n"...)
	c.outcome.Dot = time.Now()
	if err := c.flush(); err != nil {
		return err
	}
	return c.final()
}

// sendBDAT writes the whole transaction at once: RFC 3030 4.2 lets BDAT be
// pipelined after RCPT.
func (c *Conn) sendBDAT(m Mail) error {
	size := 0
	for _, part := range m.Content {
		size += len(part)
	}
	if c.opts.NoPipelining {
		if _, err := c.envelope(m, ""); err != nil {
			return err
		}
		if len(c.accepted) == 0 {
			return c.reset()
		}
		c.out = c.out[:0]
	} else {
		c.out = c.appendEnvelope(c.out[:0], m)
	}
	c.out = append(strconv.AppendInt(append(c.out, "BDAT "...), int64(size), 10), " LAST\r\n"...)
	m.Dots = false // chunks are not stuffed
	if err := c.appendContent(m); err != nil {
		return err
	}
	c.outcome.Dot = time.Now()
	if err := c.flush(); err != nil {
		return err
	}
	if !c.opts.NoPipelining {
		if err := c.readEnvelope(m); err != nil {
			return err
		}
	}
	if len(c.accepted) > 0 {
		return c.final()
	}
	if _, err := c.readReply(); err != nil { // BDAT without recipients: refused
		return err
	}
	return c.reset()
}

// envelope sends MAIL and RCPT, with last after them, and returns last's reply.
func (c *Conn) envelope(m Mail, last string) (reply Reply, err error) {
	if c.opts.NoPipelining || !c.Offers("PIPELINING") {
		return c.envelopeInSteps(m, last)
	}
	c.out = append(c.appendEnvelope(c.out[:0], m), last...)
	if err := c.flush(); err != nil {
		return Reply{}, err
	}
	if err := c.readEnvelope(m); err != nil || last == "" {
		return Reply{}, err
	}
	return c.readReply()
}

func (c *Conn) envelopeInSteps(m Mail, last string) (Reply, error) {
	c.out = c.appendMail(c.out[:0], m)
	reply, err := c.exchange()
	if err != nil {
		return Reply{}, err
	}
	if c.mailReply(reply) {
		for i := range m.To {
			c.out = appendRcpt(c.out[:0], m.To[i])
			if reply, err = c.exchange(); err != nil {
				return Reply{}, err
			}
			c.rcptReply(i, reply)
		}
	}
	if len(c.accepted) == 0 || last == "" {
		return Reply{}, nil
	}
	c.out = append(c.out[:0], last...)
	return c.exchange()
}

func (c *Conn) exchange() (Reply, error) {
	if err := c.flush(); err != nil {
		return Reply{}, err
	}
	return c.readReply()
}

func (c *Conn) readEnvelope(m Mail) error {
	reply, err := c.readReply()
	if err != nil {
		return err
	}
	ok := c.mailReply(reply)
	for i := range m.To {
		if reply, err = c.readReply(); err != nil {
			return err
		}
		if ok {
			c.rcptReply(i, reply)
		}
	}
	return nil
}

func (c *Conn) mailReply(reply Reply) bool {
	if reply.Code/100 == 2 {
		return true
	}
	reply.Stage = AtMail
	for i := range c.outcome.Replies {
		c.outcome.Replies[i] = reply
	}
	return false
}

func (c *Conn) rcptReply(i int, reply Reply) {
	if reply.Code/100 == 2 {
		c.accepted = append(c.accepted, i)
		return
	}
	reply.Stage = AtRcpt
	c.outcome.Replies[i] = reply
}

// final reads the replies to the end of the content: RFC 2033 4.2, LMTP sends
// one for each accepted recipient.
func (c *Conn) final() error {
	reply, err := c.readReply()
	if err != nil {
		return err
	}
	reply.Stage = AtEnd
	if !c.opts.LMTP {
		c.decide(reply)
		return nil
	}
	for n, i := range c.accepted {
		if n > 0 {
			if reply, err = c.readReply(); err != nil {
				return err
			}
		}
		reply.Stage = AtEnd
		c.outcome.Replies[i] = reply
	}
	return nil
}

func (c *Conn) decide(reply Reply) {
	for _, i := range c.accepted {
		c.outcome.Replies[i] = reply
	}
}

// reset leaves a transaction that came to nothing.
func (c *Conn) reset() error {
	c.out = append(c.out[:0], "RSET\r\n"...)
	reply, err := c.exchange()
	if err == nil && reply.Code != 250 {
		err = &RefusedError{"RSET", reply}
	}
	return err
}

func (c *Conn) appendEnvelope(b []byte, m Mail) []byte {
	b = c.appendMail(b, m)
	for _, to := range m.To {
		b = appendRcpt(b, to)
	}
	return b
}

func (c *Conn) appendMail(b []byte, m Mail) []byte {
	b = append(append(append(b, "MAIL FROM:<"...), m.From...), '>')
	if c.Offers("SIZE") {
		size := len(m.Content[0]) + len(m.Content[1]) + len(m.Content[2])
		b = strconv.AppendInt(append(b, " SIZE="...), int64(size), 10)
	}
	return append(b, "\r\n"...)
}

func appendRcpt(b []byte, to string) []byte {
	return append(append(append(b, "RCPT TO:<"...), to...), ">\r\n"...)
}

// appendContent puts the content after what waits to be written, writing out
// whenever much waits.
func (c *Conn) appendContent(m Mail) error {
	if m.Dots {
		whole := bytes.Join(m.Content[:], nil)
		return c.appendStuffed(whole)
	}
	for _, part := range m.Content {
		for len(part) > 0 {
			n := min(len(part), flushAt)
			c.out = append(c.out, part[:n]...)
			part = part[n:]
			if err := c.flushIfMuch(); err != nil {
				return err
			}
		}
	}
	return nil
}

// appendStuffed doubles the dots that begin lines: RFC 5321 4.5.2.
func (c *Conn) appendStuffed(content []byte) error {
	for line := range bytes.Lines(content) {
		if line[0] == '.' {
			c.out = append(c.out, '.')
		}
		c.out = append(c.out, line...)
		if err := c.flushIfMuch(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) flushIfMuch() error {
	if len(c.out) < flushAt {
		return nil
	}
	return c.flush()
}

func (c *Conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
