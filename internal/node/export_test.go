package node

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/protocol/adminserver"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Rooms are the rooms of a node, for tests that go past its doors.
type Rooms struct {
	Tx        *tx.Store
	Mailbox   *mailbox.Store
	Bodies    *bodies.Store
	Auth      *auth.Store
	Provision *provision.Service
	Search    *search.Index
}

// Poll asks the store for what has changed, as happens every realtime.PollInterval.
func (n *Node) Poll(ctx context.Context) error { return n.rooms.realtime.Poll(ctx, n.rooms.mailbox) }

// Publish sends an event, as another node could.
func (n *Node) Publish(subject string, payload []byte) { n.rooms.bus.Publish(subject, payload) }

// DirectAdmin is the admin interface of a node, past its socket.
func (n *Node) DirectAdmin() *Admin { return adminserver.Direct(n.adminHandler()) }

func (n *Node) Rooms() Rooms {
	return Rooms{n.rooms.tx, n.rooms.mailbox, n.rooms.bodies, n.rooms.auth, n.rooms.provision, n.rooms.search}
}
