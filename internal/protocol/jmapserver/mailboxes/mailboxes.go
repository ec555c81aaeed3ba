package mailboxes

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/threadcount"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Capability is RFC 8621's for mail, which package emails describes.
const Capability = "urn:ietf:params:jmap:mail"

// Options says what the methods stand on.
type Options struct {
	Tx        *tx.Store
	Mailbox   *mailbox.Store
	Threads   *threadcount.Store
	Directory *directory.Store

	// PrincipalID is the id by which RFC 9670 knows an account; nil: nobody is told with whom mailboxes are shared.
	PrincipalID func(mail.AccountID) string
}

// Mailboxes are the methods.
type Mailboxes struct{ o Options }

// New makes them.
func New(o Options) *Mailboxes { return &Mailboxes{o} }

// Register adds the methods to those of a server.
func (m *Mailboxes) Register(r *method.Registry) {
	for name, run := range map[string]method.Func{
		"Mailbox/get":          m.get,
		"Mailbox/changes":      m.changes,
		"Mailbox/query":        m.query,
		"Mailbox/queryChanges": m.queryChanges,
	} {
		r.Add(name, method.Method{Capability: Capability, Needs: method.Read, Run: run})
	}
	r.Add("Mailbox/set", method.Method{Capability: Capability, Needs: method.Write, Run: m.set})
}
