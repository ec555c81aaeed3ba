package mailbox

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Vanished returns the UIDs of a normal set whose messages went after the number since: QRESYNC's VANISHED (RFC 7162
// 3.2.5.1). When the change log does not reach back that far, these are all UIDs of the set that no message has and that
// were given once.
func (s *Store) Vanished(t *tx.Tx, account mail.AccountID, mailbox mail.MailboxID, since mail.ModSeq, known imap.Set) (imap.Set, error) {
	var floor mail.ModSeq
	var next mail.UID
	err := t.SQL().QueryRow(`SELECT a.log_floor, m.uidnext FROM mailbox m JOIN account a ON a.id = m.account_id
		WHERE m.account_id = $1 AND m.id = $2 AND m.parent_id >= 0`, account, mailbox).Scan(&floor, &next)
	if err != nil {
		return nil, notFound("mailbox.Vanished", err)
	}
	if next == 1 {
		return nil, nil
	}
	known = known.Intersect(imap.Set{{Start: 1, Stop: uint32(next) - 1}})
	if since < floor {
		return absent(t, account, mailbox, known)
	}
	rows, err := t.SQL().Query(`SELECT uid FROM change
		WHERE account_id = $1 AND modseq > $2 AND kind = $3 AND op = $4 AND mailbox_id = $5`,
		account, since, int64(tx.KindMembership), int64(tx.Destroyed), mailbox)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var gone []uint32
	for rows.Next() {
		var uid int64
		if err := rows.Scan(&uid); err != nil {
			return nil, err
		}
		if known.Contains(uint32(uid)) {
			gone = append(gone, uint32(uid))
		}
	}
	slices.Sort(gone)
	return imap.SetOf(gone...), rows.Err()
}

// absent returns the UIDs of a set that no message of the mailbox has.
func absent(t *tx.Tx, account mail.AccountID, mailbox mail.MailboxID, known imap.Set) (imap.Set, error) {
	if len(known) == 0 {
		return nil, nil
	}
	rows, err := t.SQL().Query(`SELECT uid FROM membership WHERE account_id = $1 AND mailbox_id = $2 AND uid BETWEEN $3 AND $4 ORDER BY uid`,
		account, mailbox, known[0].Start, known[len(known)-1].Stop)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var there imap.Set
	for rows.Next() {
		var uid int64
		if err := rows.Scan(&uid); err != nil {
			return nil, err
		}
		there.Add(uint32(uid))
	}
	return known.Subtract(there), rows.Err()
}
