package mailbox

import (
	"context"

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

// Recent counts the messages that the next session to select the mailbox gets as \Recent: STATUS RECENT of IMAP4rev1.
func (s *Store) Recent(t *tx.Tx, account mail.AccountID, m *Mailbox) (n int, err error) {
	if m.RecentFrom >= m.UIDNext {
		return 0, nil
	}
	err = t.SQL().QueryRow(`SELECT COUNT(*) FROM membership WHERE account_id = $1 AND mailbox_id = $2 AND uid >= $3`,
		account, m.ID, m.RecentFrom).Scan(&n)
	return n, err
}
