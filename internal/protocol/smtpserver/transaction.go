package smtpserver

import (
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
	}
	e, err := smtp.ParseMail(args)
	if err != nil {
		s.refuseError("MAIL", err)
		return
	}
	if e.Size > s.o.Limits.MessageSize { // RFC 1870 6.1
		s.refuse("MAIL", tooLarge)
		return
	}
	e.ID = s.o.NewID()
	s.tx = &e
	s.say(okSender)
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
	r, err := smtp.ParseRcpt(args, s.tx.SMTPUTF8)
	if err == nil {
		r, err = s.o.Inbound.Recipient(s.ctx, s.info, s.tx, r)
	}
	if err != nil {
		s.refuseError("RCPT", err)
		return
	}
	s.tx.Recipients = append(s.tx.Recipients, r)
	s.say(okRecipient)
}

// refuseError answers an error of the parser or of Inbound.
func (s *session) refuseError(command string, err error) {
	r, expected := replyTo(s.ctx, err, reply(553, 5, 1, 3, "bad recipient address"))
	attributes := []any{"command", command, "reply", r.Error(), "remote", s.info.Remote.String()}
	if s.tx != nil {
		attributes = append(attributes, "id", s.tx.ID, "from", s.tx.ReversePath.String())
	}
	if expected {
		s.log.Info("smtp: refused", attributes...)
	} else {
		s.log.Error("smtp: failed", append(attributes, "err", err)...)
	}
	s.refuse(command, r)
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
	s.receive("DATA", &dots{smtp.NewDotReader(s.wire.buf.in)})
}
