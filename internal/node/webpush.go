package node

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"log/slog"
	"time"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/notifying"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/subscriptions"
	"github.com/mailmesh/mailmesh/internal/realtime/notify"
	"github.com/mailmesh/mailmesh/internal/realtime/webpush"
	vapid "github.com/mailmesh/mailmesh/internal/rfc/webpush"
	"github.com/mailmesh/mailmesh/internal/store/notifications"
	"github.com/mailmesh/mailmesh/internal/store/push"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// openWebPush makes what pushes to clients that are not connected. Every node signs with the same key, made of the master key.
func (r *rooms) openWebPush(hostname string, log *slog.Logger, m *meters) error {
	secret, err := hkdf.Key(sha256.New, r.master, nil, "mailmesh web push", 32)
	if err != nil {
		return err
	}
	if r.vapid, err = vapid.NewServer(secret, "mailto:postmaster@"+hostname); err != nil {
		return err
	}
	r.subscriptions = push.New()
	sender, err := webpush.New(webpush.Options{Bus: r.bus, Tx: r.tx, Subscriptions: r.subscriptions, Server: r.vapid, Fetch: r.fetch, Observe: m, Log: log,
		Holds: func(t *tx.Tx, s push.Subscription) (bool, error) {
			return r.auth.CredentialHolds(t, s.Account, s.Credential)
		}})
	if err != nil {
		return err
	}
	r.webPush = sender
	r.closers = append(r.closers, func() error { sender.Close(); return nil })
	return nil
}

// openNotifier makes what decides which mail deserves a notification.
func (r *rooms) openNotifier(log *slog.Logger) (err error) {
	r.notifier, err = notify.New(notify.Options{Bus: r.bus, Tx: r.tx, Rules: notifications.New(), Contacts: r.contacts, Mailbox: r.mailbox,
		Directory: r.directory, Push: r.webPush, Log: log})
	if err == nil {
		r.closers = append(r.closers, func() error { r.notifier.Close(); return nil })
	}
	return err
}

// notifying are the methods of notifications, and what connected clients hear of them.
func (n *Node) notifying() *notifying.Notifying {
	return notifying.New(notifying.Options{Tx: n.rooms.tx, Rules: notifications.New(), Notifier: n.rooms.notifier})
}

// registerSubscriptions adds the methods of push subscriptions.
func (n *Node) registerSubscriptions(r *method.Registry) {
	subscriptions.New(subscriptions.Options{Tx: n.rooms.tx, Push: n.rooms.subscriptions, Sender: n.rooms.webPush, Key: n.rooms.vapid.PublicKey()}).Register(r)
}

// forgetPushSubscriptions removes push subscriptions that have expired.
func (n *Node) forgetPushSubscriptions(ctx context.Context) error {
	for gone := int64(maxForgotten); gone == maxForgotten; {
		err := n.rooms.tx.Write(ctx, nil, func(t *tx.Tx) (err error) {
			gone, err = n.rooms.subscriptions.Expire(t, maxForgotten)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Sent and Pushed are webpush.Observer's.
func (m *meters) Sent(kind string, after time.Duration) { m.pushSeconds.Time(after, kind) }
func (m *meters) Pushed(result string)                  { m.webPushes.Add(1, result) }
