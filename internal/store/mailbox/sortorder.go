package mailbox

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// SetSortOrder gives a mailbox its place among those beside it (RFC 8621 2).
func (s *Store) SetSortOrder(t *tx.Tx, account mail.AccountID, id mail.MailboxID, order uint32) error {
	m, err := s.ByID(t, account, id)
	if err != nil || m.SortOrder == order {
		return err
	}
	t.SQL().Queue(`UPDATE mailbox SET sort_order = $3, modseq = $4, meta_modseq = $4 WHERE account_id = $1 AND id = $2`,
		account, id, order, changedMailbox(t, account, id, tx.Updated))
	return nil
}
