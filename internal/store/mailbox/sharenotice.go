package mailbox

import (
	"errors"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// MaxShareNotices is how many notices an account keeps, the newest (RFC 9670 3).
const MaxShareNotices = 100

// ShareNotice tells an account that somebody has changed what it may do with a mailbox of another (RFC 9670 3).
type ShareNotice struct {
	ID       int64
	By       mail.AccountID // who has changed it
	Owner    mail.AccountID
	Mailbox  mail.MailboxID
	Name     string // of the mailbox, as it was then
	Old, New mail.Rights
	Created  time.Time
}

// ShareNotices lists the notices of an account, the oldest first.
func (s *Store) ShareNotices(t *tx.Tx, account mail.AccountID) ([]ShareNotice, error) {
	rows, err := t.SQL().Query(`SELECT id, by_id, owner_id, mailbox_id, name, old_rights, new_rights, created FROM share_notice
		WHERE account_id = $1 ORDER BY created, id`, account)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r *db.Rows) (n ShareNotice, err error) {
		return n, r.Scan(&n.ID, &n.By, &n.Owner, &n.Mailbox, &n.Name, &n.Old, &n.New, &n.Created)
	})
}

// DropShareNotice removes a notice that was read.
func (s *Store) DropShareNotice(t *tx.Tx, account mail.AccountID, id int64) error {
	n, err := t.SQL().Exec(`DELETE FROM share_notice WHERE account_id = $1 AND id = $2`, account, id)
	if err == nil && n == 0 {
		err = mail.E("mailbox.DropShareNotice", mail.NotFound, errors.New("there is no such notice"))
	}
	if err == nil {
		t.Changed(tx.Change{Account: account, Kind: tx.KindShareNotice, Op: tx.Destroyed, Object: id})
	}
	return err
}

// noteShare tells the account that a grant is for what has become of its rights. Both accounts are locked.
func (s *Store) noteShare(t *tx.Tx, by, owner mail.AccountID, m Mailbox, grantee mail.AccountID, before, after []Grant) error {
	n := ShareNotice{By: by, Owner: owner, Mailbox: m.ID, Name: m.Name, Old: granted(before, grantee), New: granted(after, grantee)}
	if grantee == Anyone || grantee == by || n.Old == n.New {
		return nil
	}
	old, err := s.ShareNotices(t, grantee)
	if err != nil {
		return err
	}
	for ; len(old) >= MaxShareNotices; old = old[1:] {
		if err := s.DropShareNotice(t, grantee, old[0].ID); err != nil {
			return err
		}
	}
	if n.ID, err = t.NewID(); err != nil {
		return err
	}
	t.SQL().Queue(`INSERT INTO share_notice (account_id, id, by_id, owner_id, mailbox_id, name, old_rights, new_rights, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, grantee, n.ID, n.By, n.Owner, n.Mailbox, n.Name, n.Old, n.New, t.Now())
	t.Changed(tx.Change{Account: grantee, Kind: tx.KindShareNotice, Op: tx.Created, Object: n.ID})
	return nil
}

// granted is what grants give to an account by its name.
func granted(grants []Grant, to mail.AccountID) mail.Rights {
	var given, taken mail.Rights
	for _, g := range grants {
		switch {
		case g.Grantee != to:
		case g.Negative:
			taken |= g.Rights
		default:
			given |= g.Rights
		}
	}
	return given &^ taken
}
