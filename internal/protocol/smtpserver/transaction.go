package smtpserver

import (
	"fmt"
	"log/slog"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// mail opens a transaction (RFC 5321 4.1.1.2).
func (s *session) mail(args string) {
	switch {
	case !s.greeted && s.info.LMTP:
		s.refuse("MAIL", helloFirstLMTP)
		return
	case !s.greeted:
		s.refuse("MAIL", helloFirst)
		return
	case s.tx != nil: // RFC 5321 4.1.4
		s.refuse("MAIL", mailOpen)
		return
	case s.o.Mode == Submission && !s.maySend():
		return
	}
	e, err := smtp.ParseMail(args, s.extensions())
	if err != nil {
		s.refuseError("MAIL", err)
		return
	}
	if e.Size > s.o.Limits.MessageSize { // RFC 1870 6.1
		s.refuse("MAIL", tooLarge)
		return
	}
	e.ID = s.o.NewID()
	ok := okSender
	if s.o.Mode == Submission {
		asked := e.Priority
		if err := s.o.Senders.Sender(s.ctx, s.info, &e); err != nil {
			s.refuseError("MAIL", err, slog.String("from", e.ReversePath.String()))
			return
		}
		if e.Priority != asked { // RFC 6710 4.1: the reply tells
			ok = reply(250, 2, 3, 6, fmt.Sprintf("%d is the priority that the message has", e.Priority))
		}
	}
	s.tx = &e
	s.utf8 = s.utf8 || e.SMTPUTF8
	s.say(ok)
}

// recipientAttempts is how many RCPT commands a transaction may have, as a multiple of the recipients it may have:
// a client that ignores 452 is not answered for ever.
const recipientAttempts = 10

// rcpt adds a recipient (RFC 5321 4.1.1.3).
func (s *session) rcpt(args string) {
	if s.tx == nil {
		s.refuse("RCPT", mailFirst)
		return
	}
	if s.tried++; s.tried > recipientAttempts*s.o.Limits.Recipients {
		s.end(tooManyCommands)
		return
	}
	if len(s.tx.Recipients) >= s.o.Limits.Recipients { // RFC 5321 4.5.3.1.10
		s.refuse("RCPT", tooManyRecipients)
		return
	}
	named, err := smtp.ParseRcpt(args, s.tx.SMTPUTF8)
	if err != nil {
		s.refuseError("RCPT", err)
		return
	}
	known, err := s.o.Inbound.Recipient(s.ctx, s.info, s.tx, named)
	if err != nil {
		s.refuseError("RCPT", err, slog.String("to", named.Address.String()))
		return
	}
	s.tx.Recipients = append(s.tx.Recipients, known)
	s.say(okRecipient)
}

// refuseError answers an error of the parser or of Inbound.
func (s *session) refuseError(command string, err error, facts ...slog.Attr) {
	r, expected := replyTo(s.ctx, err, reply(553, 5, 1, 3, "bad recipient address"))
	s.report(command, s.tx, refusal{r, err, !expected}, facts...)
	s.refuse(command, r)
}

// report writes the one line of the log about a refusal, with all that is known: the rooms behind the door return what
// they know as an error and do not log it.
func (s *session) report(command string, e *mail.Envelope, why refusal, facts ...slog.Attr) {
	level, text := slog.LevelInfo, "smtp: refused"
	if why.fault {
		level, text = slog.LevelError, "smtp: failed"
	}
	facts = append(facts, slog.String("command", command), slog.String("reply", why.reply.Error()),
		slog.String("remote", s.info.Remote.String()), slog.Bool("tls", s.info.TLS != nil))
	if s.info.Account != 0 {
		facts = append(facts, slog.Any("account", s.info.Account))
	}
	if e != nil {
		facts = append(facts, slog.String("id", e.ID), slog.String("from", e.ReversePath.String()))
	}
	if why.cause != nil && why.cause.Error() != why.reply.Error() {
		facts = append(facts, slog.Any("err", why.cause))
	}
	s.log.LogAttrs(s.ctx, level, text, facts...)
}

// contentAllowed checks the order of commands before DATA and BDAT.
func (s *session) contentAllowed() (refusal mail.Reply, ok bool) {
	switch {
	case s.tx == nil:
		return mailFirst, false
	case len(s.tx.Recipients) == 0: // RFC 2033 4.2 demands 503, RFC 5321 3.3 allows it
		return noRecipients, false
	}
	return mail.Reply{}, true
}

// data reads the content of the transaction up to the final dot (RFC 5321 4.1.1.4).
func (s *session) data(args string) {
	refusal, ok := s.contentAllowed()
	switch {
	case args != "":
		refusal, ok = noArgument, false
	case ok && s.tx.Body == mail.BodyBinary:
		refusal, ok = binaryNeedsBDAT, false
	}
	if !ok {
		s.refuse("DATA", refusal)
		return
	}
	s.say(startData)
	s.wire.flush()
	s.receive("DATA", &dots{smtp.NewDotReader(s.wire.buf.in)})
}
