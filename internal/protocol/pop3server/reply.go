package pop3server

import (
	"context"
	"errors"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// reply is the first line of an answer. The zero reply is none: the handler has said all there is to say.
type reply struct {
	status status
	code   string // RFC 2449 8: what a program can understand of the text
	text   string
}

type status string

const (
	positive status = "+OK"
	negative status = "-ERR"
	malform  status = "-ERR " // the same to the client; too many of these end the session
)

// Response codes.
const (
	codeAuth = "AUTH"     // RFC 3206 4: another name or password is needed
	codeTemp = "SYS/TEMP" // RFC 3206 4: trying again later may help
)

func ok(text string) reply { return reply{positive, "", text} }

func refused(text string) reply { return reply{negative, "", text} }

// bad answers what is not POP3, or not here.
func bad(text string) reply { return reply{malform, "", text} }

func temporary(text string) reply { return reply{negative, codeTemp, text} }

// appendTo writes the line. RFC 2449 4: it has at most 512 octets; nothing that a client sends is repeated in it.
func (r reply) appendTo(b []byte) []byte {
	first := r.status
	if first == malform {
		first = negative
	}
	b = append(b, first...)
	if r.code != "" {
		b = append(append(append(b, " ["...), r.code...), ']')
	}
	if r.text != "" {
		b = append(append(b, ' '), r.text...)
	}
	return append(b, "\r\n"...)
}

func (s *session) say(r reply) { s.wire.Write(r.appendTo(nil)) }

// failed is the one place where errors of the rooms become replies.
func (s *session) failed(command string, err error) reply {
	if s.wire.writeErr != nil || s.ctx.Err() != nil { // nobody is there to be answered, and the error may well be of that
		s.log.Debug("pop3: connection lost", "err", errors.Join(s.wire.writeErr, context.Cause(s.ctx)))
		s.over = true
		return temporary("closing down")
	}
	switch mail.KindOf(err) {
	case mail.Unavailable, mail.Conflict, mail.Limit:
		s.log.Warn("pop3: temporary failure", "command", command, "err", err)
		return temporary("this cannot be done right now, try again later")
	case mail.Gone:
		s.log.Info("pop3: the account is gone", "err", err)
		s.over = true
		return reply{negative, codeAuth, "the account is not here any more"}
	}
	s.log.Error("pop3: internal fault", "command", command, "err", err)
	return temporary("internal fault, logged as session " + s.id)
}
