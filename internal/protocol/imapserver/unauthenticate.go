package imapserver

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

func unauthenticateExtension() extension {
	return extension{
		capabilities: announced("UNAUTHENTICATE"),
		commands:     map[string]command{"UNAUTHENTICATE": {run: on((*session).unauthenticate)}},
	}
}

// unauthenticate makes the connection one of a stranger again (RFC 8437 3). TLS and compression stay, and so does the count of
// failed sign-ins, which bounds guessing.
func (s *session) unauthenticate(imap.Unauthenticate) (reply, error) {
	s.log.Info("imap: signed out")
	s.forget()
	s.log, s.strangers = s.anonymous, 0
	s.in.SetDialect(s.dialect)
	s.out.SetDialect(s.dialect)
	s.in.SetLimits(strangerLimits)
	s.wire.begun = time.Now()
	return reply{imap.OK, imap.CodeCapability(s.capabilities()), "signed out"}, nil
}
