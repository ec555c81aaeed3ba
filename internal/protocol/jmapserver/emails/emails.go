package emails

import (
	"context"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Capability is RFC 8621's for mail.
const Capability = "urn:ietf:params:jmap:mail"

// Limits; see the package comment for the replies.
const (
	MaxParse      = 50
	MaxProperties = 256
	MaxHeader     = 1 << 20
	maxDecoded    = 16 << 20 // of an encoded message within a message
)

// Options says what the methods stand on.
type Options struct {
	Tx      *tx.Store
	Mailbox *mailbox.Store
	Bodies  *bodies.Store

	// What the capability tells of methods of other packages.
	SortOptions        []string // of Email/query
	MaxSizeAttachments int64    // of Email/set
}

// Emails are the methods.
type Emails struct{ o Options }

// New makes them.
func New(o Options) *Emails { return &Emails{o} }

// Register adds the methods to those of a server.
func (e *Emails) Register(r *method.Registry) {
	r.Capability(Capability, struct{}{}, e.capability)
	for name, run := range map[string]method.Func{
		"Email/get":      e.get,
		"Email/changes":  e.changes,
		"Email/parse":    e.parse,
		"Thread/get":     e.getThreads,
		"Thread/changes": e.changesOfThreads,
	} {
		r.Add(name, method.Method{Capability: Capability, Needs: method.Read, Run: run})
	}
}

// capability is what RFC 8621 1.3.1 wants to be told of an account.
func (e *Emails) capability(_ context.Context, _ *method.User, a method.Access) any {
	return struct {
		MaxMailboxesPerEmail       int      `json:"maxMailboxesPerEmail"`
		MaxMailboxDepth            int      `json:"maxMailboxDepth"`
		MaxSizeMailboxName         int      `json:"maxSizeMailboxName"`
		MaxSizeAttachmentsPerEmail int64    `json:"maxSizeAttachmentsPerEmail"`
		EmailQuerySortOptions      []string `json:"emailQuerySortOptions"`
		MayCreateTopLevelMailbox   bool     `json:"mayCreateTopLevelMailbox"`
	}{mailbox.MaxMailboxesPerEmail, mailbox.MaxDepth, mailbox.MaxName, e.o.MaxSizeAttachments, e.o.SortOptions, a.Own()}
}

// content is an open body.
type content interface {
	io.ReaderAt
	io.Closer
}

// opener opens the body of an email.
type opener func(ctx context.Context, id mail.BlobID) (content, error)

// find makes bodies of an account ready to be opened.
func (e *Emails) find(ctx context.Context, account mail.AccountID, ids []mail.BlobID) (opener, error) {
	var found bodies.Found
	err := e.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		found, err = e.o.Bodies.Find(t, account, ids)
		return err
	})
	return func(ctx context.Context, id mail.BlobID) (content, error) { return found.Open(ctx, id) }, err
}
