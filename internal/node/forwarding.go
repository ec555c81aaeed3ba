package node

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/mailmesh/mailmesh/internal/mailflow/forwarding"
	"github.com/mailmesh/mailmesh/internal/rfc/srs"
	"github.com/mailmesh/mailmesh/internal/store/senders"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// openSender makes what rewrites the reverse-paths of forwarded mail. Its secret is the same on all nodes, and after a restore.
func (r *rooms) openSender(master []byte) error {
	secret, err := hkdf.Key(sha256.New, master, nil, "mailmesh sender rewriting", 32)
	r.sender = srs.New(secret, nil)
	return err
}

func (r *rooms) newForwarding() *forwarding.Forwarding {
	return forwarding.New(forwarding.Options{Directory: r.directory, Bodies: r.bodies, Spool: r.spool, Sender: r.sender, Senders: senders.New()})
}

// forgetSenders forgets long senders whose mail was forwarded long ago.
func (n *Node) forgetSenders(ctx context.Context) error {
	known := senders.New()
	for more := true; more; {
		err := n.rooms.tx.Write(ctx, nil, func(t *tx.Tx) (err error) { more, err = known.Forget(t); return err })
		if err != nil {
			return err
		}
	}
	return nil
}
