package queries

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/sight"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// capability is RFC 8621's for mail, which package emails registers.
const capability = "urn:ietf:params:jmap:mail"

// Limits; see the package comment for the replies.
const (
	MaxIDs    = 10_000
	MaxFilter = 500
	MaxTexts  = 50
	MaxSort   = 10

	// DefaultBytes is the memory for matches and orders, when Options names none.
	DefaultBytes = 64 << 20

	searchBytes  = 8 << 30
	sortBytes    = 64 << 20
	snippetBytes = 256 << 10
)

// SortOptions is what Email/query sorts by, for the session (RFC 8621 1.3.1).
func SortOptions() []string {
	names := make([]string, len(properties))
	for i, p := range properties {
		names[i] = p.name
	}
	return names
}

// Collations are those of texts (RFC 4790), for the session.
func Collations() []string { return []string{unicodeCasemap, asciiCasemap} }

// Options says what the methods stand on.
type Options struct {
	Tx      *tx.Store
	Mailbox *mailbox.Store
	Bodies  *bodies.Store
	Catalog *catalog.Store
	Finder  *finding.Finder
	Bytes   int64 // for matches and orders that are kept; 0: DefaultBytes
}

// Queries are the methods. They are safe for concurrent use.
type Queries struct {
	o    Options
	kept *cache
}

// New makes them.
func New(o Options) *Queries {
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	return &Queries{o: o, kept: newCache(o.Bytes)}
}

// Register adds the methods to those of a server.
func (q *Queries) Register(r *method.Registry) {
	for name, run := range map[string]method.Func{
		"Email/query":        q.query,
		"Email/queryChanges": q.queryChanges,
		"SearchSnippet/get":  q.snippets,
	} {
		r.Add(name, method.Method{Capability: capability, Needs: method.Read, Run: run})
	}
}

// view is the mail of an account as a user sees it, in one state.
type view struct {
	*catalog.Snapshot
	access method.Access
	sight  sight.Sight
	key    string // of the account, and of what is seen: for what is kept
}

func (q *Queries) view(ctx context.Context, a method.Access) (*view, error) {
	v := &view{access: a, key: a.Owner.String()}
	var err error
	if v.sight, err = sight.Read(ctx, q.o.Tx, q.o.Mailbox, a); err != nil {
		return nil, err
	}
	if !a.Own() {
		seen := sha256.Sum256(fmt.Append(nil, v.sight.Readable()))
		v.key += " seen " + string(seen[:])
	}
	v.Snapshot, err = q.o.Catalog.Get(ctx, a.Owner)
	return v, err
}

// sees reports whether the user sees an email.
func (v *view) sees(e *catalog.Entry) bool {
	return v.access.Own() || len(v.mailboxes(e)) > 0
}

// mailboxes are those of an email that the user sees.
func (v *view) mailboxes(e *catalog.Entry) []mail.MailboxID {
	all := v.Mailboxes(e)
	if v.access.Own() {
		return all
	}
	var seen []mail.MailboxID
	for _, id := range all {
		if v.sight.Reads(id) {
			seen = append(seen, id)
		}
	}
	return seen
}

// effort is what one call may do. It ends with the request.
func effort(ctx context.Context) *finding.Effort {
	return finding.NewEffort(searchBytes, time.Second/10, func(_, _ uint64) error { return context.Cause(ctx) })
}
