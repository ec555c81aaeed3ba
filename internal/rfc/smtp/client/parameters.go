package client

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// appendMail writes MAIL with the parameters that the server offers to understand.
func (c *Conn) appendMail(b []byte, m *Message, now time.Time) []byte {
	e := m.Envelope
	b = append(append(append(b, "MAIL FROM:<"...), e.ReversePath.String()...), '>')
	if c.Offers("SIZE") && m.Size > 0 {
		b = strconv.AppendInt(append(b, " SIZE="...), m.Size, 10)
	}
	switch {
	case e.Body == mail.BodyBinary && m.form.binary:
		b = append(b, " BODY=BINARYMIME"...)
	case e.Body != mail.Body7Bit && m.form.eightBit:
		b = append(b, " BODY=8BITMIME"...)
	}
	if m.form.utf8 {
		b = append(b, " SMTPUTF8"...)
	}
	if e.RequireTLS {
		b = append(b, " REQUIRETLS"...)
	}
	if c.Offers("DSN") {
		if e.Ret != mail.RetUnstated {
			b = append(append(b, " RET="...), e.Ret...)
		}
		if e.EnvID != "" {
			b = append(append(b, " ENVID="...), smtp.EncodeXtext(e.EnvID)...)
		}
	}
	if e.Priority != 0 && c.Offers("MT-PRIORITY") { // RFC 6710 4.2: passed on as it came
		b = strconv.AppendInt(append(b, " MT-PRIORITY="...), int64(e.Priority), 10)
	}
	if !e.DeliverBy.Time.IsZero() && c.Offers("DELIVERBY") {
		b = appendBy(b, e.DeliverBy, now)
	}
	return append(b, '\r', '\n')
}

// appendBy writes what is left of the time (RFC 2852 4): up to nine digits, which may be below zero in mode N.
func appendBy(b []byte, by mail.DeliverBy, now time.Time) []byte {
	left := int64(math.Ceil(by.Time.Sub(now).Seconds()))
	b = strconv.AppendInt(append(b, " BY="...), max(min(left, 999_999_999), -999_999_999), 10)
	if by.Return {
		b = append(b, ";R"...)
	} else {
		b = append(b, ";N"...)
	}
	if by.Trace {
		b = append(b, 'T')
	}
	return b
}

// appendRcpt writes RCPT.
func (c *Conn) appendRcpt(b []byte, r *mail.Recipient, utf8 bool) []byte {
	b = append(append(append(b, "RCPT TO:<"...), r.Address.String()...), '>')
	if c.Offers("DSN") {
		if r.Notify != mail.NotifyUnstated {
			b = append(append(b, " NOTIFY="...), notify(r.Notify)...)
		}
		b = appendOriginal(b, r.Original, utf8)
	}
	return append(b, '\r', '\n')
}

func notify(n mail.Notify) string {
	if n&mail.NotifyNever != 0 {
		return "NEVER"
	}
	var events []string
	for _, of := range []struct {
		bit  mail.Notify
		word string
	}{{mail.NotifySuccess, "SUCCESS"}, {mail.NotifyFailure, "FAILURE"}, {mail.NotifyDelay, "DELAY"}} {
		if n&of.bit != 0 {
			events = append(events, of.word)
		}
	}
	return strings.Join(events, ",")
}

// maxOriginal is what the value of ORCPT may have (RFC 3461 4.2).
const maxOriginal = 500

// appendOriginal writes ORCPT as it came (RFC 3461 5.2.1). What would be longer than allowed is left out: an address that was
// written with more escapes than it came with.
func appendOriginal(b []byte, o mail.OriginalRecipient, utf8 bool) []byte {
	if o.Type == "" {
		return b
	}
	encoded := ""
	if o.Type == "utf-8" {
		encoded = smtp.EncodeUTF8Address(o.Address, utf8)
	} else {
		encoded = smtp.EncodeXtext(o.Address)
	}
	if len(o.Type)+1+len(encoded) > maxOriginal {
		return b
	}
	return fmt.Appendf(b, " ORCPT=%s;%s", o.Type, encoded)
}
