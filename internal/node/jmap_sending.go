package node

import (
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/sending"
	"github.com/mailmesh/mailmesh/internal/store/identities"
)

// sendingMail adds what sends emails.
func (n *Node) sendingMail(r *method.Registry) {
	sending.New(sending.Options{Tx: n.rooms.tx, Directory: n.rooms.directory, Mailbox: n.rooms.mailbox, Bodies: n.rooms.bodies,
		Identities: identities.New(), Submissions: n.rooms.submissions, Submission: n.rooms.submission, Responses: n.rooms.responses,
		Blobs:      blobs.New(blobs.Options{Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Bodies: n.rooms.bodies}),
		MaxMessage: int64(n.cfg.Limits.MessageSize), Log: n.log}).Register(r)
}
