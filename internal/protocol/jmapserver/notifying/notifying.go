package notifying

import (
	"context"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/pushing"
	"github.com/mailmesh/mailmesh/internal/realtime/notify"
	"github.com/mailmesh/mailmesh/internal/store/notifications"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Capability is its URI.
const Capability = "https://mailmesh.org/jmap/notifications"

// Options say what Notifying stands on.
type Options struct {
	Tx       *tx.Store
	Rules    *notifications.Store
	Notifier *notify.Notifier
}

// Notifying are the methods.
type Notifying struct{ o Options }

// New makes them.
func New(o Options) *Notifying { return &Notifying{o} }

// Register adds the methods and the capability, which a user has in the own account alone.
func (n *Notifying) Register(r *method.Registry) {
	r.Capability(Capability, struct{}{}, func(_ context.Context, _ *method.User, a method.Access) any {
		if !a.Own() {
			return nil
		}
		return struct{}{}
	})
	n.rules().Register(r, Capability, n.o.Tx)
}

// Source hands notifications to connected clients.
func (n *Notifying) Source() pushing.Source { return source{n.o.Notifier} }

type source struct{ notifier *notify.Notifier }

// Type implements pushing.Source.
func (source) Type() string { return notify.Type }

// Attach implements pushing.Source.
func (s source) Attach(u *method.User, send func(pushing.Object)) (detach func()) {
	return s.notifier.Watch(u.Account, func(v notify.Notification) {
		send(pushing.Object{JSON: v.JSON, Key: fmt.Sprintf("notification %v", v.Email), At: v.At, Until: v.At.Add(notify.TTL)})
	})
}
