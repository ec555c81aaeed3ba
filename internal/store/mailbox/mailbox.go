package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Status is the numbers of a mailbox.
type Status struct {
	UIDValidity uint32
	UIDNext     mail.UID
	ModSeq      mail.ModSeq // HIGHESTMODSEQ
	Messages    int64
	Unseen      int64
	Deleted     int64    // messages with \Deleted
	Bytes       int64    // STATUS SIZE (RFC 8438)
	RecentFrom  mail.UID // messages from here on are \Recent to the next session that selects the mailbox
}

// Mailbox is one mailbox with its numbers.
type Mailbox struct {
	ID            mail.MailboxID
	Parent        mail.MailboxID // 0: top level
	Name          string         // its level of the path
	Path          string         // filled by List and ByPath
	Role          Role
	Subscribed    bool
	MetaModSeq    mail.ModSeq // last number that touched its own properties
	CreatedModSeq mail.ModSeq
	SortOrder     uint32 // RFC 8621 2
	Unread        int64  // messages with none of \Seen, \Draft and \Deleted (RFC 8621 2: unreadEmails)
	Status
}

// doomed is the parent of mailboxes that were deleted and whose messages are still being removed. Nobody finds them.
const doomed = -1

const mailboxColumns = `id, parent_id, name, role, subscribed, uidvalidity, uidnext, modseq, meta_modseq, created_modseq,
	messages, unseen, deleted, bytes, recent_below, sort_order, unread`

func (m *Mailbox) fields() []any {
	return []any{&m.ID, &m.Parent, &m.Name, &m.Role, &m.Subscribed, &m.UIDValidity, &m.UIDNext, &m.ModSeq, &m.MetaModSeq,
		&m.CreatedModSeq, &m.Messages, &m.Unseen, &m.Deleted, &m.Bytes, &m.RecentFrom,
		&m.SortOrder, &m.Unread}
}

// List returns all mailboxes of an account with their paths, INBOX first, then by path.
func (s *Store) List(t *tx.Tx, account mail.AccountID) ([]Mailbox, error) {
	rows, err := t.SQL().Query(`SELECT `+mailboxColumns+` FROM mailbox WHERE account_id = $1 AND parent_id >= 0`, account)
	if err != nil {
		return nil, err
	}
	var list []Mailbox
	for rows.Next() {
		var m Mailbox
		if err := rows.Scan(m.fields()...); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	fillPaths(list)
	sortByPath(list)
	return list, nil
}

// sortByPath puts INBOX first.
func sortByPath(list []Mailbox) {
	slices.SortFunc(list, func(a, b Mailbox) int {
		if (a.Path == Inbox) != (b.Path == Inbox) {
			return map[bool]int{true: -1, false: 1}[a.Path == Inbox]
		}
		return strings.Compare(a.Path, b.Path)
	})
}

func fillPaths(list []Mailbox) {
	at := make(map[mail.MailboxID]int, len(list))
	for i := range list {
		at[list[i].ID] = i
	}
	var path func(i, depth int) string
	path = func(i, depth int) string {
		m := &list[i]
		if m.Path == "" {
			m.Path = m.Name
			if parent, ok := at[m.Parent]; ok && depth < MaxDepth {
				m.Path = path(parent, depth+1) + Separator + m.Name
			}
		}
		return m.Path
	}
	for i := range list {
		path(i, 1)
	}
}

// ByID returns a mailbox without its path. An id of another account, or of a deleted mailbox, is mail.NotFound.
func (s *Store) ByID(t *tx.Tx, account mail.AccountID, id mail.MailboxID) (Mailbox, error) {
	return one("mailbox.ByID", t.SQL().QueryRow(`SELECT `+mailboxColumns+` FROM mailbox
		WHERE account_id = $1 AND id = $2 AND parent_id >= 0`, account, id))
}

// ByIDs returns those of some mailboxes that there are, without their paths, in order of id.
func (s *Store) ByIDs(t *tx.Tx, account mail.AccountID, ids []mail.MailboxID) (list []Mailbox, err error) {
	err = eachIn(t, `SELECT `+mailboxColumns+` FROM mailbox WHERE account_id = $1 AND parent_id >= 0 AND id %s ORDER BY id`,
		[]any{account}, ids, func(r *db.Rows) error {
			var m Mailbox
			err := r.Scan(m.fields()...)
			list = append(list, m)
			return err
		})
	return list, err
}

// ByRole returns the mailbox that has a role, without its path.
func (s *Store) ByRole(t *tx.Tx, account mail.AccountID, role Role) (Mailbox, error) {
	return one("mailbox.ByRole", t.SQL().QueryRow(`SELECT `+mailboxColumns+` FROM mailbox
		WHERE account_id = $1 AND role = $2 AND parent_id >= 0`, account, role))
}

// ByPath returns the mailbox of a path, mail.NotFound when there is none and mail.Invalid when there never can be.
func (s *Store) ByPath(t *tx.Tx, account mail.AccountID, path string) (Mailbox, error) {
	levels, err := splitPath("mailbox.ByPath", path)
	if err != nil {
		return Mailbox{}, err
	}
	var m Mailbox
	for _, name := range levels {
		if m, err = child(t, account, m.ID, name); err != nil {
			return Mailbox{}, err
		}
	}
	m.Path = strings.Join(levels, Separator)
	return m, nil
}

func child(t *tx.Tx, account mail.AccountID, parent mail.MailboxID, name string) (Mailbox, error) {
	return one("mailbox.ByPath", t.SQL().QueryRow(`SELECT `+mailboxColumns+` FROM mailbox
		WHERE account_id = $1 AND parent_id = $2 AND name = $3`, account, parent, name))
}

func one(op string, row db.Row) (Mailbox, error) {
	var m Mailbox
	err := row.Scan(m.fields()...)
	if errors.Is(err, db.ErrNoRows) {
		err = mail.E(op, mail.NotFound, errNoMailbox)
	}
	return m, err
}

var errNoMailbox = errors.New("there is no such mailbox")

// pathOf returns the path of a mailbox by its ancestors.
func (s *Store) pathOf(t *tx.Tx, account mail.AccountID, m Mailbox) (string, error) {
	path := m.Name
	for depth := 1; m.Parent != 0; depth++ {
		var err error
		if m, err = s.ByID(t, account, m.Parent); err != nil || depth > MaxDepth {
			return "", fmt.Errorf("mailbox %v of %v has no way to the top: %w", m.ID, account, err)
		}
		path = m.Name + Separator + path
	}
	return path, nil
}
