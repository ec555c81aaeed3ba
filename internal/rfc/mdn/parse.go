package mdn

import (
	"errors"
	"io"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// MaxFields bounds the fields of a notification, in bytes.
const MaxFields = 32 << 10

// Report is what a receipt says.
type Report struct {
	ReportingUA       string // the name of the program, "" when not given
	OriginalRecipient string // an address without its type; "" when not given
	FinalRecipient    string
	OriginalMessageID string // without angle brackets; "" when not given
	Disposition       Disposition
	Errors            []string
}

// Disposition is what was done, and who decided it (RFC 8098 3.2.6). All of it is lower case.
type Disposition struct {
	ActionMode  string // manual-action, automatic-action
	SendingMode string // mdn-sent-manually, mdn-sent-automatically
	Type        string // Displayed ...
	Modifiers   []string
}

// The disposition types of RFC 8098 3.2.6.2.
const (
	Deleted    = "deleted"
	Dispatched = "dispatched"
	Displayed  = "displayed"
	Processed  = "processed"
)

// Find returns the part of a message that is the notification: the second of a multipart/report (RFC 8098 3); nil when the message
// is no receipt.
func Find(root *message.Part) *message.Part {
	if root == nil || !root.Is("multipart", "report") || !strings.EqualFold(root.Params.Get("report-type"), "disposition-notification") {
		return nil
	}
	for _, p := range root.Children {
		if p.Is("message", "disposition-notification") || p.Is("message", "global-disposition-notification") {
			return p
		}
	}
	return nil
}

// Parse reads the receipt in a message. The error is mail.Invalid where it is none, or that of content.
func Parse(content io.ReaderAt, size int64) (Report, error) {
	m, err := message.Parse(io.NewSectionReader(content, 0, size), message.Limits{})
	if err != nil {
		return Report{}, err
	}
	part := Find(m.Root)
	if part == nil {
		return Report{}, mail.E("mdn.Parse", mail.Invalid, errors.New("the message is no multipart/report with a disposition notification"))
	}
	return ParseFields(part.Decoded(content))
}

// ParseFields reads the body of message/disposition-notification. The error is mail.Invalid where a field is missing that each has, or
// that of r.
func ParseFields(r io.Reader) (out Report, err error) {
	block, err := io.ReadAll(io.LimitReader(r, MaxFields))
	if err != nil {
		return Report{}, err
	}
	for f := range header.Fields(block) {
		out.read(string(f.Name), strings.TrimSpace(f.Value()))
	}
	if out.FinalRecipient == "" || out.Disposition.Type == "" {
		return Report{}, mail.E("mdn.Parse", mail.Invalid, errors.New("a disposition notification has the fields Final-Recipient and Disposition"))
	}
	return out, nil
}

// read takes one field; of those that stand twice the first counts.
func (r *Report) read(name, value string) {
	switch strings.ToLower(name) {
	case "reporting-ua":
		if r.ReportingUA == "" {
			product, _, _ := strings.Cut(value, ";")
			r.ReportingUA = strings.TrimSpace(product)
		}
	case "original-recipient":
		set(&r.OriginalRecipient, address(value))
	case "final-recipient":
		set(&r.FinalRecipient, address(value))
	case "original-message-id":
		if ids := header.ParseMessageIDs(value, 1); len(ids) > 0 {
			set(&r.OriginalMessageID, ids[0])
		}
	case "disposition":
		if r.Disposition.Type == "" {
			r.Disposition = disposition(value)
		}
	case "error":
		if value != "" {
			r.Errors = append(r.Errors, value)
		}
	}
}

func set(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// address takes the type from the front of an address (RFC 8098 3.2.3), and angle brackets, which do not belong to it.
func address(s string) string {
	if kind, rest, found := strings.Cut(s, ";"); found && !strings.ContainsAny(kind, `@<"`) {
		s = rest
	}
	s = strings.TrimSpace(s)
	if inner, ok := strings.CutPrefix(s, "<"); ok {
		s = strings.TrimSuffix(inner, ">")
	}
	return s
}

// disposition reads action-mode "/" sending-mode ";" type "/" modifiers.
func disposition(s string) (d Disposition) {
	if open := strings.IndexByte(s, '('); open >= 0 { // a comment, which no field of this kind needs
		s = s[:open]
	}
	mode, kind, found := strings.Cut(strings.ToLower(s), ";")
	if !found {
		return Disposition{}
	}
	action, sending, _ := strings.Cut(mode, "/")
	kind, modifiers, _ := strings.Cut(kind, "/")
	d = Disposition{ActionMode: strings.TrimSpace(action), SendingMode: strings.TrimSpace(sending), Type: strings.TrimSpace(kind)}
	for m := range strings.SplitSeq(modifiers, ",") {
		if m = strings.TrimSpace(m); m != "" {
			d.Modifiers = append(d.Modifiers, m)
		}
	}
	return d
}
