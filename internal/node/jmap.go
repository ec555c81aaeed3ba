package node

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/core"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/pushing"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/queries"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/quotas"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/signins"
)

// jmapServer makes the JMAP door. Each line of the list is a capability, or a part of one, with its methods.
func (n *Node) jmapServer() (*jmapserver.Server, error) {
	maxUpload := int64(n.cfg.Limits.MessageSize)
	registry := method.NewRegistry()
	blob := blobs.New(blobs.Options{Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Bodies: n.rooms.bodies, MaxUpload: maxUpload})
	var s *jmapserver.Server
	for _, register := range []func(*method.Registry){
		func(r *method.Registry) {
			core.Register(r, core.Limits{SizeUpload: maxUpload, ConcurrentUpload: jmapserver.MaxConcurrentUpload, Collations: queries.Collations()})
		},
		n.readingMail,
		blob.Register,
		quotas.New(quotas.Options{Tx: n.rooms.tx, Directory: n.rooms.directory, Mailbox: n.rooms.mailbox}).Register,
		n.findingMail,
		n.writingMail,
		n.sendingMail,
		pushing.Register,
		n.registerSubscriptions,
		n.notifying().Register,
		n.registerPictures,
		n.registerUnsubscribing,
		n.sharing(func(ctx context.Context, u *method.User) (map[string]any, error) { return s.Accounts(ctx, u) }),
		n.live().Register,
		n.snoozes().Register,
		signins.New(signins.Options{Tx: n.rooms.tx, Auth: n.rooms.auth}).Register,
	} {
		register(registry)
	}
	var err error
	s, err = jmapserver.New(jmapserver.Options{Registry: registry, Schemes: n.schemes(), Cookie: n.client, Auth: n.rooms.auth,
		Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Blobs: blob, Directory: n.rooms.directory, MaxUpload: maxUpload, Observer: jmapMeters{n.meters}, Log: n.log})
	if err != nil {
		return nil, err
	}
	if err := n.openPushing(s.Request); err != nil {
		return nil, err
	}
	n.handlePushing(s)
	return s, nil
}
