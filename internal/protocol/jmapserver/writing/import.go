package writing

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

type importArgs struct {
	AccountID string                 `json:"accountId"`
	IfInState *string                `json:"ifInState"`
	Emails    map[string]ijson.Value `json:"emails"`
}

// addedResponse is the response of Email/import; Email/copy adds the account that it copies from.
type addedResponse struct {
	FromAccountID string                    `json:"fromAccountId,omitempty"`
	AccountID     string                    `json:"accountId"`
	OldState      string                    `json:"oldState"`
	NewState      string                    `json:"newState"`
	Created       *map[string]any           `json:"created"`
	NotCreated    *map[string]*method.Error `json:"notCreated"`
}

func (s *setting) added() addedResponse {
	r := addedResponse{AccountID: s.response.AccountID, OldState: s.span.From.String(), NewState: s.span.To.String()}
	if len(s.response.Created) > 0 {
		r.Created = &s.response.Created
	}
	if len(s.response.NotCreated) > 0 {
		r.NotCreated = &s.response.NotCreated
	}
	return r
}

// importEmails is Email/import (RFC 8621 4.8).
func (w *Writing) importEmails(ctx context.Context, c *method.Call) (any, error) {
	var args importArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if err := (&method.SetArgs{Create: args.Emails}).Check(); err != nil {
		return nil, err
	}
	access, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	s := w.setting(c, access, args.AccountID, args.IfInState)
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	if err := s.createEach(ctx, args.Emails, s.imported); err != nil {
		return nil, err
	}
	return s.added(), nil
}

// createEach makes an email of each object, as make reads them.
func (s *setting) createEach(ctx context.Context, objects map[string]ijson.Value, make func(context.Context, ijson.Value) (arrival, error)) error {
	var ready []arrival
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		a, err := make(ctx, objects[key])
		if refused, ok := refusal(err); err != nil && ok {
			s.response.NotCreated[key] = refused
			continue
		}
		if err != nil {
			s.discard(ctx, ready)
			return err
		}
		a.key = key
		ready = append(ready, a)
	}
	return s.keep(ctx, ready)
}

// placed reads what EmailImport and EmailCopy have in common with an Email.
func (s *setting) placed(a *arrival, name string, v ijson.Value, wrong *wrongs) {
	var e *method.Error
	switch {
	case name == "mailboxIds":
		a.places, e = mailboxIDs(v, s.call.Resolve)
	case name == "keywords":
		a.message.Flags = mail.Flags{}
		if !ijson.IsNull(v) {
			a.message.Flags, e = keywords(v)
		}
	case name == "receivedAt":
		if !ijson.IsNull(v) {
			a.message.Received, e = utcDate(v, name)
		}
	default:
		e = method.Bad("there is no property "+quote(name)+" here", name)
	}
	wrong.take(e)
}

// imported reads an EmailImport, and the message that it names.
func (s *setting) imported(ctx context.Context, object ijson.Value) (a arrival, err error) {
	var wrong wrongs
	blobID := ""
	if !ijson.IsObject(object) {
		return a, method.Bad("an EmailImport is an object")
	}
	err = ijson.Members(object, func(name string, v ijson.Value) error {
		if name != "blobId" {
			s.placed(&a, name, v, &wrong)
		} else if ijson.Strict(v, &blobID) != nil {
			wrong.add("blobId is a string", "blobId")
		}
		return nil
	})
	if err != nil {
		return a, err
	}
	if blobID == "" {
		wrong.add("blobId is missing", "blobId")
	}
	if a.places == nil {
		wrong.add(mailbox.ErrNowhere.Error(), "mailboxIds")
	}
	if e := wrong.err(); e != nil {
		return a, e
	}
	return a, s.importBlob(ctx, &a, blobID)
}

// noBlob is the answer to a blob that is not there (RFC 8621 4.8).
func noBlob(id string) error { return method.Bad("there is no blob "+quote(id), "blobId") }

// importBlob reads the message. A body that the account has is named once more; a part of one is written anew.
func (s *setting) importBlob(ctx context.Context, a *arrival, id string) error {
	name, known := s.call.Resolve(id)
	if !known {
		return noBlob(id)
	}
	c, err := s.o.Blobs.Open(ctx, s.access, name)
	if mail.Is(err, mail.NotFound) {
		return noBlob(id)
	}
	if err != nil {
		return err
	}
	defer c.Close() // it was read, or the error is told
	if err := s.call.Work(c.Work()); err != nil {
		return err
	}
	flags, received := a.message.Flags, a.message.Received
	summarizer := message.NewSummarizer(message.Limits{})
	in := &bounded{from: c, left: s.o.MaxMessage}
	head := &front{most: headBytes}
	if c.Entity == nil {
		_, err = io.Copy(io.MultiWriter(summarizer, head), in)
		ref, _ := method.ParseBlobRef(name) // it was opened
		a.size = c.Size
		a.hold = func(t *tx.Tx) (mail.BlobID, error) {
			err := s.o.Bodies.HoldAgain(t, s.access.Owner, ref.Blob)
			if mail.Is(err, mail.NotFound) { // an upload whose time has ended
				err = noBlob(id)
			}
			return ref.Blob, err
		}
	} else if a.body, err = s.o.Bodies.Put(ctx, io.TeeReader(in, io.MultiWriter(summarizer, head))); err == nil {
		body := a.body
		a.size = body.Size
		a.hold = func(t *tx.Tx) (mail.BlobID, error) { return s.o.Bodies.Hold(t, s.access.Owner, body) }
	}
	if in.left < 0 {
		return tooLarge(s.o.MaxMessage, "a message has")
	}
	if err != nil {
		return err
	}
	if summarizer.HeaderFields() == 0 {
		s.discard(ctx, []arrival{*a})
		return method.Fail(invalidEmail, "this is no message: it has no header")
	}
	if a.message, err = mailbox.Summarized(summarizer.Close()); err != nil {
		return err
	}
	if a.message.Flags, a.message.Received = flags, received; received.IsZero() {
		a.message.Received = head.received()
	}
	return nil
}

// headBytes is how much of a header is looked at for Received: the first field of the name is the newest.
const headBytes = 64 << 10

// front keeps the first bytes of what is written.
type front struct {
	most int
	kept []byte
}

func (f *front) Write(p []byte) (int, error) {
	f.kept = append(f.kept, p[:min(len(p), f.most-len(f.kept))]...)
	return len(p), nil
}

// received is the time of the newest Received field, zero if there is none that can be read.
func (f *front) received() time.Time {
	for field := range header.Fields(f.kept) {
		if !strings.EqualFold(string(field.Name), "Received") {
			continue
		}
		value := field.Value()
		at, ok := header.ParseDate(value[strings.LastIndexByte(value, ';')+1:])
		if ok && at.Year() > 1970 && at.Year() < 10000 {
			return at
		}
		break
	}
	return time.Time{}
}
