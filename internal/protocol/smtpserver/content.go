package smtpserver

import (
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// source gives out content straight from the connection's buffer.
type source interface {
	// Next returns at least one byte, without consuming it, or an error; io.EOF where the content ends.
	Next() ([]byte, error)
	Consume(n int)
	// Bare reports whether a CR or LF stood alone so far.
	Bare() bool
	// Drain drops what the client will send in any case before it waits for a reply, at most limit bytes.
	Drain(limit int64) error
	// Last reports whether the reply now due is the one that ends the transaction for the client.
	Last() bool
}

// dots is the content of DATA.
type dots struct{ *smtp.DotReader }

func (d *dots) Last() bool { return true }

func (d *dots) Drain(limit int64) error {
	for {
		run, err := d.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if limit -= int64(len(run)); limit < 0 {
			return errTooLarge
		}
		d.Consume(len(run))
	}
}

// Faults of content. Receive sees them as errors of its reader.
var (
	errTooLarge    = mail.E("smtpserver: content", mail.TooLarge, nil)
	errBareNewline = mail.E("smtpserver: content", mail.Invalid, smtp.ErrBareNewline)
	errAborted     = mail.E("smtpserver: content", mail.Gone, errors.New("the client gave the message up"))
)

// content is the reader that Receive gets.
type content struct {
	source
	max      int64
	keepBare bool

	size  int64
	err   error // sticky; io.EOF after the whole content
	ended time.Time
}

// next returns the next run, checked.
func (c *content) next() ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	if !c.keepBare && c.Bare() { // before Next, which tells the client that a chunk is well
		c.err = errBareNewline
		return nil, c.err
	}
	run, err := c.Next()
	switch {
	case err != nil && err != io.EOF:
		c.err = err
	case !c.keepBare && c.Bare(): // a CR may turn out to be the last byte
		c.err = errBareNewline
	case c.size+int64(len(run)) > c.max:
		c.err = errTooLarge
	case err == io.EOF:
		c.err, c.ended = err, time.Now()
	}
	return run, c.err
}

func (c *content) consume(n int) {
	c.Consume(n)
	c.size += int64(n)
}

func (c *content) Read(p []byte) (int, error) {
	run, err := c.next()
	if err != nil {
		return 0, err
	}
	n := copy(p, run)
	c.consume(n)
	return n, nil
}

// WriteTo spares io.Copy its buffer.
func (c *content) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for {
		run, err := c.next()
		if err == io.EOF {
			return written, nil
		}
		if err != nil {
			return written, err
		}
		n, err := w.Write(run)
		written += int64(n)
		c.consume(n)
		if err != nil {
			return written, err
		}
	}
}

// receive passes the content to Inbound and answers. The transaction is over after it, however it went.
func (s *session) receive(command string, from source) {
	c := &content{source: from, max: s.o.Limits.MessageSize}
	c.keepBare = s.o.KeepBareNewlines || s.tx.Body == mail.BodyBinary
	e := s.tx
	s.wire.setContent(true)
	outcomes, err := s.o.Inbound.Receive(s.ctx, s.info, e, c)
	if err == nil && c.err == io.EOF {
		err = checkOutcomes(e, outcomes)
	}
	refusal, drained := s.judge(e, c, err)
	s.wire.setContent(false)
	s.reset()
	switch {
	case c.err != nil && c.err != io.EOF && refusal.reply.Code == 0: // nobody is there to hear a reply
		return
	case refusal.reply.Code == 0:
		s.accepted(command, e, c, outcomes)
	default:
		s.refuseContent(command, e, from.Last(), refusal)
	}
	if !drained {
		s.hangUp()
	}
}

// refusal is a reply of 4yz or 5yz and why it is given.
type refusal struct {
	reply mail.Reply
	cause error
	fault bool // of ours: the client does not learn the cause
}

// judge says how content is answered that cannot be kept; no code and no error means that it was. It leaves the connection
// at the next command, or says that it could not.
func (s *session) judge(e *mail.Envelope, c *content, err error) (why refusal, drained bool) {
	switch c.err {
	case io.EOF:
		if err == nil {
			return refusal{}, true
		}
		return s.contentError(err), true
	case nil:
		if err == nil {
			err = errors.New("the content was not read to its end by Receive")
		}
		why = s.contentError(err)
	case errBareNewline:
		why = refusal{reply: bareNewline}
	case errTooLarge:
		why = refusal{reply: tooLarge}
	default:
		s.gone(e, c.err)
		return refusal{}, false
	}
	if err := c.Drain(s.o.Limits.MessageSize); err != nil {
		if err != errTooLarge {
			s.gone(e, err)
			c.err = err
			return refusal{}, false
		}
		return why, false
	}
	return why, true
}

// gone handles content that stops in the middle: the connection is lost or too slow, or BDAT was given up.
func (s *session) gone(e *mail.Envelope, err error) {
	s.log.Info("smtp: content not finished", "id", e.ID, "from", e.ReversePath.String(), "remote", s.info.Remote.String(), "err", err)
	if err != errAborted {
		s.lost(err)
	}
}

// contentError translates an error of Receive.
func (s *session) contentError(err error) refusal {
	r, expected := replyTo(s.ctx, err, reply(550, 5, 6, 0, "the content is refused"))
	return refusal{r, err, !expected}
}

// refuseContent answers all recipients alike. LMTP has a reply for each after the last byte (RFC 2033 4.2), and a single
// one before it, to a chunk.
func (s *session) refuseContent(command string, e *mail.Envelope, last bool, why refusal) {
	s.report(command, e, why, slog.Int("recipients", len(e.Recipients)))
	r := why.reply
	if s.info.LMTP && last {
		others, lastOne := e.Recipients[:len(e.Recipients)-1], e.Recipients[len(e.Recipients)-1]
		for _, to := range others {
			s.answer(command, forRecipient(to.Address, r))
		}
		r = forRecipient(lastOne.Address, r)
	}
	s.refuse(command, r)
}

// forRecipient names the recipient in a reply of LMTP.
func forRecipient(a mail.Address, r mail.Reply) mail.Reply {
	r.Text = "<" + a.String() + "> " + r.Text
	return r
}

// accepted answers content that Inbound has dealt with, which may still be a refusal for some or all.
func (s *session) accepted(command string, e *mail.Envelope, c *content, outcomes []mail.Outcome) {
	kept := 0
	for _, o := range outcomes {
		if o.Status == mail.Delivered {
			kept++
		}
	}
	if kept > 0 {
		s.budget.forgive()
		s.o.Observer.Accepted(s.o.Mode, kept, c.size, time.Since(c.ended))
	}
	s.log.LogAttrs(s.ctx, slog.LevelInfo, "smtp: received", slog.String("id", e.ID), slog.String("from", e.ReversePath.String()),
		slog.Int("recipients", len(e.Recipients)), slog.Int("kept", kept), slog.Int64("size", c.size),
		slog.Duration("took", time.Since(c.ended)), slog.String("hello", s.info.Hello), slog.String("remote", s.info.Remote.String()), slog.Bool("tls", s.info.TLS != nil))
	if !s.info.LMTP {
		s.answer(command, combine(e, outcomes))
		return
	}
	for _, o := range outcomes {
		s.answer(command, forRecipient(o.Recipient, outcomeReply(e, o)))
	}
}

// answer sends a reply that may be good or bad news. Bad news about content that came as it should is no error of the
// client.
func (s *session) answer(command string, r mail.Reply) {
	s.say(r)
	if r.Code/100 != 2 {
		s.o.Observer.Refused(s.o.Mode, command, r)
	}
}
