package emails

import (
	"bytes"
	"context"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
)

// defaultParsed are RFC 8621 4.9's.
var defaultParsed = []string{"messageId", "inReplyTo", "references", "sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt",
	"hasAttachment", "preview", "bodyValues", "textBody", "htmlBody", "attachments"}

type parseArgs struct {
	AccountID  string    `json:"accountId"`
	BlobIDs    []string  `json:"blobIds"`
	Properties *[]string `json:"properties"`
	bodyArgs
}

type parseResponse struct {
	AccountID   string          `json:"accountId"`
	Parsed      *map[string]any `json:"parsed"`
	NotParsable *[]string       `json:"notParsable"`
	NotFound    *[]string       `json:"notFound"`
}

// parse is Email/parse (RFC 8621 4.9).
func (e *Emails) parse(ctx context.Context, c *method.Call) (any, error) {
	var args parseArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	access, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	p, err := planOf(args.Properties, defaultParsed, args.bodyArgs)
	if err != nil {
		return nil, err
	}
	ids := method.Unique(args.BlobIDs)
	if len(ids) > MaxParse {
		return nil, method.Fail(method.RequestTooLarge, "a call parses at most %d blobs, not %d", MaxParse, len(ids))
	}
	w := parsing{e: e, call: c, access: access, plan: p, left: c.Room()}
	parsed, notParsable, notFound := map[string]any{}, []string{}, []string{}
	for _, asked := range ids {
		id, _ := c.Resolve(asked)
		switch object, found, err := w.one(ctx, id); {
		case err != nil:
			return nil, err
		case !found:
			notFound = append(notFound, asked)
		case object == nil:
			notParsable = append(notParsable, id)
		default:
			parsed[id] = object
		}
	}
	r := parseResponse{AccountID: args.AccountID}
	if len(parsed) > 0 {
		r.Parsed = &parsed
	}
	if len(notParsable) > 0 {
		r.NotParsable = &notParsable
	}
	if len(notFound) > 0 {
		r.NotFound = &notFound
	}
	return r, nil
}

// parsing is one Email/parse.
type parsing struct {
	e      *Emails
	call   *method.Call
	access method.Access
	plan   *plan
	left   int
}

// one parses a blob; the object is nil for what is no message.
func (w *parsing) one(ctx context.Context, id string) (object ijson.Value, found bool, err error) {
	ref, err := method.ParseBlobRef(id)
	if err != nil {
		return nil, false, nil
	}
	room := blobs.New(blobs.Options{Tx: w.e.o.Tx, Mailbox: w.e.o.Mailbox, Bodies: w.e.o.Bodies})
	blob, err := room.Open(ctx, w.access, id)
	if mail.Is(err, mail.NotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer blob.Close()
	if err := w.call.Work(blob.Work()); err != nil {
		return nil, false, err
	}
	text, err := messageIn(blob)
	if err != nil || text == nil {
		return nil, true, err
	}
	summary, err := message.Summarize(io.NewSectionReader(text, 0, text.Size()))
	if err != nil {
		return nil, true, err
	}
	s := &source{parsed: true, blob: ref, info: summary.Info, root: summary.Root, content: text, left: &w.left}
	s.email.Size = text.Size()
	block, err := s.root.ReadHeader(text, MaxHeader)
	if err != nil {
		return nil, true, err
	}
	if s.fields = fieldsOf(block); len(s.fields) == 0 {
		return nil, true, nil // whatever it is, it has no header
	}
	object, err = s.object(nil, w.plan)
	return object, true, err
}

// sized is a content whose length is known.
type sized interface {
	io.ReaderAt
	Size() int64
}

// messageIn is the message that a blob is, nil for one that is too large. A part that is not encoded is read where it stands in the
// message; one that is, which RFC 2046 5.2.1 forbids for messages, is decoded into memory.
func messageIn(blob *blobs.Content) (sized, error) {
	switch {
	case blob.Entity == nil:
		return io.NewSectionReader(blob.Whole, 0, blob.Size), nil
	case !encoded(blob.Entity.Encoding):
		return io.NewSectionReader(blob.Whole, blob.Entity.Body.Offset, blob.Entity.Body.Length), nil
	}
	decoded, err := io.ReadAll(io.LimitReader(blob, maxDecoded+1))
	if err != nil || len(decoded) > maxDecoded {
		return nil, err
	}
	return bytes.NewReader(decoded), nil
}
