package node

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/principals"
)

// sharing adds whom one shares with. accounts are asked for when there are users, and a server.
func (n *Node) sharing(accounts func(context.Context, *method.User) (map[string]any, error)) func(*method.Registry) {
	return principals.New(principals.Options{Tx: n.rooms.tx, Mailbox: n.rooms.mailbox, Directory: n.rooms.directory, Secret: n.rooms.principalSecret, Accounts: accounts}).Register
}
