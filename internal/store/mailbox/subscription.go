package mailbox

import (
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Names are subscribed to, whether a mailbox bears them or not. The subscription of a name that one bears is in the mailbox's
// row, that of any other in a row of its own; never are there both.

// SetSubscribed subscribes to a path or ends it. A path without mailbox can be subscribed to, and stays so (RFC 9051
// 6.3.7). Ending a subscription that is not there is no error.
func (s *Store) SetSubscribed(t *tx.Tx, account mail.AccountID, path string, subscribed bool) error {
	const op = "mailbox.SetSubscribed"
	levels, err := splitPath(op, path)
	if err != nil {
		return err
	}
	id, missing, err := s.walk(t, account, levels)
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		return s.setSubscribed(t, account, id, subscribed)
	}
	path = strings.Join(levels, Separator)
	var changed int64
	if subscribed {
		changed, err = subscribeName(t, account, path)
	} else {
		changed, err = t.SQL().Exec(`DELETE FROM subscription WHERE account_id = $1 AND path = $2`, account, path)
	}
	if changed > 0 {
		t.Changed(tx.Change{Account: account, Kind: tx.KindSettings, Op: tx.Updated})
	}
	return err
}

func (s *Store) setSubscribed(t *tx.Tx, account mail.AccountID, id mail.MailboxID, subscribed bool) error {
	m, err := s.ByID(t, account, id)
	if err != nil || m.Subscribed == subscribed {
		return err
	}
	t.SQL().Queue(`UPDATE mailbox SET subscribed = $3, modseq = $4, meta_modseq = $4 WHERE account_id = $1 AND id = $2`,
		account, id, subscribed, changedMailbox(t, account, id, tx.Updated))
	return nil
}

func subscribeName(t *tx.Tx, account mail.AccountID, path string) (changed int64, err error) {
	var have int
	if err := t.SQL().QueryRow(`SELECT COUNT(*) FROM subscription WHERE account_id = $1`, account).Scan(&have); err != nil {
		return 0, err
	}
	if have >= MaxSubscriptions {
		return 0, mail.E("mailbox.SetSubscribed", mail.Limit, fmt.Errorf("at most %d names without mailbox can be subscribed to", MaxSubscriptions))
	}
	return t.SQL().Exec(`INSERT INTO subscription (account_id, path) VALUES ($1, $2) ON CONFLICT DO NOTHING`, account, path)
}

// Subscriptions lists the subscribed paths that no mailbox bears, in order.
func (s *Store) Subscriptions(t *tx.Tx, account mail.AccountID) ([]string, error) {
	rows, err := t.SQL().Query(`SELECT path FROM subscription WHERE account_id = $1 ORDER BY path`, account)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r *db.Rows) (path string, err error) { return path, r.Scan(&path) })
}

// renamed are the mailboxes that a rename of $2 concerns, with the part of their paths that stays.
const renamed = `WITH RECURSIVE renamed (id, rest, subscribed, level) AS (
		SELECT id, CAST('' AS TEXT), subscribed, CAST(1 AS BIGINT) FROM mailbox WHERE account_id = $1 AND id = $2
		UNION ALL
		SELECT m.id, r.rest || '` + Separator + `' || m.name, m.subscribed, r.level + 1 FROM mailbox m JOIN renamed r ON m.parent_id = r.id
		WHERE m.account_id = $1 AND r.level <= $3)`

// keepSubscriptions leaves the names subscribed that a mailbox, and those below it, had before they were renamed: RFC 9051
// 6.3.6 and 6.3.7, RFC 3501 6.3.6. As when a mailbox is deleted, what is over MaxSubscriptions is lost.
func (s *Store) keepSubscriptions(t *tx.Tx, account mail.AccountID, id mail.MailboxID, was string) error {
	var have int
	if err := t.SQL().QueryRow(`SELECT COUNT(*) FROM subscription WHERE account_id = $1`, account).Scan(&have); err != nil {
		return err
	}
	kept, err := t.SQL().Exec(renamed+` INSERT INTO subscription (account_id, path)
		SELECT $1, $4 || rest FROM renamed WHERE subscribed = 1 ORDER BY rest LIMIT $5 ON CONFLICT DO NOTHING`,
		account, id, MaxDepth, was, max(MaxSubscriptions-have, 0))
	if kept > 0 {
		t.Changed(tx.Change{Account: account, Kind: tx.KindSettings, Op: tx.Updated})
	}
	return err
}

// meetSubscriptions subscribes a mailbox that was renamed, and those below it, where their new names were subscribed to before.
func (s *Store) meetSubscriptions(t *tx.Tx, account mail.AccountID, m *Mailbox) error {
	type meeting struct {
		id         mail.MailboxID
		path       string
		subscribed bool
	}
	rows, err := t.SQL().Query(renamed+` SELECT r.id, s.path, r.subscribed FROM renamed r
		JOIN subscription s ON s.account_id = $1 AND s.path = $4 || r.rest ORDER BY r.id`, account, m.ID, MaxDepth, m.Path)
	if err != nil {
		return err
	}
	met, err := collect(rows, func(r *db.Rows) (c meeting, err error) { return c, r.Scan(&c.id, &c.path, &c.subscribed) })
	for _, c := range met {
		t.SQL().Queue(`DELETE FROM subscription WHERE account_id = $1 AND path = $2`, account, c.path)
		if c.subscribed {
			continue
		}
		n := changedMailbox(t, account, c.id, tx.Updated)
		t.SQL().Queue(`UPDATE mailbox SET subscribed = 1, modseq = $3, meta_modseq = $3 WHERE account_id = $1 AND id = $2`, account, c.id, n)
		if c.id == m.ID {
			m.Subscribed, m.ModSeq, m.MetaModSeq = true, n, n
		}
	}
	if len(met) > 0 {
		t.Changed(tx.Change{Account: account, Kind: tx.KindSettings, Op: tx.Updated})
	}
	return err
}
