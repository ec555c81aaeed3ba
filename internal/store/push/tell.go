package push

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Ref names a subscription.
type Ref struct {
	Account mail.AccountID
	ID      ID
}

// Accounts lists accounts with subscriptions above after, ascending, at most limit.
func (s *Store) Accounts(t *tx.Tx, after mail.AccountID, limit int) (list []mail.AccountID, err error) {
	rows, err := t.SQL().Query(`SELECT DISTINCT account_id FROM push_subscription WHERE account_id > $1 ORDER BY account_id LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id mail.AccountID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, rows.Err()
}

// Begin gives a subscription to who wants to tell what is new since it was told last; ok is false when somebody else is at it, or has
// told it more meanwhile, or it is not yet to be tried again.
func (s *Store) Begin(t *tx.Tx, sub Subscription) (ok bool, err error) {
	n, err := t.SQL().Exec(`UPDATE push_subscription SET owed = 1, due = $3 WHERE account_id = $1 AND id = $2 AND due <= $4 AND epoch = $5 AND told = $6`,
		sub.Account, int64(sub.ID), t.Now().Add(ClaimTime), t.Now(), sub.Epoch, sub.Told)
	return n > 0, err
}

// Told notes up to which state of its account a subscription was told. It stays owed where the account has gone on since: another node
// that wanted to tell it meanwhile has left it to this one.
func (s *Store) Told(t *tx.Tx, r Ref, epoch int64, at mail.ModSeq) (more bool, err error) {
	n, err := t.SQL().Exec(`UPDATE push_subscription SET owed = 0, due = 0, failures = 0, epoch = $3, told = $4 WHERE account_id = $1 AND id = $2`,
		r.Account, int64(r.ID), epoch, at)
	if err != nil || n == 0 {
		return false, err
	}
	n, err = t.SQL().Exec(`UPDATE push_subscription SET owed = 1 WHERE account_id = $1 AND id = $2 AND told < (SELECT modseq FROM account WHERE id = $1)`,
		r.Account, int64(r.ID))
	return n > 0, err
}

// Failed has a subscription tried again after a pause; the one that fails MaxFailures times in a row goes.
func (s *Store) Failed(t *tx.Tx, r Ref, pause time.Duration) error {
	_, err := t.SQL().Exec(`UPDATE push_subscription SET due = $3, failures = failures + 1 WHERE account_id = $1 AND id = $2`,
		r.Account, int64(r.ID), t.Now().Add(pause))
	if err == nil {
		_, err = t.SQL().Exec(`DELETE FROM push_subscription WHERE account_id = $1 AND id = $2 AND failures >= $3`, r.Account, int64(r.ID), MaxFailures)
	}
	return err
}

// Due lists subscriptions that are owed something and can be tried, at most limit.
func (s *Store) Due(t *tx.Tx, limit int) (list []Ref, err error) {
	rows, err := t.SQL().Query(`SELECT account_id, id FROM push_subscription WHERE owed = 1 AND due <= $1 ORDER BY due LIMIT $2`, t.Now(), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Ref
		if err := rows.Scan(&r.Account, &r.ID); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// Recover marks what may have been missed by a node that has stopped: subscriptions whose account has gone on since they were told.
func (s *Store) Recover(t *tx.Tx) error {
	_, err := t.SQL().Exec(`UPDATE push_subscription SET owed = 1 WHERE owed = 0 AND verified = 1
		AND told < (SELECT modseq FROM account WHERE account.id = push_subscription.account_id)`)
	return err
}
