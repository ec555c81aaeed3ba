package dsn

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// needsUTF8 reports whether an address is not ASCII, so that the fields must be message/global-delivery-status.
func (r Report) needsUTF8() bool {
	for _, one := range r.Recipients {
		if !isASCII(one.Final.Text) || !isASCII(one.Original.Address) {
			return true
		}
	}
	return false
}

// fields writes the fields of a report.
type fields struct {
	b    []byte
	utf8 bool // they may hold UTF-8
}

// appendStatus writes the body of message/delivery-status (RFC 3464 2.1).
func appendStatus(b []byte, r Report, utf8 bool) []byte {
	w := fields{b, utf8}
	if r.EnvID != "" {
		w.add("Original-Envelope-Id", r.EnvID)
	}
	w.add("Reporting-MTA", "dns; "+r.ReportingMTA)
	if r.ReceivedFrom != "" {
		w.add("Received-From-MTA", "dns; "+r.ReceivedFrom)
	}
	w.addTime("Arrival-Date", r.Arrival)
	for _, one := range r.Recipients {
		w.b = append(w.b, '\r', '\n')
		w.addRecipient(one)
	}
	return w.b
}

func (w *fields) addRecipient(r Recipient) {
	if r.Original.Address != "" {
		w.add("Original-Recipient", r.Original.Type+"; "+encodeAddress(r.Original.Type, r.Original.Address))
	}
	w.add("Final-Recipient", r.Final.Type+"; "+encodeAddress(r.Final.Type, r.Final.Text))
	w.add("Action", string(r.Action))
	w.add("Status", r.status().String())
	if r.RemoteMTA != "" {
		w.add("Remote-MTA", "dns; "+r.RemoteMTA)
	}
	if r.Diagnostic != "" {
		kind := "smtp"
		if c := r.Diagnostic[0]; c < '2' || c > '5' { // RFC 3461 9.2: that type begins with a reply code
			kind = "x-local"
		}
		w.add("Diagnostic-Code", kind+"; "+r.diagnostic())
	}
	w.addTime("Last-Attempt-Date", r.LastAttempt)
	w.addTime("Will-Retry-Until", r.WillRetryUntil)
}

// status is the code, with a general one where the reply had none (RFC 3461 6.3 g).
func (r Recipient) status() mail.EnhancedCode {
	if r.Status != (mail.EnhancedCode{}) {
		return r.Status
	}
	switch r.Action {
	case Failed:
		return mail.EnhancedCode{5, 0, 0}
	case Delayed:
		return mail.EnhancedCode{4, 0, 0}
	}
	return mail.EnhancedCode{2, 0, 0}
}

func (r Recipient) diagnostic() string {
	text := printable(r.Diagnostic)
	if len(text) <= MaxDiagnostic {
		return text
	}
	end := MaxDiagnostic
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// add writes a field in lines of some 76 bytes. Where UTF-8 may not stand its characters are written as U+XXXX.
func (w *fields) add(name, value string) {
	value = printable(value)
	if !w.utf8 {
		value = smtp.ASCIIText(value)
	}
	w.b = append(append(w.b, name...), ": "...)
	w.b = append(append(w.b, fold(value, len(name)+2)...), '\r', '\n')
}

func (w *fields) addTime(name string, t time.Time) {
	if !t.IsZero() {
		w.add(name, t.Format(dateFormat))
	}
}

// fold breaks text at spaces into lines of 76 bytes, the first of which has begun already, and anywhere where a line would
// become too long for mail (RFC 5322 2.1.1).
func fold(text string, begun int) string {
	const wanted = 76
	var b strings.Builder
	for i, word := range strings.Split(text, " ") {
		switch {
		case i > 0 && begun+1+len(word) > wanted:
			b.WriteString("\r\n ")
			begun = 1
		case i > 0:
			b.WriteByte(' ')
			begun++
		}
		for begun+len(word) > maxLine {
			end := maxLine - begun
			for end > 0 && !utf8.RuneStart(word[end]) {
				end--
			}
			b.WriteString(word[:end] + "\r\n ")
			word, begun = word[end:], 1
		}
		b.WriteString(word)
		begun += len(word)
	}
	return b.String()
}

// encodeAddress writes an address of the type utf-8 in the form of RFC 6533 3 for eight bits, all others as they are.
func encodeAddress(kind, address string) string {
	if kind != "utf-8" {
		return address
	}
	var b strings.Builder
	for _, r := range address {
		if r <= ' ' || r == '\\' || r == '+' || r == '=' || r == 0x7f {
			fmt.Fprintf(&b, "\\x{%02X}", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
