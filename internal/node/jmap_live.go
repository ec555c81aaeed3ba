package node

import (
	"log/slog"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/live"
	"github.com/mailmesh/mailmesh/internal/realtime/presence"
)

// openPresence makes the plane of what is never stored, which hears at once of what accounts show less.
func (r *rooms) openPresence(log *slog.Logger, m *meters) {
	r.presence = presence.New(presence.Options{Bus: r.bus, Log: log, Observe: liveMeters{m}, Follow: live.Follow(r.feed), Society: presence.NewSociety(presence.StoreOptions{
		Tx: r.tx, Directory: r.directory, Contacts: r.contacts, Mailbox: r.mailbox})})
	r.closers = append(r.closers, func() error { r.presence.Close(); return nil })
	r.contacts.OnRevoked(r.presence.Revoked)
}

// live are the methods of our own capability.
func (n *Node) live() *live.Live {
	return live.New(live.Options{Tx: n.rooms.tx, Contacts: n.rooms.contacts, Presence: n.rooms.presence})
}

// liveMeters are what presence observes.
type liveMeters struct{ *meters }

func (m liveMeters) Signal(result string) { m.signals.Add(1, result) }
func (m liveMeters) Here(accounts int)    { m.here.Set(float64(accounts)) }
