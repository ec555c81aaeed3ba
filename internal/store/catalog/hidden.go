package catalog

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Threads returns the threads of those of some emails that have rows still, whether lists show them or not, and those of the emails
// in some mailboxes.
func (s *Store) Threads(t *tx.Tx, account mail.AccountID, emails []mail.EmailID, in []mail.MailboxID) (map[mail.EmailID]mail.ThreadID, error) {
	list, err := membersOf(t, account, emails, nil)
	for _, id := range in {
		if err == nil {
			list, err = readMembers(t, list, nil, `SELECT `+memberColumns+` FROM membership WHERE account_id = $1 AND mailbox_id = $2`, account, id)
		}
	}
	threads := make(map[mail.EmailID]mail.ThreadID, len(list))
	for _, m := range list {
		threads[mail.EmailID(m.email)] = mail.ThreadID(m.thread)
	}
	return threads, err
}
