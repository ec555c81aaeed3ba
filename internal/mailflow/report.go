package mailflow

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/dsn"
)

// Reporter writes the reports of delivery that senders are owed (RFC 3461). It decides what is told and what is not; when a
// delay is worth telling, and which commit the report belongs to, is its caller's.
type Reporter struct {
	Host string           // our name
	Now  func() time.Time // nil: time.Now
}

// Fate is what became of one recipient of a message.
type Fate struct {
	Recipient mail.Recipient // of the envelope
	Action    dsn.Action
	Event     mail.Event // who said so, and what
	Until     time.Time  // of a delay: how long it is tried
}

// Told reports whether a sender is told that something became of a recipient of his (RFC 3461 4.1, 5.2).
func Told(from mail.Address, to mail.Recipient, action dsn.Action) bool {
	if from.IsNull() { // RFC 3461 5.2: never a report about a report
		return false
	}
	switch action {
	case dsn.Failed:
		return to.Notify == mail.NotifyUnstated || to.Notify&mail.NotifyFailure != 0
	case dsn.Delayed:
		return to.Notify == mail.NotifyUnstated || to.Notify&mail.NotifyDelay != 0
	}
	return to.Notify&mail.NotifySuccess != 0
}

// Report writes one report about those of the recipients whose sender is told, and returns false where there is none to
// tell. open returns the content of the message, from its beginning; it is asked for nothing else, and closed.
func (r Reporter) Report(e *mail.Envelope, arrived time.Time, fates []Fate, open func() (io.ReadCloser, error)) (Generated, bool, error) {
	report := dsn.Report{EnvID: e.EnvID, ReportingMTA: r.Host, Arrival: arrived}
	failed := false
	for _, f := range fates {
		if Told(e.ReversePath, f.Recipient, f.Action) {
			failed = failed || f.Action == dsn.Failed
			report.Recipients = append(report.Recipients, r.recipient(f))
		}
	}
	if len(report.Recipients) == 0 {
		return Generated{}, false, nil
	}
	content, err := open()
	if err != nil {
		return Generated{}, false, err
	}
	defer content.Close()
	// RFC 3461 4.3: RET is for failures; where none is among what is told, the header will do. RFC 8689 5: of what demands TLS
	// nothing but the header comes back.
	returned, err := dsn.ReadReturned(content, failed && e.Ret == mail.RetFull && !e.RequireTLS, e.SMTPUTF8)
	if err != nil {
		return Generated{}, false, err
	}
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	m := dsn.Message{
		Report: report, From: mail.Address{Local: "postmaster", Domain: r.Host}, To: e.ReversePath,
		ID: "report." + rand.Text() + "@" + r.Host, Date: now(), Returned: returned,
	}
	return Generated{To: e.ReversePath, Content: m.Build()}, true, nil
}

func (r Reporter) recipient(f Fate) dsn.Recipient {
	return dsn.Recipient{
		Original: f.Recipient.Original, Final: dsn.AddressOf(f.Recipient.Address), Action: f.Action, Status: statusOf(f),
		RemoteMTA: r.remote(f.Event.By), Diagnostic: diagnostic(f.Event.Reply), LastAttempt: f.Event.At, WillRetryUntil: f.Until,
	}
}

// statusOf is the code of the reply where it fits what was done. Of a failure it may be a temporary one: then the time for
// trying was over.
func statusOf(f Fate) mail.EnhancedCode {
	class := f.Event.Reply.Enhanced[0]
	switch f.Action {
	case dsn.Failed:
		if class == 4 || class == 5 {
			return f.Event.Reply.Enhanced
		}
		if f.Event.Reply.Code/100 == 4 {
			return mail.EnhancedCode{4, 0, 0}
		}
	case dsn.Delayed:
		if class == 4 {
			return f.Event.Reply.Enhanced
		}
	default:
		if class == 2 {
			return f.Event.Reply.Enhanced
		}
	}
	return mail.EnhancedCode{} // package dsn has the general ones
}

// remote is the name in "mx.example.net [192.0.2.1]", "" for our own.
func (r Reporter) remote(by string) string {
	name, _, _ := strings.Cut(by, " ")
	if strings.EqualFold(name, r.Host) {
		return ""
	}
	return name
}

func diagnostic(r mail.Reply) string {
	switch {
	case r.Code == 0:
		return r.Text
	case r.Enhanced == mail.EnhancedCode{}:
		return fmt.Sprintf("%d %s", r.Code, r.Text)
	}
	return r.Error()
}

// Envelope is under what a generated message travels: with a null reverse-path, and NOTIFY=NEVER to say to servers that heed
// only this that nothing is reported back (RFC 3461 6.1).
func (g Generated) Envelope(id string) mail.Envelope {
	head, _, _ := bytes.Cut(g.Content, []byte("\r\n\r\n"))
	e := mail.Envelope{
		ID: id, Recipients: []mail.Recipient{{Address: g.To, Notify: mail.NotifyNever}},
		SMTPUTF8: !g.To.IsASCII() || !isASCII(head), Size: int64(len(g.Content)), Body: mail.Body7Bit,
	}
	if !isASCII(g.Content) {
		e.Body = mail.Body8BitMIME
	}
	return e
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
