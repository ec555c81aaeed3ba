package mailbox

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// TakeRecent gives a session that selects the mailbox the messages that are \Recent to it (RFC 3501 2.3.2): those with
// this UID or a higher one, up to the state of the mailbox at the call. No later session gets them. \Recent is no flag of
// a message, so nothing gets a modseq for it.
func (s *Store) TakeRecent(ctx context.Context, account mail.AccountID, mailbox mail.MailboxID) (from mail.UID, err error) {
	err = s.tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) error {
		m, err := s.ByID(t, account, mailbox)
		if err != nil {
			return err
		}
		from = m.RecentFrom
		if m.RecentFrom < m.UIDNext {
			t.SQL().Queue(`UPDATE mailbox SET recent_below = uidnext WHERE account_id = $1 AND id = $2`, account, mailbox)
		}
		return nil
	})
	return from, err
}

// Recent counts for each of some mailboxes the messages that the next session to select it gets as \Recent: STATUS RECENT of
// IMAP4rev1. A mailbox that has none is left out.
func (s *Store) Recent(t *tx.Tx, account mail.AccountID, list []Mailbox) (map[mail.MailboxID]int64, error) {
	var ids []mail.MailboxID
	for i := range list {
		if list[i].RecentFrom < list[i].UIDNext {
			ids = append(ids, list[i].ID)
		}
	}
	return numbersOf(t, `SELECT b.id, (SELECT COUNT(*) FROM membership m
			WHERE m.account_id = b.account_id AND m.mailbox_id = b.id AND m.uid >= b.recent_below)
		FROM mailbox b WHERE b.account_id = $1 AND b.id %s`, []any{account}, ids)
}

// numbersOf reads one number for each of some mailboxes.
func numbersOf(t *tx.Tx, query string, before []any, ids []mail.MailboxID) (map[mail.MailboxID]int64, error) {
	numbers := make(map[mail.MailboxID]int64, len(ids))
	err := eachIn(t, query, before, ids, func(r *db.Rows) error {
		var id mail.MailboxID
		var n int64
		err := r.Scan(&id, &n)
		numbers[id] = n
		return err
	})
	return numbers, err
}
