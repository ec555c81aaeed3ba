package mailbox

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Totals is what all accounts hold together, the spool's apart.
type Totals struct {
	Accounts int64
	Messages int64 // each email once, however many mailboxes hold it
	Bytes    int64 // of these
}

// Totals reads the counters of every account, one row each: it is for a metric that is read now and then.
func (s *Store) Totals(ctx context.Context) (sum Totals, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT COUNT(*), CAST(COALESCE(SUM(used_messages), 0) AS BIGINT), CAST(COALESCE(SUM(used_bytes), 0) AS BIGINT)
			FROM account WHERE state = 'here' AND id <> $1`, mail.SpoolAccount).Scan(&sum.Accounts, &sum.Messages, &sum.Bytes)
	})
	return sum, err
}
