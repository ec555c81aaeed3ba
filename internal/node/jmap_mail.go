package node

import (
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/emails"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/mailboxes"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/queries"
	"github.com/mailmesh/mailmesh/internal/store/threadcount"
)

// readingMail adds what JMAP clients read of mail, and all that they do with mailboxes.
func (n *Node) readingMail(r *method.Registry) {
	emails.New(emails.Options{Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Bodies: n.rooms.bodies,
		SortOptions: queries.SortOptions(), MaxSizeAttachments: int64(n.cfg.Limits.MessageSize)}).Register(r)
	mailboxes.New(mailboxes.Options{Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Threads: threadcount.New(threadcount.Options{}),
		Directory: n.rooms.directory}).Register(r)
}
