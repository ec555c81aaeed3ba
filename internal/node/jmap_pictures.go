package node

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/pictures"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/unsubscribing"
)

// maxPictures are fetched at a time, each of which may be as large as pictures.MaxPicture in memory.
const maxPictures = 16

// registerPictures makes what brings pictures, and adds its method.
func (n *Node) registerPictures(r *method.Registry) {
	n.pictures = pictures.New(pictures.Options{Fetch: n.rooms.outside(maxPictures), Secret: n.rooms.pictureSecret, Log: n.log})
	n.pictures.Register(r)
}

// registerUnsubscribing adds what leaves lists.
func (n *Node) registerUnsubscribing(r *method.Registry) {
	unsubscribing.New(unsubscribing.Options{Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Bodies: n.rooms.bodies, Lookup: n.rooms.texts, Fetch: n.rooms.fetch}).Register(r)
}

// texts asks DNS for texts as signatures are verified with: that there are none is no error (dkim.Lookup).
func (r *rooms) texts(ctx context.Context, name string) ([]string, error) {
	answer, err := r.resolver.TXT(ctx, name)
	if dns.NotFound(err) {
		return nil, nil
	}
	return answer.Records, err
}
