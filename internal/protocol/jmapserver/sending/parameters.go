package sending

import (
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// newTrace draws the id of a message in logs.
func newTrace() string { return strings.ToLower(rand.Text()[:16]) }

var (
	errAddress   = errors.New("this is no address")
	errParameter = errors.New("the name of a parameter is of letters, digits and hyphens, its value without spaces and \"=\"")
)

// mailFrom reads the sender of an envelope. The parameters are those of MAIL at the submission port.
func (a envelopeAddress) mailFrom(now time.Time, utf8 bool) (mail.Envelope, error) {
	args, err := a.arguments("FROM:")
	if err != nil {
		return mail.Envelope{}, err
	}
	if utf8 || !isASCII(a.Email) {
		if _, said := a.Parameters["SMTPUTF8"]; !said {
			args += " SMTPUTF8"
		}
	}
	return smtp.ParseMail(args, smtp.Extensions{FutureRelease: MaxDelayed, DeliverBy: true, Priority: true, RequireTLS: true, Auth: true, Now: now})
}

// rcptTo reads a recipient. One whose address is not ASCII makes the mail SMTPUTF8.
func (a envelopeAddress) rcptTo(e *mail.Envelope) (mail.Recipient, error) {
	args, err := a.arguments("TO:")
	if err != nil {
		return mail.Recipient{}, err
	}
	e.SMTPUTF8 = e.SMTPUTF8 || !isASCII(a.Email)
	return smtp.ParseRcpt(args, e.SMTPUTF8)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// arguments writes an address with its parameters as SMTP has them.
func (a envelopeAddress) arguments(command string) (string, error) {
	if strings.ContainsFunc(a.Email, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(a.Email) > 1000 {
		return "", mail.E("sending", mail.Invalid, errAddress)
	}
	if command == "TO:" && a.Email == "" {
		return "", mail.E("sending", mail.Invalid, errAddress)
	}
	var b strings.Builder
	b.WriteString(command + "<" + a.Email + ">")
	for _, name := range slices.Sorted(maps.Keys(a.Parameters)) {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
		}) {
			return "", mail.E("sending", mail.Invalid, errParameter)
		}
		b.WriteString(" " + name)
		if v := a.Parameters[name]; v != nil {
			value := encoded(name, *v)
			if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == '=' || r == 0x7f }) {
				return "", mail.E("sending", mail.Invalid, errParameter)
			}
			b.WriteString("=" + value)
		}
	}
	return b.String(), nil
}

// encoded writes a value as it travels: JMAP has those of xtext decoded (RFC 8621 7).
func encoded(name, value string) string {
	switch strings.ToUpper(name) {
	case "ENVID", "AUTH":
		return smtp.EncodeXtext(value)
	case "ORCPT":
		if kind, address, ok := strings.Cut(value, ";"); ok {
			return kind + ";" + smtp.EncodeXtext(address)
		}
	}
	return value
}
