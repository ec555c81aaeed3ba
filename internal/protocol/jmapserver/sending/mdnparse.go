package sending

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/mdn"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

type mdnParseArgs struct {
	AccountID string   `json:"accountId"`
	BlobIDs   []string `json:"blobIds"`
}

// maxReceiptText bounds the text of a receipt that is shown.
const maxReceiptText = 64 << 10

// parseMDN is MDN/parse (RFC 9007 2.2).
func (s *Sending) parseMDN(ctx context.Context, c *method.Call) (any, error) {
	var args mdnParseArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	access, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	ids := method.Unique(args.BlobIDs)
	if len(ids) > maxReceipts {
		return nil, method.Fail(method.RequestTooLarge, "a call parses at most %d blobs", maxReceipts)
	}
	parsed := map[string]mdnObject{}
	var notParsable, notFound []string
	for _, id := range ids {
		name, known := c.Resolve(id)
		one, err := s.parseOne(ctx, c, access, name)
		switch {
		case !known, mail.Is(err, mail.NotFound):
			notFound = append(notFound, id)
		case mail.Is(err, mail.Invalid):
			notParsable = append(notParsable, id)
		case err != nil:
			return nil, err
		default:
			parsed[id] = one
		}
	}
	r := map[string]any{"accountId": args.AccountID, "parsed": nil, "notParsable": nil, "notFound": nil}
	if len(parsed) > 0 {
		r["parsed"] = parsed
	}
	if len(notParsable) > 0 {
		r["notParsable"] = notParsable
	}
	if len(notFound) > 0 {
		r["notFound"] = notFound
	}
	return r, nil
}

// parseOne reads a receipt. What is none is mail.Invalid.
func (s *Sending) parseOne(ctx context.Context, call *method.Call, a method.Access, id string) (out mdnObject, err error) {
	c, err := s.o.Blobs.Open(ctx, a, id)
	if err != nil {
		return out, err
	}
	defer c.Close() // it was read, or the error is told
	if c.Entity != nil {
		return out, mail.E("mdn", mail.Invalid, errors.New("a part of a message is no receipt"))
	}
	if err := call.Work(c.Work()); err != nil {
		return out, err
	}
	m, err := message.Parse(c, message.Limits{})
	if err != nil {
		return out, err
	}
	part := mdn.Find(m.Root)
	if part == nil {
		return out, mail.E("mdn", mail.Invalid, errors.New("the message is no receipt"))
	}
	n, err := mdn.ReadNotification(part.Decoded(c.Whole))
	if err != nil {
		return out, err
	}
	if m.Envelope.Has&message.HasSubject != 0 {
		subject := header.DecodeWords(m.Envelope.Subject)
		out.Subject = &subject
	}
	if text := m.Root.Children[0]; text.IsText() {
		b, err := io.ReadAll(io.LimitReader(text.Text(c.Whole), maxReceiptText))
		if err != nil {
			return out, err
		}
		body := string(b)
		out.TextBody = &body
	}
	last := m.Root.Children[len(m.Root.Children)-1]
	included := last.IsMessage()
	out.IncludeOriginalMessage = &included
	out.notification(&n)
	if !a.Own() {
		return out, nil
	}
	out.ForEmailID, err = s.sentEmail(ctx, a.Owner, n.OriginalMessageID)
	return out, err
}

// sentEmail is the email that a Message-ID was sent of, nil where that is none or not certain (RFC 9007 2.2).
func (s *Sending) sentEmail(ctx context.Context, account mail.AccountID, messageID string) (*string, error) {
	var found *string
	err := s.o.Tx.Read(ctx, func(t *tx.Tx) error {
		found = nil
		sent, err := s.o.Submissions.ByMessage(t, account, strings.Trim(messageID, "<> "))
		for _, one := range sent {
			id := one.Email.String()
			if one.Email == 0 || found != nil && *found != id {
				found = nil
				break
			}
			found = &id
		}
		return err
	})
	return found, err
}

// notification takes over what the fields say.
func (o *mdnObject) notification(n *mdn.Notification) {
	for into, value := range map[**string]string{&o.ReportingUA: n.ReportingUA, &o.MDNGateway: n.Gateway, &o.OriginalRecipient: n.OriginalRecipient,
		&o.FinalRecipient: n.FinalRecipient, &o.OriginalMessageID: n.OriginalMessageID} {
		if value != "" {
			*into = &value
		}
	}
	o.Disposition = &mdnDisposition{n.Disposition.ActionMode, n.Disposition.SendingMode, n.Disposition.Type}
	if len(n.Errors) > 0 {
		o.Error = &n.Errors
	}
	if len(n.Extensions) > 0 {
		fields := map[string]string{}
		for _, e := range n.Extensions {
			fields[e.Name] = e.Value
		}
		o.ExtensionFields = &fields
	}
}
