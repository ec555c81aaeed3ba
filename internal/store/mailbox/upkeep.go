package mailbox

import (
	"context"
	"errors"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// States returns the last number of each of the accounts that exist. It asks once for a thousand at most, and is what
// the slow poll of realtime calls.
func (s *Store) States(ctx context.Context, accounts []mail.AccountID) (states []mail.StateChange, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		states = make([]mail.StateChange, 0, len(accounts))
		return eachIn(t, `SELECT id, modseq FROM account WHERE id %s`, nil, accounts, func(r *db.Rows) error {
			var c mail.StateChange
			err := r.Scan(&c.Account, &c.State)
			states = append(states, c)
			return err
		})
	})
	return states, err
}

// TrimLog shortens the change log of an account to what LogKept and LogRows ask, in small commits, and returns how many
// rows went.
func (s *Store) TrimLog(ctx context.Context, account mail.AccountID) (gone int64, err error) {
	upTo, err := s.trimmable(ctx, account)
	for err == nil && upTo > 0 {
		var n int64
		err = s.tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) (err error) {
			n, err = s.trimStep(t, account, upTo)
			return err
		})
		gone += n
		if n == 0 {
			break
		}
	}
	return gone, err
}

// trimmable returns the highest number whose rows, all of them, may go; 0 for none.
func (s *Store) trimmable(ctx context.Context, account mail.AccountID) (upTo mail.ModSeq, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		upTo = 0
		// Few accounts have anything to trim: one look at the oldest row says so.
		old := t.Now().Add(-LogKept).UnixMilli()
		var at int64
		err := t.SQL().QueryRow(`SELECT at FROM change WHERE account_id = $1 ORDER BY modseq, seq LIMIT 1`, account).Scan(&at)
		if errors.Is(err, db.ErrNoRows) || err == nil && at >= old {
			return nil
		}
		if err != nil {
			return err
		}
		var beyond int64
		err = t.SQL().QueryRow(`SELECT modseq FROM change WHERE account_id = $1 ORDER BY modseq DESC, seq DESC LIMIT 1 OFFSET $2`,
			account, s.logRows).Scan(&beyond)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		// The number `beyond` may have rows on both sides of the bound; it stays.
		return t.SQL().QueryRow(`SELECT COALESCE(MAX(modseq), 0) FROM change WHERE account_id = $1 AND modseq < $2 AND at < $3`,
			account, beyond, old).Scan(&upTo)
	})
	return upTo, err
}

// trimRows is how many rows of the log one commit removes: more than can share a number.
const trimRows = stepRows

// trimStep removes the rows of some numbers up to upTo and raises the floor in the same commit.
func (s *Store) trimStep(t *tx.Tx, account mail.AccountID, upTo mail.ModSeq) (int64, error) {
	cut := upTo
	var row int64
	err := t.SQL().QueryRow(`SELECT modseq FROM change WHERE account_id = $1 AND modseq <= $2 ORDER BY modseq, seq LIMIT 1 OFFSET $3`,
		account, upTo, trimRows).Scan(&row)
	switch {
	case err == nil:
		cut = mail.ModSeq(row) - 1 // whole numbers only
	case !errors.Is(err, db.ErrNoRows):
		return 0, err
	}
	if err := forgetAnnotations(t, account, cut); err != nil {
		return 0, err
	}
	t.SQL().Queue(`UPDATE account SET log_floor = $2 WHERE id = $1 AND log_floor < $2`, account, cut)
	return t.SQL().Exec(`DELETE FROM change WHERE account_id = $1 AND modseq <= $2`, account, cut)
}

// roomTables are the tables of this room with the columns that, after account_id, are their keys, in the order in which the
// rows of a removed account go.
var roomTables = []struct{ name, key string }{
	{"mailbox_right", "mailbox_id, grantee_id, negative"},
	{"membership", "mailbox_id, uid"}, {"email", "id"}, {"thread_ref", "hash"}, {"muted_thread", "thread_id"}, {"subscription", "path"}, {"share_notice", "id"},
	{"annotation", "mailbox_id, viewer_id, entry"},
	{"unfinished", "id"}, {"mailbox", "id"}, {"change", "modseq, seq"},
}

// Purge removes rows of an account that is being removed, as many as one commit may, and says whether there are more. It
// releases no bodies: without the account they have no holder at all.
func (s *Store) Purge(t *tx.Tx, account mail.AccountID) (more bool, err error) {
	left := int64(s.rowsPerStep)
	for _, table := range roomTables {
		n, err := t.SQL().Exec(`DELETE FROM `+table.name+` WHERE account_id = $1 AND (`+table.key+`) IN
			(SELECT `+table.key+` FROM `+table.name+` WHERE account_id = $1 LIMIT $2)`, account, left)
		if err != nil {
			return false, err
		}
		if left -= n; left <= 0 {
			return true, nil
		}
	}
	return false, nil
}
