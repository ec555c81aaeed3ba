package mailbox

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// SaveDates returns when messages came into a mailbox, in unix milliseconds (RFC 8514), given a normal set of UIDs. Those that
// are gone have none.
func (s *Store) SaveDates(t *tx.Tx, account mail.AccountID, mailbox mail.MailboxID, uids imap.Set) (map[mail.UID]int64, error) {
	saved := make(map[mail.UID]int64)
	err := questions(uids, func(part imap.Set) (bool, error) {
		condition, args := where(part, account, mailbox)
		rows, err := t.SQL().Query(`SELECT uid, saved FROM membership WHERE account_id = $1 AND mailbox_id = $2 AND uid `+condition, args...)
		if err != nil {
			return false, err
		}
		defer rows.Close()
		for rows.Next() {
			var uid mail.UID
			var at int64
			if err := rows.Scan(&uid, &at); err != nil {
				return false, err
			}
			saved[uid] = at
		}
		return true, rows.Err()
	})
	return saved, err
}
