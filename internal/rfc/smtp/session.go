package smtp

import (
	"crypto/tls"
	"net/netip"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Session is what a server knows of the client of a mail transaction.
type Session struct {
	ID     string         // of the connection, for the log; a transaction's id is in its envelope
	Remote netip.AddrPort // invalid when the connection has none (Unix socket)
	Local  netip.AddrPort
	Hello  string // argument of EHLO, HELO or LHLO
	ESMTP  bool   // EHLO or LHLO, not HELO
	LMTP   bool   // RFC 2033: one reply a recipient after the content
	TLS    *tls.ConnectionState

	Account mail.AccountID // who has signed in (RFC 4954); 0: nobody
	Login   string         // by which name
}

// Protocol is the session's "with" keyword of a Received field (RFC 3848, for UTF-8 RFC 6531 4.3).
func (s Session) Protocol(utf8 bool) string {
	if !s.ESMTP && !s.LMTP {
		return "SMTP"
	}
	name := "ESMTP"
	switch {
	case s.LMTP && utf8:
		name = "UTF8LMTP"
	case s.LMTP:
		name = "LMTP"
	case utf8:
		name = "UTF8SMTP" // the E is in the name already
	}
	if s.TLS != nil {
		name += "S"
	}
	if s.Account != 0 {
		name += "A"
	}
	return name
}
