package mdn

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/compose"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Notification is all that the fields of a receipt say, as they were written (RFC 8098 3.2).
type Notification struct {
	ReportingUA       string // "pc.example.net; Mailer 1.0"
	Gateway           string
	OriginalRecipient string // with its type: "rfc822; ann@example.org"
	FinalRecipient    string // likewise
	OriginalMessageID string // with its angle brackets
	Disposition       Disposition
	Errors            []string
	Extensions        []Extension
}

// Extension is a field that RFC 8098 does not define.
type Extension struct{ Name, Value string }

// MaxExtensions bounds the fields of a Notification that are no one's.
const MaxExtensions = 100

// ReadNotification reads the body of message/disposition-notification. Its errors are those of ParseFields.
func ReadNotification(r io.Reader) (n Notification, err error) {
	block, err := io.ReadAll(io.LimitReader(r, MaxFields))
	if err != nil {
		return n, err
	}
	for f := range header.Fields(block) {
		n.read(string(f.Name), strings.TrimSpace(header.DecodeWords(f.Value())))
	}
	if n.FinalRecipient == "" || n.Disposition.Type == "" {
		return n, mail.E("mdn.Parse", mail.Invalid, errors.New("a disposition notification has the fields Final-Recipient and Disposition"))
	}
	return n, nil
}

func (n *Notification) read(name, value string) {
	switch strings.ToLower(name) {
	case "reporting-ua":
		set(&n.ReportingUA, value)
	case "mdn-gateway":
		set(&n.Gateway, value)
	case "original-recipient":
		set(&n.OriginalRecipient, value)
	case "final-recipient":
		set(&n.FinalRecipient, value)
	case "original-message-id":
		set(&n.OriginalMessageID, value)
	case "disposition":
		if n.Disposition.Type == "" {
			n.Disposition = disposition(value)
		}
	case "error":
		n.Errors = append(n.Errors, value)
	default:
		if len(n.Extensions) < MaxExtensions {
			n.Extensions = append(n.Extensions, Extension{name, value})
		}
	}
}

// standard are the names that no extension has.
var standard = []string{"reporting-ua", "mdn-gateway", "original-recipient", "final-recipient", "original-message-id", "disposition", "error", "failure", "warning"}

var errStandard = errors.New("RFC 8098 defines this field")

// Part writes the notification as the second part of a receipt. The error is mail.Invalid and names the field that cannot be written.
func (n *Notification) Part() (*compose.Part, error) {
	var out strings.Builder
	var failed error
	add := func(name, value string) {
		if value == "" || failed != nil {
			return
		}
		f, err := compose.Raw(name, " "+value)
		if err != nil || strings.ContainsAny(value, "\r\n") {
			failed = mail.E("mdn.Build", mail.Invalid, fmt.Errorf("%s: a line of text, and not %.100q", name, value))
			return
		}
		out.WriteString(f.String())
	}
	add("Reporting-UA", n.ReportingUA)
	add("MDN-Gateway", n.Gateway)
	add("Original-Recipient", n.OriginalRecipient)
	add("Final-Recipient", n.FinalRecipient)
	add("Original-Message-ID", n.OriginalMessageID)
	add("Disposition", n.Disposition.String())
	for _, e := range n.Errors {
		add("Error", e)
	}
	for _, e := range n.Extensions {
		if slices.Contains(standard, strings.ToLower(e.Name)) {
			return nil, mail.E("mdn.Build", mail.Invalid, fmt.Errorf("%s: %w", e.Name, errStandard))
		}
		add(e.Name, e.Value)
	}
	if failed != nil {
		return nil, failed
	}
	text, subtype := out.String(), "disposition-notification"
	if strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 }) {
		subtype = "global-disposition-notification" // RFC 6533 7
	}
	return &compose.Part{Type: "message", Subtype: subtype, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}, nil
}

// String writes a disposition as its field has it.
func (d Disposition) String() string {
	s := d.ActionMode + "/" + d.SendingMode + "; " + d.Type
	if len(d.Modifiers) > 0 {
		s += "/" + strings.Join(d.Modifiers, ",")
	}
	return s
}

// Build makes the body of a receipt (RFC 8098 3): text for people, the notification, and the message or its header, if there is
// one to be returned.
func Build(text string, n *Notification, returned *compose.Part) (*compose.Part, error) {
	notification, err := n.Part()
	if err != nil {
		return nil, err
	}
	parts := []*compose.Part{{Type: "text", Subtype: "plain", Text: text}, notification}
	if returned != nil {
		parts = append(parts, returned)
	}
	return &compose.Part{Type: "multipart", Subtype: "report", Params: header.Params{{Name: "report-type", Value: "disposition-notification"}}, Children: parts}, nil
}
