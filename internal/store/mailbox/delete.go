package mailbox

import (
	"context"
	"strconv"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// everything is all UIDs.
var everything = imap.Set{{Start: 1, Stop: maxUID}}

// Delete deletes a mailbox and its messages. After the first commit nobody finds it, and its name is free; when a later
// step fails, the rest is Finish's work and no error is returned. INBOX is mail.Denied, a mailbox with children
// mail.Conflict with the cause ErrHasChildren. A subscription to the name stays (RFC 9051 6.3.7).
func (a Acting) Delete(ctx context.Context, owner mail.AccountID, id mail.MailboxID) error {
	left, err := tx.Once(ctx, a.s.tx, tx.NewKey(), []mail.AccountID{owner}, func(t *tx.Tx) (bool, error) {
		return a.Doom(t, owner, id)
	})
	if err == nil && left {
		a.s.Empty(ctx, owner, id)
	}
	return err
}

// Doom is the first commit of Delete. Where messages are left, Empty removes them.
func (a Acting) Doom(t *tx.Tx, owner mail.AccountID, id mail.MailboxID) (left bool, err error) {
	if _, err := a.check(t, owner, id, mail.RightDelete); err != nil {
		return false, err
	}
	if err := a.s.doom(t, owner, id); err != nil {
		return false, err
	}
	return a.s.emptyStep(t, owner, id)
}

// doom takes a mailbox out of the hierarchy and notes that it is to be emptied.
func (s *Store) doom(t *tx.Tx, account mail.AccountID, id mail.MailboxID) error {
	const op = "mailbox.Delete"
	m, err := s.ByID(t, account, id)
	if err != nil {
		return err
	}
	if m.Role == RoleInbox {
		return mail.E(op, mail.Denied, errInboxStays)
	}
	var children int
	err = t.SQL().QueryRow(`SELECT COUNT(*) FROM mailbox WHERE account_id = $1 AND parent_id = $2`, account, id).Scan(&children)
	if err != nil {
		return err
	}
	if children > 0 {
		return mail.E(op, mail.Conflict, ErrHasChildren)
	}
	if m.Subscribed {
		path, err := s.pathOf(t, account, m)
		if err != nil {
			return err
		}
		if _, err := subscribeName(t, account, path); err != nil && !mail.Is(err, mail.Limit) {
			return err
		}
	}
	t.SQL().Queue(`UPDATE mailbox SET parent_id = $3, name = $4, role = '', subscribed = 0, modseq = $5, meta_modseq = $5
		WHERE account_id = $1 AND id = $2`,
		account, id, doomed, strconv.FormatInt(int64(id), 10), changedMailbox(t, account, id, tx.Destroyed))
	dropGrants(t, account, id) // RFC 4314 4: DELETE deletes the rights, too
	t.Changed(tx.Change{Account: account, Kind: tx.KindRights, Op: tx.Destroyed, Object: int64(id)})
	trashChanged(t, account, id, m.Role, "")
	t.SQL().Queue(`INSERT INTO unfinished (account_id, id, kind, mailbox_id, uids, at) VALUES ($1, $2, $3, $4, '', $5)`,
		account, int64(id), jobDelete, id, t.Now().UnixMilli())
	return nil
}

// Empty removes what is left of a deleted mailbox. What it does not come to is Finish's work.
func (s *Store) Empty(ctx context.Context, account mail.AccountID, id mail.MailboxID) error {
	for left := true; left; {
		err := s.tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) (err error) {
			left, err = s.emptyStep(t, account, id)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// emptyStep removes messages of a deleted mailbox, as many as one commit may, and with the last ones its row.
func (s *Store) emptyStep(t *tx.Tx, account mail.AccountID, id mail.MailboxID) (left bool, err error) {
	_, rest, err := s.removeStep(t, account, id, everything, func(*member) bool { return true }, false)
	if err != nil || len(rest) > 0 {
		return true, err
	}
	if left, err = removeAnnotations(t, account, id); err != nil || left {
		return true, err
	}
	t.SQL().Queue(`DELETE FROM mailbox WHERE account_id = $1 AND id = $2 AND parent_id = $3`, account, id, doomed)
	t.SQL().Queue(`DELETE FROM unfinished WHERE account_id = $1 AND id = $2`, account, int64(id))
	return false, nil
}

// RenameInbox does what RENAME of INBOX means (RFC 9051 6.3.6): a new mailbox of that path gets the messages; INBOX stays,
// with its children. When moving fails half-way, an error is returned and what was moved stays moved.
func (s *Store) RenameInbox(ctx context.Context, account mail.AccountID, path string) (Mailbox, error) {
	type renamed struct {
		Inbox, Target Mailbox
	}
	r, err := tx.Once(ctx, s.tx, tx.NewKey(), []mail.AccountID{account}, func(t *tx.Tx) (r renamed, err error) {
		if r.Inbox, err = s.ByRole(t, account, RoleInbox); err == nil {
			r.Target, err = s.Create(t, account, path, "")
		}
		return r, err
	})
	if err != nil || r.Inbox.UIDNext == 1 {
		return r.Target, err
	}
	route := Route{From: account, Source: r.Inbox.ID, To: account, Target: r.Target.ID}
	_, err = s.As(account).Move(ctx, route, imap.Set{{Start: 1, Stop: uint32(r.Inbox.UIDNext) - 1}})
	return r.Target, err
}
