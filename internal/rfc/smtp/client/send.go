package client

import (
	"errors"
	"fmt"
	"io"
	"strconv"
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

// data sends the content behind DATA.
func (t *transaction) data(last bool) error {
	c := t.c
	if err := t.envelope("DATA\r\n"); err != nil {
		return err
	}
	if !c.Offers("PIPELINING") {
		if t.accepted == 0 {
			return nil
		}
		c.out = append(c.out, "DATA\r\n"...)
		if err := c.flush(); err != nil {
			return err
		}
	}
	r, err := t.read(c.opts.Times.Data, AtData)
	switch {
	case err != nil:
		return err
	case r.Code/100 > 3:
		t.decide(r, AtData)
		return nil
	case r.Code != 354:
		return fmt.Errorf("%w: DATA was answered with %d", ErrReply, r.Code)
	case t.accepted == 0:
		// RFC 2920 3.1: DATA may be taken although no recipient was; then it is ended with nothing in it.
		c.out = append(c.out, ".\r\n"...)
		if err := c.flush(); err != nil {
			return err
		}
		_, err := t.read(c.opts.Times.End, Undecided)
		return err
	}
	return t.dataContent(last)
}

// dataContent writes the content and the line with the dot.
func (t *transaction) dataContent(last bool) error {
	c := t.c
	for {
		c.out = append(c.out, t.b.text...)
		if last {
			c.out = append(c.out, ".\r\n"...)
		}
		if err := t.flush(last); err != nil {
			return err
		}
		if last {
			return t.end()
		}
		var err error
		if last, err = t.block(); err != nil {
			return err
		}
	}
}

// oneWrite sends envelope and content together (RFC 3030 4.2).
func (t *transaction) oneWrite() error {
	c := t.c
	t.appendEnvelope()
	t.appendChunk(true)
	if err := t.flush(true); err != nil {
		return err
	}
	if err := t.readEnvelope(); err != nil {
		return err
	}
	if t.accepted > 0 {
		return t.end()
	}
	// RFC 3030 4.2: BDAT without a recipient is refused.
	r, err := t.read(c.opts.Times.End, Undecided)
	if err == nil && unknown(r.Code) {
		t.result.Ended = false
		err = ErrNoChunking
	}
	return err
}

// chunks sends the envelope, then the content in BDAT commands; with PIPELINING each before the reply to the one before it.
func (t *transaction) chunks(last bool) error {
	if err := t.envelope(""); err != nil || t.accepted == 0 {
		return err
	}
	waiting := 0 // chunks whose replies are still to come
	for {
		t.appendChunk(last)
		if err := t.flush(last); err != nil {
			return err
		}
		waiting++
		for waiting > 0 && !last && (waiting > 1 || !t.c.Offers("PIPELINING")) {
			ok, err := t.chunkReply(waiting - 1)
			if err != nil || !ok {
				return err
			}
			waiting--
		}
		if last {
			break
		}
		var err error
		if last, err = t.block(); err != nil {
			return err
		}
	}
	for ; waiting > 1; waiting-- {
		if ok, err := t.chunkReply(waiting - 1); err != nil || !ok {
			return err
		}
	}
	return t.end()
}

func (t *transaction) appendChunk(last bool) {
	c := t.c
	c.out = strconv.AppendInt(append(c.out, "BDAT "...), int64(len(t.b.text)), 10)
	if last {
		c.out = append(c.out, " LAST"...)
	}
	c.out = append(append(c.out, '\r', '\n'), t.b.text...)
}

// chunkReply reads the reply to a chunk that is not the last. When it is refused, so is what is on its way behind it.
func (t *transaction) chunkReply(behind int) (ok bool, err error) {
	r, err := t.read(t.c.opts.Times.End, AtEnd)
	if err != nil || r.Code/100 == 2 {
		return err == nil, err
	}
	if unknown(r.Code) {
		return false, ErrNoChunking
	}
	t.decide(r, AtEnd)
	for range behind {
		if _, err := t.read(t.c.opts.Times.End, AtEnd); err != nil {
			return false, err
		}
	}
	return false, nil
}

// flush writes what waits, a part of the content, the last of which needs the right to end.
func (t *transaction) flush(last bool) error {
	c := t.c
	if last {
		if t.m.MayEnd != nil && !t.m.MayEnd() {
			return ErrNotOurs
		}
		t.result.Ended = true
	}
	until := time.Now().Add(c.opts.Times.Block)
	if t.until.Before(until) {
		until = t.until
	}
	c.nc.SetWriteDeadline(until)
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		t.lastWords()
	}
	return err
}

// lastWords looks for a reply that explains why nothing more can be written: servers say why before they close.
func (t *transaction) lastWords() {
	if r, err := t.c.read(time.Second); err == nil && r.code >= 400 {
		t.decide(r.mail(), AtData)
	}
}

// end reads the reply to the end of the content, which decides for all whom RCPT has accepted.
func (t *transaction) end() error {
	r, err := t.read(t.c.opts.Times.End, AtEnd)
	switch {
	case err != nil:
		return err
	case unknown(r.Code) && t.c.Offers("CHUNKING"):
		t.result.Ended = false
		return ErrNoChunking
	case r.Code/100 == 3:
		return fmt.Errorf("%w: the content was answered with %d", ErrReply, r.Code)
	}
	t.decide(r, AtEnd)
	// RFC 3030 4.2: what follows a BDAT that was refused is undefined before RSET.
	t.c.dirty = r.Code/100 != 2
	return nil
}

// unknown reports whether a code says that the command is not known, or not implemented.
func unknown(code int) bool { return code == 500 || code == 502 }
