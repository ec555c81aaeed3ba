package node

import (
	"log/slog"

	"github.com/mailmesh/mailmesh/internal/mailflow/snoozing"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/snoozes"
	"github.com/mailmesh/mailmesh/internal/store/snooze"
)

func (r *rooms) openSnoozing(log *slog.Logger) {
	r.snoozed = snooze.New()
	r.snoozing = snoozing.New(snoozing.Options{Tx: r.tx, Mailbox: r.mailbox, Snoozed: r.snoozed, Notifier: r.notifier, Bus: r.bus, Log: log})
}

// snoozes are the methods of our own capability.
func (n *Node) snoozes() *snoozes.Snoozes {
	return snoozes.New(snoozes.Options{Tx: n.rooms.tx, Snoozed: n.rooms.snoozed, Snoozing: n.rooms.snoozing})
}
