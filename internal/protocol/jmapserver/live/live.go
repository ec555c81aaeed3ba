package live

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/presence"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Capability is the URI.
const Capability = "https://mailmesh.org/jmap/live"

// Options say what the methods stand on.
type Options struct {
	Tx       *tx.Store
	Contacts *contacts.Store
	Presence *presence.Presence
}

// Live are the methods.
type Live struct{ o Options }

// New makes them.
func New(o Options) *Live { return &Live{o} }

// limits is what "accountCapabilities" says.
type limits struct {
	MaxSignalRecipients int `json:"maxSignalRecipients"`
	SignalBurst         int `json:"signalBurst"`
	SignalsPerSecond    int `json:"signalsPerSecond"`
	SignalHolds         int `json:"signalHolds"` // seconds
	MaxContacts         int `json:"maxContacts"`
	MaxSizeContactName  int `json:"maxSizeContactName"`
}

// Register adds the capability and its methods to those of a server.
func (l *Live) Register(r *method.Registry) {
	r.Capability(Capability, struct{}{}, func(_ context.Context, _ *method.User, a method.Access) any {
		if !a.Own() {
			return nil
		}
		return limits{presence.MaxRecipients, presence.Burst, presence.PerSecond, int(presence.Holds.Seconds()), contacts.MaxContacts, contacts.MaxName}
	})
	for name, m := range map[string]struct {
		needs method.Scope
		run   method.Func
	}{
		"Signal/send":          {method.Write, l.send},
		"Contact/get":          {method.Read, l.getContacts},
		"Contact/changes":      {method.Read, l.contactChanges},
		"Contact/query":        {method.Read, l.queryContacts},
		"Contact/queryChanges": {method.Read, l.contactQueryChanges},
		"Contact/set":          {method.Write, l.setContacts},
	} {
		r.Add(name, method.Method{Capability: Capability, Needs: m.needs, Run: m.run})
	}
	l.settings().Register(r, Capability, l.o.Tx)
}
