package emails

import (
	"io"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/field"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// source is a message, as far as a plan needs it.
type source struct {
	email   mailbox.Email // of an email; of what is parsed only Blob and Size
	blob    method.BlobRef
	parsed  bool // it is no email
	places  []mail.MailboxID
	flags   mail.Flags
	info    message.Info
	fields  []header.Field
	root    *message.Part
	content io.ReaderAt
	more    bool // the fields are in the content only
	left    *int // bytes that the response may still have

	sorted *message.Bodies // see bodies
	paths  map[*message.Part][]int
	sizes  map[*message.Part]int64 // of decoded parts
}

// ofRow are the properties that are no header fields and need no content, and "headers".
var ofRow = map[string]known{
	"id":            {0, ofEmail(func(s *source) any { return s.email.ID.String() })},
	"threadId":      {0, ofEmail(func(s *source) any { return s.email.Thread.String() })},
	"mailboxIds":    {needsPlaces, ofEmail(func(s *source) any { return s.mailboxIDs() })},
	"keywords":      {needsPlaces, ofEmail(func(s *source) any { return mail.JMAPKeywords(s.flags) })},
	"receivedAt":    {0, ofEmail(func(s *source) any { return utcDate(s.email.Received) })},
	"blobId":        {0, func(s *source) (any, error) { return s.blob.String(), nil }},
	"size":          {0, func(s *source) (any, error) { return s.email.Size, nil }},
	"hasAttachment": {needsInfo, func(s *source) (any, error) { return s.info.HasAttachment, nil }},
	"preview":       {needsInfo, func(s *source) (any, error) { return s.info.Preview, nil }},
	"headers":       {needsStructure | needsContent, func(s *source) (any, error) { return s.headers(s.root) }},
}

// ofEmail is a property that what is parsed has not: null there (RFC 8621 4.9).
func ofEmail(of func(*source) any) func(*source) (any, error) {
	return func(s *source) (any, error) {
		if s.parsed {
			return nil, nil
		}
		return of(s), nil
	}
}

func (s *source) mailboxIDs() map[string]bool {
	ids := make(map[string]bool, len(s.places))
	for _, id := range s.places {
		ids[id.String()] = true
	}
	return ids
}

// utcDate writes a UTCDate (RFC 8620 1.4).
func utcDate(milliseconds int64) string {
	return time.UnixMilli(milliseconds).UTC().Format("2006-01-02T15:04:05.999Z")
}

// headerProperty is the value of a header field.
func headerProperty(f field.Property) func(*source) (any, error) {
	return func(s *source) (any, error) { return f.Of(s.fields), nil }
}

// take counts bytes of the response. The error says that there are too many.
func (s *source) take(n int) error {
	if *s.left -= n; *s.left < 0 {
		return method.Fail(method.RequestTooLarge, "the response would be too large: ask for fewer emails, fewer properties, or a smaller maxBodyValueBytes")
	}
	return nil
}

// object writes the email as it is answered.
func (s *source) object(dst []byte, p *plan) ([]byte, error) {
	dst = append(dst, '{')
	for _, prop := range p.properties {
		v, err := prop.of(s)
		if err == nil {
			dst, err = ijson.AppendMember(dst, prop.key, v)
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// fieldsOf cuts a header into its fields.
func fieldsOf(block []byte) (fields []header.Field) {
	for f := range header.Fields(block) {
		fields = append(fields, f)
	}
	return fields
}

// explain is what a client is told of an error of ours that is about what it asked.
func explain(err error) string { return mail.Explain(err) }
