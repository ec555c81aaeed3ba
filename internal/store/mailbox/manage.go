package mailbox

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

var (
	// ErrHasChildren is the cause of a refused Delete: IMAP's HASCHILDREN, JMAP's mailboxHasChild.
	ErrHasChildren = errors.New("the mailbox has children: delete or move them first")
	errInboxStays  = errors.New("INBOX cannot be deleted")
	errTaken       = errors.New("a mailbox of that name exists")
	errFull        = fmt.Errorf("an account has at most %d mailboxes", MaxMailboxes)
	errInsideOwn   = errors.New("a mailbox cannot be moved below itself")
	errTooDeep     = fmt.Errorf("a mailbox name has at most %d levels", MaxDepth)
)

// Create makes a mailbox, and those above it that are missing (RFC 9051 6.3.4), which have no role. A separator at
// the end, which announces children, is dropped. A name that was subscribed to before is subscribed. The mailbox of path
// Inbox gets RoleInbox, and no other has it.
func (s *Store) Create(t *tx.Tx, account mail.AccountID, path string, role Role) (Mailbox, error) {
	const op = "mailbox.Create"
	levels, err := newPath(op, path)
	if err != nil {
		return Mailbox{}, err
	}
	if err := s.checkRole(t, account, 0, role); err != nil {
		return Mailbox{}, err
	}
	parent, missing, err := s.walk(t, account, levels)
	if err != nil {
		return Mailbox{}, err
	}
	if len(missing) == 0 {
		return Mailbox{}, mail.E(op, mail.Exists, errTaken)
	}
	if err := checkRoom(t, op, account, len(missing)); err != nil {
		return Mailbox{}, err
	}
	done := len(levels) - len(missing)
	var m Mailbox
	for i, name := range missing {
		m = Mailbox{Parent: parent, Name: name, Path: strings.Join(levels[:done+i+1], Separator)}
		if i == len(missing)-1 {
			m.Role = role
		}
		if err := s.insert(t, account, &m); err != nil {
			return Mailbox{}, err
		}
		parent = m.ID
	}
	return m, nil
}

// checkRoom refuses mailboxes that the account may not have. Those that are being emptied count to the limit of all accounts,
// so that deleting and making again is bounded, and not to the quota, which users look at.
func checkRoom(t *tx.Tx, op string, account mail.AccountID, more int) error {
	var rows, have, most int
	err := t.SQL().QueryRow(`SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN parent_id >= 0 THEN 1 ELSE 0 END), 0) AS BIGINT),
		(SELECT quota_mailboxes FROM account WHERE id = $1) FROM mailbox WHERE account_id = $1`, account).Scan(&rows, &have, &most)
	switch {
	case err != nil:
		return err
	case rows+more > MaxMailboxes:
		return mail.E(op, mail.Limit, errFull)
	case most > 0 && have+more > most:
		return mail.E(op, mail.OverQuota, fmt.Errorf("%d of %d mailboxes are in use", have, most))
	}
	return nil
}

// walk goes down the levels as far as mailboxes exist and returns the last one's id and the levels that are missing.
func (s *Store) walk(t *tx.Tx, account mail.AccountID, levels []string) (last mail.MailboxID, missing []string, err error) {
	for i, name := range levels {
		m, err := child(t, account, last, name)
		if mail.Is(err, mail.NotFound) {
			return last, levels[i:], nil
		}
		if err != nil {
			return 0, nil, err
		}
		last = m.ID
	}
	return last, nil, nil
}

// insert writes the row of a new mailbox whose parent, name, path and role are set.
func (s *Store) insert(t *tx.Tx, account mail.AccountID, m *Mailbox) error {
	id, err := t.NewID()
	if err != nil {
		return err
	}
	m.ID = mail.MailboxID(id)
	if m.UIDValidity, err = nextUIDValidity(t, account); err != nil {
		return err
	}
	waiting, err := t.SQL().Exec(`DELETE FROM subscription WHERE account_id = $1 AND path = $2`, account, m.Path)
	if err != nil {
		return err
	}
	if waiting > 0 {
		t.Changed(tx.Change{Account: account, Kind: tx.KindSettings, Op: tx.Updated})
	}
	m.Subscribed = waiting > 0
	if m.Path == Inbox {
		m.Role = RoleInbox
	}
	m.UIDNext, m.RecentFrom = 1, 1
	m.ModSeq = t.Changed(tx.Change{Account: account, Kind: tx.KindMailbox, Op: tx.Created, Object: id})
	m.MetaModSeq, m.CreatedModSeq = m.ModSeq, m.ModSeq
	t.SQL().Queue(`INSERT INTO mailbox (account_id, id, parent_id, name, role, subscribed, uidvalidity, uidnext, modseq,
			meta_modseq, created_modseq, messages, unseen, deleted, bytes, recent_below, sort_order, unread)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8, $8, 0, 0, 0, 0, 1, 0, 0)`,
		account, m.ID, m.Parent, m.Name, m.Role, m.Subscribed, m.UIDValidity, m.ModSeq)
	trashChanged(t, account, m.ID, "", m.Role)
	inheritGrants(t, account, m)
	return nil
}

// nextUIDValidity gives a number that no mailbox of the account ever had: a name that is deleted and made again must not
// look like the old mailbox (RFC 9051 2.3.1.1).
func nextUIDValidity(t *tx.Tx, account mail.AccountID) (uint32, error) {
	now := t.Now().Unix()
	var v int64
	err := t.SQL().QueryRow(`UPDATE account
		SET last_uidvalidity = CASE WHEN last_uidvalidity >= $2 THEN last_uidvalidity + 1 ELSE $2 END
		WHERE id = $1 RETURNING last_uidvalidity`, account, now).Scan(&v)
	if err != nil {
		return 0, err
	}
	if v > maxUID {
		return 0, mail.E("mailbox.Create", mail.Limit, errors.New("the account has used up its UIDVALIDITY numbers"))
	}
	return uint32(v), nil
}

// rename is Acting.Rename for who may do that.
func (s *Store) rename(t *tx.Tx, account mail.AccountID, id mail.MailboxID, path string) (Mailbox, error) {
	const op = "mailbox.Rename"
	m, err := s.ByID(t, account, id)
	if err != nil {
		return Mailbox{}, err
	}
	if m.Role == RoleInbox {
		return Mailbox{}, mail.E(op, mail.Denied, errors.New("INBOX keeps its name; its messages can be moved"))
	}
	levels, err := newPath(op, path)
	if err != nil {
		return Mailbox{}, err
	}
	was, err := s.pathOf(t, account, m)
	if err != nil {
		return Mailbox{}, err
	}
	parent, err := s.parentFor(t, account, op, m, levels)
	if err != nil {
		return Mailbox{}, err
	}
	m.Parent, m.Name, m.Path = parent, levels[len(levels)-1], strings.Join(levels, Separator)
	m.MetaModSeq = changedMailbox(t, account, m.ID, tx.Updated)
	m.ModSeq = m.MetaModSeq
	t.SQL().Queue(`UPDATE mailbox SET parent_id = $3, name = $4, modseq = $5, meta_modseq = $5 WHERE account_id = $1 AND id = $2`,
		account, m.ID, m.Parent, m.Name, m.ModSeq)
	if err := s.keepSubscriptions(t, account, m.ID, was); err != nil {
		return Mailbox{}, err
	}
	err = s.meetSubscriptions(t, account, &m)
	return m, err
}

// parentFor returns the mailbox below which m gets its new levels, made where it was missing.
func (s *Store) parentFor(t *tx.Tx, account mail.AccountID, op string, m Mailbox, levels []string) (mail.MailboxID, error) {
	parent, missing, err := s.walk(t, account, levels)
	switch {
	case err != nil:
		return 0, err
	case len(missing) == 0:
		return 0, mail.E(op, mail.Exists, errTaken)
	}
	if err := s.checkMove(t, account, op, m.ID, parent, len(levels)); err != nil {
		return 0, err
	}
	if len(missing) > 1 {
		above, err := s.Create(t, account, strings.Join(levels[:len(levels)-1], Separator), "")
		if err != nil {
			return 0, err
		}
		parent = above.ID
	}
	return parent, nil
}

// checkMove refuses to put a mailbox below itself, or so deep that its children are too deep. level is its new level.
func (s *Store) checkMove(t *tx.Tx, account mail.AccountID, op string, id, parent mail.MailboxID, level int) error {
	for at, depth := parent, 0; at != 0 && depth <= MaxDepth; depth++ {
		if at == id {
			return mail.E(op, mail.Invalid, errInsideOwn)
		}
		m, err := s.ByID(t, account, at)
		if err != nil {
			return err
		}
		at = m.Parent
	}
	height, err := height(t, account, id)
	if err != nil {
		return err
	}
	if level+height-1 > MaxDepth {
		return mail.E(op, mail.Limit, errTooDeep)
	}
	return nil
}

// height is how many levels a mailbox and what is below it take.
func height(t *tx.Tx, account mail.AccountID, id mail.MailboxID) (levels int, err error) {
	err = t.SQL().QueryRow(`WITH RECURSIVE below (id, level) AS (
			SELECT id, CAST(1 AS BIGINT) FROM mailbox WHERE account_id = $1 AND id = $2
			UNION ALL
			SELECT m.id, b.level + 1 FROM mailbox m JOIN below b ON m.parent_id = b.id
			WHERE m.account_id = $1 AND b.level <= $3)
		SELECT MAX(level) FROM below`, account, id, MaxDepth).Scan(&levels)
	return levels, err
}

// changedMailbox logs a change of a mailbox's own properties.
func changedMailbox(t *tx.Tx, account mail.AccountID, id mail.MailboxID, op tx.Op) mail.ModSeq {
	return t.Changed(tx.Change{Account: account, Kind: tx.KindMailbox, Op: op, Object: int64(id)})
}

// collect reads a result into a slice.
func collect[T any](rows *db.Rows, scan func(*db.Rows) (T, error)) ([]T, error) {
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
