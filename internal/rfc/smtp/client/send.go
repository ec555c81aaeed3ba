package client

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Message is what Send sends.
type Message struct {
	Envelope *mail.Envelope
	Size     int64                         // bytes of the content
	Open     func() (io.ReadCloser, error) // the content from its first byte; may be called twice
	MayEnd   func() bool                   // nil: yes

	form form
}

// Stage is the command that a reply answered.
type Stage uint8

const (
	Undecided Stage = iota
	Unsent          // the server was not asked, because it does not offer what the message needs
	AtMail
	AtRcpt
	AtData
	AtEnd // the end of the content: with 2yz the server is responsible
)

// Answer is what became of one recipient.
type Answer struct {
	Reply mail.Reply
	At    Stage
}

// Result of Send.
type Result struct {
	Answers []Answer // one a recipient, in their order
	// Ended is set once the end of the content was on its way: what is still undecided may have been taken.
	Ended bool
	Heard bool // the server has answered to anything of this transaction
}

var (
	// ErrNotOurs is returned where MayEnd said no.
	ErrNotOurs = errors.New("the message is not ours to send any more")
	// ErrNoChunking is returned where the server offered CHUNKING and does not know BDAT. See Conn.AvoidChunking.
	ErrNoChunking = errors.New("the host offers CHUNKING and does not know BDAT")
	// ErrClosing is returned with a 421: the server closes (RFC 5321 3.8).
	ErrClosing = errors.New("the host closes the connection")
)

// ContentError is the error of reading the content.
type ContentError struct{ Err error }

func (e *ContentError) Error() string { return "reading the content: " + e.Err.Error() }
func (e *ContentError) Unwrap() error { return e.Err }

// blockSize is how much content is read and written at a time, and what fits in one write with the envelope.
const blockSize = 64 << 10

type buffer struct {
	in        [blockSize]byte
	text, out []byte
}

var buffers = sync.Pool{New: func() any {
	return &buffer{text: make([]byte, 0, blockSize+blockSize/8), out: make([]byte, 0, blockSize+blockSize/4)}
}}

// transaction is a message under way.
type transaction struct {
	c        *Conn
	m        *Message
	b        *buffer
	began    time.Time
	until    time.Time // whoever is not done by then is given up
	content  io.Reader
	lines    lines
	result   Result
	accepted int // by RCPT
}

// AvoidChunking lets the messages that follow go without BDAT.
func (c *Conn) AvoidChunking() { delete(c.offered, "CHUNKING") }

// Send sends a message in a transaction of its own. The Result counts with an error, too. A recipient is decided with Unsent when
// the server does not offer what the message needs: 5.3.4 SIZE, 5.7.30 REQUIRETLS, 5.6.3 8BITMIME or BINARYMIME, 5.6.7 and 5.6.9
// SMTPUTF8 for an address and for the header, 5.4.7 DELIVERBY in mode R.
func (c *Conn) Send(m Message) (Result, error) {
	if c.r.Buffered() > 0 {
		// It would be taken for the answer to this message, which may come to be lost so, or returned for what another one was.
		return Result{Answers: make([]Answer, len(m.Envelope.Recipients))}, fmt.Errorf("%w: there is one to nothing", ErrReply)
	}
	b := buffers.Get().(*buffer)
	c.out = b.out[:0]
	defer func() {
		b.out, c.out = c.out[:0], nil
		buffers.Put(b)
	}()
	t := &transaction{c: c, m: &m, b: b, began: time.Now()}
	t.until = t.began.Add(c.opts.Times.Message + time.Duration(m.Size/messageRate)*time.Second)
	t.result.Answers = make([]Answer, len(m.Envelope.Recipients))
	err := c.choose(t)
	if err == nil && t.left() {
		err = t.run()
	}
	return t.result, err
}

func (t *transaction) run() error {
	content, err := t.m.Open()
	if err != nil {
		return &ContentError{err}
	}
	defer content.Close()
	t.content = content
	t.c.sent++
	t.lines.stuff = !t.c.Offers("CHUNKING")
	last, err := t.block()
	switch {
	case err != nil:
		return err
	case !t.c.Offers("CHUNKING"):
		return t.data(last)
	case last && t.c.Offers("PIPELINING"):
		return t.oneWrite()
	}
	return t.chunks(last)
}

// left reports whether a recipient is undecided.
func (t *transaction) left() bool {
	for _, a := range t.result.Answers {
		if a.At == Undecided {
			return true
		}
	}
	return false
}

// decide answers for all who are undecided.
func (t *transaction) decide(r mail.Reply, at Stage) {
	for i := range t.result.Answers {
		if t.result.Answers[i].At == Undecided {
			t.result.Answers[i] = Answer{r, at}
		}
	}
}

// block reads the next part of the content into b.text, as it travels, and reports whether it is the last.
func (t *transaction) block() (last bool, err error) {
	n, err := io.ReadFull(t.content, t.b.in[:])
	last = err == io.EOF || err == io.ErrUnexpectedEOF
	if err != nil && !last {
		return false, &ContentError{err}
	}
	if t.m.form.binary {
		t.b.text = append(t.b.text[:0], t.b.in[:n]...)
		return last, nil
	}
	t.b.text = t.lines.append(t.b.text[:0], t.b.in[:n])
	if last {
		t.b.text = t.lines.end(t.b.text)
	}
	return last, nil
}

// envelope writes MAIL and RCPT, and with PIPELINING then behind them, for which write is set; and reads their replies.
func (t *transaction) envelope(then string) error {
	c := t.c
	if c.Offers("PIPELINING") {
		t.appendEnvelope()
		c.out = append(c.out, then...)
		if err := c.flush(); err != nil {
			return err
		}
		return t.readEnvelope()
	}
	return t.envelopeInSteps()
}

func (t *transaction) appendEnvelope() {
	c := t.c
	if c.dirty {
		c.out = append(c.out, "RSET\r\n"...)
	}
	c.out = c.appendMail(c.out, t.m, t.began)
	for i := range t.m.Envelope.Recipients {
		if t.result.Answers[i].At == Undecided {
			c.out = c.appendRcpt(c.out, &t.m.Envelope.Recipients[i], t.m.form.utf8)
		}
	}
}

func (t *transaction) readEnvelope() error {
	if t.c.dirty {
		if _, err := t.read(t.c.opts.Times.Command, Undecided); err != nil {
			return err
		}
	}
	t.c.dirty = true
	r, err := t.read(t.c.opts.Times.Command, AtMail)
	if err != nil {
		return err
	}
	refused := r.Code/100 != 2
	for i := range t.result.Answers {
		if t.result.Answers[i].At != Undecided {
			continue
		}
		answer, err := t.read(t.c.opts.Times.Command, AtRcpt)
		if err != nil {
			return err
		}
		t.rcpt(i, answer, refused)
	}
	if refused {
		t.decide(r, AtMail)
	}
	return nil
}

// rcpt notes the answer to a RCPT. Behind a MAIL that was refused it means nothing.
func (t *transaction) rcpt(i int, answer mail.Reply, refused bool) {
	switch {
	case refused:
	case answer.Code/100 == 2:
		t.accepted++
	default:
		t.result.Answers[i] = Answer{answer, AtRcpt}
	}
}

// envelopeInSteps waits for each reply before the next command.
func (t *transaction) envelopeInSteps() error {
	c := t.c
	step := func(at Stage) (mail.Reply, error) {
		if err := c.flush(); err != nil {
			return mail.Reply{}, err
		}
		return t.read(c.opts.Times.Command, at)
	}
	if c.dirty {
		c.out = append(c.out, "RSET\r\n"...)
		if _, err := step(Undecided); err != nil {
			return err
		}
	}
	c.dirty = true
	c.out = c.appendMail(c.out, t.m, t.began)
	r, err := step(AtMail)
	if err != nil {
		return err
	}
	if r.Code/100 != 2 {
		t.decide(r, AtMail)
		return nil
	}
	for i := range t.result.Answers {
		if t.result.Answers[i].At != Undecided {
			continue
		}
		c.out = c.appendRcpt(c.out, &t.m.Envelope.Recipients[i], t.m.form.utf8)
		if r, err = step(AtRcpt); err != nil {
			return err
		}
		t.rcpt(i, r, false)
	}
	return nil
}

// read reads a reply. 421 ends the connection, whatever it answers (RFC 5321 3.8): nobody who is undecided then has been taken.
func (t *transaction) read(limit time.Duration, at Stage) (mail.Reply, error) {
	r, err := t.c.read(min(limit, time.Until(t.until)))
	if err != nil {
		return mail.Reply{}, err
	}
	t.result.Heard = true
	answer := r.mail()
	if r.code == 421 {
		if at == Undecided {
			at = AtMail
		}
		t.decide(answer, at)
		return answer, ErrClosing
	}
	return answer, nil
}
