package node

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/access"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/pushing"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// openPushing makes what tells connected clients of changes. Requests that come by it are carried out by run.
func (n *Node) openPushing(run func(context.Context, *method.User, []byte, func([]byte)) error) (err error) {
	counted := func(ctx context.Context, u *method.User, request []byte, respond func([]byte)) error {
		defer n.request()()
		return run(ctx, u, request, respond)
	}
	accesses := access.New(n.rooms.tx, n.rooms.mailbox)
	n.pushing, err = pushing.New(pushing.Options{
		Feed: n.rooms.feed, Run: counted, Sources: n.pushSources(), Observe: pushMeters{n.meters}, Log: n.log,
		Accounts: func(ctx context.Context, u *method.User) (map[mail.AccountID]states.Types, error) {
			types := map[mail.AccountID]states.Types{}
			err := n.rooms.tx.Read(ctx, func(t *tx.Tx) error {
				all, err := accesses.All(t, u)
				for _, a := range all {
					types[a.Owner] = states.OfMail
					if a.Own() {
						types[a.Owner] = states.All
					}
				}
				return err
			})
			return types, err
		},
	})
	return err
}

// pushSources are what connected clients can hear of beside states.
func (n *Node) pushSources() []pushing.Source {
	return []pushing.Source{n.live().Source(), n.notifying().Source()}
}

// handlePushing has the JMAP door hand connections on.
func (n *Node) handlePushing(s *jmapserver.Server) {
	s.Handle("GET "+jmapserver.EventSourcePath, n.pushing.EventSource)
	s.Handle("GET "+pushing.Path, n.pushing.WebSocket)
}

// closePushing says goodbye to the clients that are connected, if there can be any.
func (n *Node) closePushing() {
	if n.pushing != nil {
		n.pushing.Close()
	}
}

// pushMeters are what pushing observes.
type pushMeters struct{ *meters }

func (m pushMeters) Connected(kind string)    { m.sessions.Add(1, kind) }
func (m pushMeters) Disconnected(kind string) { m.sessions.Add(-1, kind) }
