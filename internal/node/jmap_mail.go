package node

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/emails"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/mailboxes"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/principals"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/queries"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/writing"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
	"github.com/mailmesh/mailmesh/internal/store/threadcount"
)

// readingMail adds what JMAP clients read of mail, and all that they do with mailboxes.
func (n *Node) readingMail(r *method.Registry) {
	n.emails().Register(r)
	mailboxes.New(mailboxes.Options{Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Threads: threadcount.New(threadcount.Options{}),
		Directory: n.rooms.directory, PrincipalID: func(a mail.AccountID) string { return principals.ID(n.rooms.principalSecret, a) }}).Register(r)
}

func (n *Node) emails() *emails.Emails {
	return emails.New(emails.Options{Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Bodies: n.rooms.bodies,
		SortOptions: queries.SortOptions(), MaxSizeAttachments: writing.Attachments(int64(n.cfg.Limits.MessageSize))})
}

// findingMail adds how they find mail.
func (n *Node) findingMail(r *method.Registry) {
	queries.New(queries.Options{Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Bodies: n.rooms.bodies,
		Catalog: catalog.New(catalog.Options{Tx: n.rooms.tx}), Finder: n.rooms.finder}).Register(r)
}

// writingMail adds how they change mail and make it.
func (n *Node) writingMail(r *method.Registry) {
	writing.New(writing.Options{Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Bodies: n.rooms.bodies,
		Blobs: blobs.New(blobs.Options{Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Bodies: n.rooms.bodies}), Emails: n.emails(),
		Hostname: n.cfg.Hostname, MaxMessage: int64(n.cfg.Limits.MessageSize), Log: n.log}).Register(r)
}
