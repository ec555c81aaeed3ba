package smtp

import (
	"crypto/tls"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Received formats the trace field that a server puts before the content (RFC 5321 4.4), with its CRLF. host is the
// server's own name.
//
// The "for" clause is written only when the envelope has a single recipient: RFC 5321 7.6 warns that it tells recipients
// of each other, and without it one body serves them all.
func Received(s Session, host string, e *mail.Envelope, at time.Time) string {
	var b strings.Builder
	b.WriteString("Received: from ")
	b.WriteString(helloDomain(s.Hello))
	if ip := s.Remote.Addr().Unmap().WithZone(""); ip.IsValid() {
		b.WriteString(" (")
		b.WriteString(addressLiteral(ip.String(), ip.Is6()))
		b.WriteString(")")
	}
	b.WriteString("\r\n\tby ")
	b.WriteString(host)
	b.WriteString(" with ")
	b.WriteString(s.Protocol(e.SMTPUTF8))
	b.WriteString(" id ")
	b.WriteString(e.ID)
	if len(e.Recipients) == 1 {
		if to := e.Recipients[0].Address; e.SMTPUTF8 || to.IsASCII() {
			b.WriteString("\r\n\tfor <")
			b.WriteString(to.String())
			b.WriteString(">")
		}
	}
	if s.TLS != nil {
		writeTLS(&b, s.TLS)
	}
	b.WriteString(";\r\n\t")
	b.WriteString(at.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	b.WriteString("\r\n")
	return b.String()
}

// writeTLS adds the "tls" clause of RFC 8314 4.3; the protocol version has none and is a comment.
func writeTLS(b *strings.Builder, state *tls.ConnectionState) {
	b.WriteString("\r\n\ttls ")
	b.WriteString(tls.CipherSuiteName(state.CipherSuite))
	b.WriteString(" (")
	b.WriteString(strings.ReplaceAll(tls.VersionName(state.Version), " ", ""))
	b.WriteString(")")
}

func addressLiteral(ip string, is6 bool) string {
	if is6 {
		return "[IPv6:" + ip + "]"
	}
	return "[" + ip + "]"
}

// helloDomain returns the name a client gave where it is a domain or literal that may stand in a header.
func helloDomain(hello string) string {
	if domain, err := mail.ParseDomain(hello); err == nil && isASCII(domain) {
		return domain
	}
	return "unknown"
}

// ReturnPath formats the field that final delivery puts above all others (RFC 5321 4.4), with its CRLF.
func ReturnPath(a mail.Address) string { return "Return-Path: <" + a.String() + ">\r\n" }
