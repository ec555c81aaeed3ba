package sending

import (
	"context"
	"crypto/rand"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/mdn"
	"github.com/mailmesh/mailmesh/internal/rfc/message/compose"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// receipt is an MDN that is to be sent.
type receipt struct {
	given   mdnObject
	n       mdn.Notification
	email   mailbox.Email
	to      []mail.Address
	subject string
}

// read takes an MDN apart.
func (r *receipt) read(object ijson.Value) error {
	if !ijson.IsObject(object) {
		return method.Bad("an MDN is an object")
	}
	if err := ijson.Strict(object, &r.given); err != nil {
		return method.Bad(strings.TrimPrefix(err.Error(), "json: "))
	}
	g := &r.given
	var bad []string
	for name, wrong := range map[string]bool{
		"forEmailId": g.ForEmailID == nil, "disposition": g.Disposition == nil || !g.Disposition.valid(),
		// The server's to set (RFC 9007 2).
		"mdnGateway": g.MDNGateway != nil, "originalRecipient": g.OriginalRecipient != nil, "originalMessageId": g.OriginalMessageID != nil, "error": g.Error != nil,
		"subject": g.Subject != nil && hasControl(*g.Subject),
	} {
		if wrong {
			bad = append(bad, name)
		}
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return method.Bad("missing, wrong, or not the client's to set: "+strings.Join(bad, ", "), bad...)
	}
	r.n.Disposition = mdn.Disposition{ActionMode: g.Disposition.ActionMode, SendingMode: g.Disposition.SendingMode, Type: g.Disposition.Type}
	if g.ReportingUA != nil {
		r.n.ReportingUA = *g.ReportingUA
	}
	if g.ExtensionFields != nil {
		if len(*g.ExtensionFields) > mdn.MaxExtensions {
			return method.Bad("too many extension fields", "extensionFields")
		}
		for _, name := range slices.Sorted(maps.Keys(*g.ExtensionFields)) {
			r.n.Extensions = append(r.n.Extensions, mdn.Extension{Name: name, Value: (*g.ExtensionFields)[name]})
		}
	}
	return nil
}

func (d *mdnDisposition) valid() bool {
	return slices.Contains([]string{"manual-action", "automatic-action"}, d.ActionMode) &&
		slices.Contains([]string{"mdn-sent-manually", "mdn-sent-automatically"}, d.SendingMode) &&
		slices.Contains([]string{mdn.Deleted, mdn.Dispatched, mdn.Displayed, mdn.Processed}, d.Type)
}

// maxAsking is how many addresses may be asked for receipts.
const maxAsking = 10

// about reads what the message says of itself.
func (r *receipt) about(head []byte) error {
	returnPath, seen := "", false
	for f := range header.Fields(head) {
		value := f.Value()
		switch strings.ToLower(string(f.Name)) {
		case "return-path":
			if !seen {
				returnPath, seen = value, true
			}
		case "disposition-notification-to":
			r.to = nil
			for _, a := range header.ParseAddresses(value, maxAsking) {
				if address, err := parseAddress(mail.Address{Local: a.Local, Domain: a.Domain}.String()); a.Kind == header.Mailbox && err == nil && address.Domain != "" {
					r.to = append(r.to, address)
				}
			}
		case "original-recipient": // RFC 8098 3.2.3: as it is
			r.n.OriginalRecipient = value
		case "message-id":
			if ids := header.ParseMessageIDs(value, 1); len(ids) > 0 {
				r.n.OriginalMessageID = "<" + ids[0] + ">"
			}
		case "subject":
			r.subject = header.DecodeWords(value)
		case "content-type":
			main, sub, params, _ := header.ParseMediaType(value)
			if main == "multipart" && sub == "report" && strings.EqualFold(params.Get("report-type"), "disposition-notification") {
				return method.Fail(method.Forbidden, "no receipt is sent for a receipt") // RFC 8098 2.1
			}
		}
	}
	if len(r.to) == 0 {
		return noSuchEmail()
	}
	if r.n.Disposition.SendingMode == "mdn-sent-automatically" && !(len(r.to) == 1 && strings.EqualFold(strings.Trim(returnPath, "<> "), r.to[0].String())) {
		// RFC 8098 2.1: it might be sent to somebody who has not written the message.
		return method.Fail(method.Forbidden, "a receipt that no person has decided on goes to the sender of the message alone")
	}
	return nil
}

// build writes the receipt.
func (w *mdnSending) build(ctx context.Context, r *receipt) ([]byte, error) {
	var returned *compose.Part
	if r.given.IncludeOriginalMessage != nil && *r.given.IncludeOriginalMessage {
		if r.email.Size > maxReturned {
			return nil, method.Fail(method.TooLarge, "a message of more than %d bytes does not come back in its receipt", maxReturned)
		}
		returned = &compose.Part{Type: "message", Subtype: "rfc822", Open: func() (io.ReadCloser, error) {
			body, err := w.o.Bodies.Open(ctx, w.account, r.email.Blob)
			if err != nil {
				return nil, err
			}
			return struct {
				io.Reader
				io.Closer
			}{reader(body), body}, nil
		}}
	}
	text := "This is a receipt for your message. That it was displayed does not say that it was read or understood.\n"
	if r.given.TextBody != nil {
		text = *r.given.TextBody
	}
	root, err := mdn.Build(text, &r.n, returned)
	if err != nil {
		return nil, method.Bad(mail.Explain(err))
	}
	m := &compose.Message{Root: root}
	if m.Fields, err = w.fields(r); err != nil {
		return nil, err
	}
	content, err := m.Reader()
	if err != nil {
		return nil, err
	}
	defer content.Close() // it was read to its end, or the error is told
	return io.ReadAll(content)
}

// maxReturned bounds a message that comes back in its receipt, which is made in memory.
const maxReturned = 1 << 20

func (w *mdnSending) fields(r *receipt) (list []compose.Field, failed error) {
	subject := "Read: " + r.subject
	if r.given.Subject != nil {
		subject = *r.given.Subject
	}
	add := func(f compose.Field, err error) {
		if list = append(list, f); err != nil && failed == nil {
			failed = err
		}
	}
	to := compose.Group{}
	for _, a := range r.to {
		to.Addresses = append(to.Addresses, compose.Address{Email: a.String()})
	}
	add(compose.Addresses("From", []compose.Group{{Addresses: []compose.Address{{Name: w.identity.Name, Email: w.identity.Email}}}}))
	add(compose.Addresses("To", []compose.Group{to}))
	add(compose.Text("Subject", strings.Map(noControl, strings.ToValidUTF8(subject, "\uFFFD"))))
	add(compose.Date("Date", w.o.Now()))
	_, domain, _ := strings.Cut(w.identity.Email, "@")
	add(compose.MessageIDs("Message-ID", []string{strings.ToLower(rand.Text()) + "@" + domain}))
	if id := strings.Trim(r.n.OriginalMessageID, "<>"); id != "" {
		if f, err := compose.MessageIDs("In-Reply-To", []string{id}); err == nil {
			list = append(list, f)
		}
		if f, err := compose.MessageIDs("References", []string{id}); err == nil {
			list = append(list, f)
		}
	}
	return list, failed
}

func noControl(c rune) rune {
	if c < ' ' || c == 0x7f {
		return ' '
	}
	return c
}

// told is what a client hears of a receipt: what it has not said itself.
func (r *receipt) told() map[string]any {
	out := map[string]any{"finalRecipient": r.n.FinalRecipient}
	for name, value := range map[string]string{"originalMessageId": r.n.OriginalMessageID, "originalRecipient": r.n.OriginalRecipient} {
		if value != "" {
			out[name] = value
		}
	}
	if r.given.FinalRecipient != nil && *r.given.FinalRecipient == r.n.FinalRecipient {
		delete(out, "finalRecipient")
	}
	if r.given.IncludeOriginalMessage == nil {
		out["includeOriginalMessage"] = false
	}
	return out
}
