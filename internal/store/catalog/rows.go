package catalog

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// member is a membership as it is read.
type member struct {
	email, mailbox, thread, flags, size, received, sent int64

	keywords   string
	attachment bool
}

const memberColumns = `email_id, mailbox_id, thread_id, flags, size, received, sent, keywords, attachment`

// shown are the mailboxes of which memberships are read, without those that have \Deleted; nil reads all.
type shown map[int64]bool

// readMembers reads the memberships of a query.
func readMembers(t *tx.Tx, list []member, only shown, query string, args ...any) ([]member, error) {
	rows, err := t.SQL().Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var m member
	dest := []any{&m.email, &m.mailbox, &m.thread, &m.flags, &m.size, &m.received, &m.sent, &m.keywords, &m.attachment}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		if only == nil || mail.Flag(m.flags)&mail.Deleted == 0 && only[m.mailbox] {
			list = append(list, m)
		}
	}
	return list, rows.Err()
}

// visibleMailboxes are those that are not being deleted.
func visibleMailboxes(t *tx.Tx, account mail.AccountID) (shown, error) {
	rows, err := t.SQL().Query(`SELECT id FROM mailbox WHERE account_id = $1 AND parent_id >= 0`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	visible := shown{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		visible[id] = true
	}
	return visible, rows.Err()
}

// position is where an account stands.
type position struct {
	epoch     int64
	at, floor mail.ModSeq
}

func readPosition(t *tx.Tx, account mail.AccountID) (p position, err error) {
	err = t.SQL().QueryRow(`SELECT epoch, modseq, log_floor FROM account WHERE id = $1`, account).Scan(&p.epoch, &p.at, &p.floor)
	if err == db.ErrNoRows {
		err = mail.E("catalog.Get", mail.NotFound, nil)
	}
	return p, err
}

// load reads an account.
func load(t *tx.Tx, account mail.AccountID, p position) (*Snapshot, error) {
	changed, err := t.LastOf(account, listed...)
	if err != nil {
		return nil, err
	}
	visible, err := visibleMailboxes(t, account)
	if err != nil {
		return nil, err
	}
	list, err := readMembers(t, nil, visible, `SELECT `+memberColumns+` FROM membership WHERE account_id = $1`, account)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{Account: account, Epoch: p.epoch, At: p.at, Changed: max(changed, p.floor),
		line: &line{keywords: map[string]uint32{"": 0}, places: map[string]uint32{}}, keywords: []set[string]{{}}}
	b := newBuilder(s)
	sortMembers(list)
	for len(list) > 0 {
		var one []member
		one, list = firstEmail(list)
		b.add(one)
	}
	b.loaded()
	return s, nil
}

func sortMembers(list []member) {
	slices.SortFunc(list, func(a, b member) int {
		if a.email != b.email {
			return cmp.Compare(a.email, b.email)
		}
		return cmp.Compare(a.mailbox, b.mailbox)
	})
}

// firstEmail cuts off the memberships of the first email.
func firstEmail(list []member) (first, rest []member) {
	n := 1
	for n < len(list) && list[n].email == list[0].email {
		n++
	}
	return list[:n], list[n:]
}

// entry makes an email of its memberships; the number of its thread is left out.
func (s *Snapshot) entry(list []member) Entry {
	m := &list[0]
	e := Entry{Email: mail.EmailID(m.email), Thread: mail.ThreadID(m.thread), Received: m.received, Sent: m.sent,
		Size: uint32(min(m.size, math.MaxUint32)), Flags: mail.Flag(m.flags), Attachment: m.attachment}
	e.keywords = numberOf(s.line.keywords, &s.keywords, m.keywords, func() []string { return strings.Split(m.keywords, " ") })
	var room [64]byte
	text := room[:0]
	for i := range list {
		text = binary.BigEndian.AppendUint64(text, uint64(list[i].mailbox))
	}
	n, known := s.line.places[string(text)]
	if !known {
		n = numberOf(s.line.places, &s.places, string(text), func() (ids []mail.MailboxID) {
			for i := range list {
				ids = append(ids, mail.MailboxID(list[i].mailbox))
			}
			return ids
		})
	}
	e.mailboxes = n
	return e
}
