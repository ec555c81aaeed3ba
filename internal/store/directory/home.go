package directory

import (
	"errors"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Quota limits what an account may keep; 0 is no limit.
type Quota struct {
	Bytes     int64
	Messages  int64
	Mailboxes int64 // 0: as many as an account may have
}

// QuotaState is a quota and what is used of it.
type QuotaState struct {
	Quota
	UsedBytes    int64
	UsedMessages int64
}

// Full reports whether a message of size more bytes would not fit.
func (q QuotaState) Full(size int64) bool {
	return q.Bytes > 0 && q.UsedBytes+size > q.Bytes || q.Messages > 0 && q.UsedMessages+1 > q.Messages
}

// AddHome makes the row an account's mail is counted in, which every write to that mail locks (store/tx). It lies where
// the mail lies, apart from the directory's rows.
func (s *Store) AddHome(t *tx.Tx, id mail.AccountID, wrappedKey []byte, q Quota) error {
	const op = "directory.AddHome"
	if err := q.check(op); err != nil {
		return err
	}
	n, err := t.SQL().Exec(`INSERT INTO account (id, state, epoch, modseq, log_floor, last_uidvalidity, quota_bytes, quota_messages,
		quota_mailboxes, used_bytes, used_messages, wrapped_key) VALUES ($1, 'here', 1, 0, 0, 0, $2, $3, $4, 0, 0, $5) ON CONFLICT DO NOTHING`,
		id, q.Bytes, q.Messages, q.Mailboxes, wrappedKey)
	if err == nil && n == 0 {
		err = mail.E(op, mail.Exists, fmt.Errorf("account %v is here already", id))
	}
	return err
}

func (q Quota) check(op string) error {
	if q.Bytes < 0 || q.Messages < 0 || q.Mailboxes < 0 {
		return mail.E(op, mail.Invalid, errors.New("a quota is a number of bytes, one of messages and one of mailboxes, 0 for no limit"))
	}
	return nil
}

// CloseHome ends an account: no write locks it any more, and its key is gone, which nobody can read its mail without.
// The row stays until RemoveHome, as the mark that its rows are to be removed.
func (s *Store) CloseHome(t *tx.Tx, id mail.AccountID) error {
	return updateAccount(t, "directory.CloseHome", id, `UPDATE account SET state = 'gone', wrapped_key = $2 WHERE id = $1`, []byte{})
}

// ClosedHomes lists accounts that CloseHome ended, at most limit of them.
func (s *Store) ClosedHomes(t *tx.Tx, limit int) ([]mail.AccountID, error) {
	return homes(t, `SELECT id FROM account WHERE state = 'gone' ORDER BY id LIMIT $1`, page(limit))
}

// NamelessHomes lists homes that no account of the directory has, the spool's apart: the making of an account stopped
// half-way, or is under way.
func (s *Store) NamelessHomes(t *tx.Tx, limit int) ([]mail.AccountID, error) {
	return homes(t, `SELECT a.id FROM account a LEFT JOIN directory_account d ON d.account_id = a.id
		WHERE a.state = 'here' AND a.id <> $2 AND d.account_id IS NULL ORDER BY a.id LIMIT $1`, page(limit), mail.SpoolAccount)
}

func homes(t *tx.Tx, sql string, args ...any) ([]mail.AccountID, error) {
	rows, err := t.SQL().Query(sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []mail.AccountID
	for rows.Next() {
		var id mail.AccountID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// RemoveHome removes the row of a closed account, when nothing is left that bears its id. Calling it again does nothing.
func (s *Store) RemoveHome(t *tx.Tx, id mail.AccountID) error {
	_, err := t.SQL().Exec(`DELETE FROM account WHERE id = $1 AND state = 'gone'`, id)
	return err
}

// The objects of tx.KindQuota: the limits of an account.
const (
	LimitBytes     = 1
	LimitMessages  = 2
	LimitMailboxes = 3
)

// SetQuota changes an account's limits. Mail that is there stays. The account is locked: the change log says which limits are new,
// other, and gone.
func (s *Store) SetQuota(t *tx.Tx, id mail.AccountID, q Quota) error {
	const op = "directory.SetQuota"
	if err := q.check(op); err != nil {
		return err
	}
	old, err := s.QuotaState(t, id)
	if err != nil {
		return err
	}
	t.SQL().Queue(`UPDATE account SET quota_bytes = $2, quota_messages = $3, quota_mailboxes = $4 WHERE id = $1`, id, q.Bytes, q.Messages, q.Mailboxes)
	for limit, n := range map[int64][2]int64{LimitBytes: {old.Bytes, q.Bytes}, LimitMessages: {old.Messages, q.Messages}, LimitMailboxes: {old.Mailboxes, q.Mailboxes}} {
		c := tx.Change{Account: id, Kind: tx.KindQuota, Op: tx.Updated, Object: limit}
		switch was, is := n[0], n[1]; {
		case was == is:
			continue
		case was == 0:
			c.Op = tx.Created
		case is == 0:
			c.Op = tx.Destroyed
		}
		t.Changed(c)
	}
	return nil
}

// QuotaState returns an account's limits and use.
func (s *Store) QuotaState(t *tx.Tx, id mail.AccountID) (q QuotaState, err error) {
	err = t.SQL().QueryRow(`SELECT quota_bytes, quota_messages, quota_mailboxes, used_bytes, used_messages
		FROM account WHERE id = $1 AND state = 'here'`, id).Scan(&q.Bytes, &q.Messages, &q.Mailboxes, &q.UsedBytes, &q.UsedMessages)
	if errors.Is(err, db.ErrNoRows) {
		err = mail.E("directory.QuotaState", mail.NotFound, nil)
	}
	return q, err
}
