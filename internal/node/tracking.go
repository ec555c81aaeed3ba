package node

import (
	"context"
	"log/slog"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/tracking"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func (r *rooms) openTracking(hostname string, log *slog.Logger) {
	r.tracking = tracking.New(tracking.Options{Hostname: hostname, Tx: r.tx, Bodies: r.bodies, Mailbox: r.mailbox, Contacts: r.contacts,
		Submissions: r.submissions, Keys: r.signingKeys, Log: log})
}

// seen tells tracking what mailboxes say. The rooms are opened in another order.
func (r *rooms) seen(t *tx.Tx, account mail.AccountID, emails []mail.EmailID) error {
	return r.tracking.Seen(t, account, emails)
}

func (r *rooms) sent(t *tx.Tx, account mail.AccountID, messageID string, at mailbox.Appended) error {
	return r.tracking.Sent(t, account, messageID, at)
}

// signingKeys asks DNS for the keys that signatures are verified with (dkim.Lookup): that there are none is no error.
func (r *rooms) signingKeys(ctx context.Context, name string) ([]string, error) {
	found, err := r.resolver.TXT(ctx, name)
	if dns.NotFound(err) {
		return nil, nil
	}
	return found.Records, err
}
