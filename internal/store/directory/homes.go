package directory

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Homes lists the homes that are here after an id, the spool's and nameless ones among them, at most limit of them.
func (s *Store) Homes(t *tx.Tx, after mail.AccountID, limit int) ([]mail.AccountID, error) {
	return homes(t, `SELECT id FROM account WHERE state = 'here' AND id > $1 ORDER BY id LIMIT $2`, after, page(limit))
}
