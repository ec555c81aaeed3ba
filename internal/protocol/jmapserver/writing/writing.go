package writing

import (
	"errors"
	"log/slog"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/emails"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Capability is RFC 8621's for mail.
const Capability = "urn:ietf:params:jmap:mail"

// Limits; see the package comment for the replies.
const (
	MaxAttachments = 50 << 20 // bytes of the blobs of one email, before they are encoded
	MaxHeader      = 512 << 10
)

// Attachments is how many bytes the blobs of one email may have together where a message may have so many: in base64 they
// become lines of 76 for each 57 bytes.
func Attachments(maxMessage int64) int64 {
	return max(0, min(MaxAttachments, (maxMessage-MaxHeader)/78*57))
}

// The errors of RFC 8621 4.6 and 4.8.
const (
	blobNotFound     method.ErrorType = "blobNotFound"
	tooManyKeywords  method.ErrorType = "tooManyKeywords"
	tooManyMailboxes method.ErrorType = "tooManyMailboxes"
	invalidEmail     method.ErrorType = "invalidEmail"
)

// Options says what the methods stand on.
type Options struct {
	Tx         *tx.Store
	Mailbox    *mailbox.Store
	Bodies     *bodies.Store
	Blobs      *blobs.Blobs
	Emails     *emails.Emails // knows what an update may say though it cannot be changed
	Hostname   string         // of Message-IDs where From has no domain
	MaxMessage int64          // bytes of a message
	Log        *slog.Logger
	Now        func() time.Time // of the Date field; nil: time.Now
}

// Writing are the methods.
type Writing struct{ o Options }

// New makes them.
func New(o Options) *Writing {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Writing{o}
}

// Register adds the methods to those of a server. Who reads mail registers the capability.
func (w *Writing) Register(r *method.Registry) {
	for name, run := range map[string]method.Func{"Email/set": w.set, "Email/import": w.importEmails, "Email/copy": w.copy} {
		r.Add(name, method.Method{Capability: Capability, Needs: method.Read | method.Write, Run: run})
	}
}

// refusal is what one object of a call is answered. ok is false for a fault of ours, which ends the call.
func refusal(err error) (e *method.Error, ok bool) {
	var told *method.Error
	switch {
	case errors.As(err, &told):
		return told, true
	case errors.Is(err, mailbox.ErrNoPlace), errors.Is(err, mailbox.ErrNowhere):
		return method.Bad(mail.Explain(err), "mailboxIds"), true
	case errors.Is(err, mailbox.ErrTooManyPlaces):
		return method.Fail(tooManyMailboxes, "%s", mail.Explain(err)), true
	case errors.Is(err, mailbox.ErrTooManyKeywords):
		return method.Fail(tooManyKeywords, "%s", mail.Explain(err)), true
	}
	switch mail.KindOf(err) {
	case mail.NotFound, mail.Denied, mail.OverQuota, mail.Limit:
		return method.ErrorOf(err)
	}
	return nil, false
}

// tooLarge is the answer to a message, or its attachments, of more than so many bytes.
func tooLarge(most int64, what string) *method.Error {
	e := method.Fail(method.TooLarge, "%s at most %d bytes", what, most)
	e.More = map[string]any{"maxSize": most}
	return e
}
