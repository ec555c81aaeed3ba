package mailbox

import (
	"errors"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// validityLead is by how much UIDVALIDITY goes beyond the clock when a database was put back. The lost future may have
// been ahead of the clock itself: it gave one number for each mailbox made, however many were made in a second.
const validityLead = 1 << 16

// Renumber gives mailboxes of an account a UIDVALIDITY that they never had, as many mailboxes as one commit may change,
// in the order of their ids from after on. It is for a database that was put back to an earlier time: UIDs and
// mod-sequences that clients remember now mean other messages (RFC 9051 2.3.1.1), and a new UIDVALIDITY is how they are
// told. It can be repeated. The server must be at rest: sessions do not learn of it.
func (s *Store) Renumber(t *tx.Tx, account mail.AccountID, after mail.MailboxID) (last mail.MailboxID, count int, more bool, err error) {
	rows, err := t.SQL().Query(`SELECT id FROM mailbox WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3`, account, after, s.rowsPerStep)
	if err != nil {
		return 0, 0, false, err
	}
	ids, err := collect(rows, func(r *db.Rows) (id mail.MailboxID, err error) { return id, r.Scan(&id) })
	if err != nil || len(ids) == 0 {
		return after, 0, false, err
	}
	least := int64(0) // what the first step has found holds for the others
	if after == 0 {
		least = t.Now().Unix() + validityLead
	}
	var given int64
	err = t.SQL().QueryRow(`UPDATE account
		SET last_uidvalidity = $3 + CASE WHEN last_uidvalidity >= $2 THEN last_uidvalidity ELSE $2 END
		WHERE id = $1 RETURNING last_uidvalidity`, account, least, len(ids)).Scan(&given)
	if err != nil {
		return 0, 0, false, err
	}
	if given > maxUID {
		return 0, 0, false, mail.E("mailbox.Renumber", mail.Limit, errors.New("the account has used up its UIDVALIDITY numbers"))
	}
	for i, id := range ids {
		t.SQL().Queue(`UPDATE mailbox SET uidvalidity = $3 WHERE account_id = $1 AND id = $2`, account, id, given-int64(len(ids)-1-i))
	}
	return ids[len(ids)-1], len(ids), len(ids) == s.rowsPerStep, nil
}
