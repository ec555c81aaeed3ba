package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// listed are the kinds of changes that a list may depend on: memberships, with their keywords; mailboxes, which may be
// deleted; rights, which show them to others.
var listed = []tx.Kind{tx.KindMembership, tx.KindMailbox, tx.KindRights}

// maxFollow is how many changes are followed, at least.
const maxFollow = 1000

// errReload says that a snapshot cannot be followed and is to be read anew.
var errReload = errors.New("read the account anew")

// refresh returns the newest state of an account, made from the known one where that is possible.
func refresh(t *tx.Tx, account mail.AccountID, known *Snapshot) (*Snapshot, error) {
	p, err := readPosition(t, account)
	if err != nil {
		return nil, err
	}
	if known == nil || known.Epoch != p.epoch || known.At < p.floor || known.wasteful() {
		return load(t, account, p)
	}
	if known.At == p.at {
		return known, nil
	}
	s, err := follow(t, known, p)
	if errors.Is(err, errReload) {
		return load(t, account, p)
	}
	return s, err
}

// follow makes the snapshot after another from the change log.
func follow(t *tx.Tx, known *Snapshot, p position) (*Snapshot, error) {
	touched, changed, err := touchedSince(t, known, p)
	if err != nil {
		return nil, err
	}
	b := next(known)
	b.At, b.Changed = p.at, max(changed, p.floor)
	if len(touched) == 0 {
		return b.Snapshot, nil
	}
	visible, err := visibleMailboxes(t, known.Account)
	if err != nil {
		return nil, err
	}
	list, err := membersOf(t, known.Account, touched, visible)
	if err != nil {
		return nil, err
	}
	sortMembers(list)
	for _, id := range touched {
		var one []member
		if len(list) > 0 && mail.EmailID(list[0].email) == id {
			one, list = firstEmail(list)
		}
		slot, was := known.Find(id)
		switch {
		case was && one != nil:
			b.put(slot, one)
		case was:
			b.remove(slot)
		case one != nil:
			b.add(one)
		}
	}
	return b.followed(), nil
}

// touchedSince reads from the log which emails may be others, in order, and the last number that counts.
func touchedSince(t *tx.Tx, known *Snapshot, p position) (touched []mail.EmailID, changed mail.ModSeq, err error) {
	limit := max(maxFollow, known.Len()/4)
	rows, err := t.SQL().Query(`SELECT modseq, kind, op, object_id FROM change
		WHERE account_id = $1 AND modseq > $2 AND (kind IN ($3, $4, $5) OR kind > $6) ORDER BY modseq, seq LIMIT $7`,
		known.Account, known.At, int64(listed[0]), int64(listed[1]), int64(listed[2]), int64(tx.LastKind), limit+1)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	changed = known.Changed
	for n := 0; rows.Next(); n++ {
		var kind tx.Kind
		var op tx.Op
		var object int64
		if err := rows.Scan(&changed, &kind, &op, &object); err != nil {
			return nil, 0, err
		}
		switch {
		case n == limit || kind > tx.LastKind:
			return nil, 0, errReload // too many, or a kind of a later release
		case kind == tx.KindMembership:
			touched = append(touched, mail.EmailID(object))
		case kind == tx.KindMailbox && op == tx.Destroyed:
			touched = append(touched, known.in(mail.MailboxID(object))...)
		}
	}
	slices.Sort(touched)
	return slices.Compact(touched), changed, rows.Err()
}

// in lists the emails in a mailbox.
func (s *Snapshot) in(id mail.MailboxID) (list []mail.EmailID) {
	for slot := range s.All() {
		if e := s.Entry(slot); slices.Contains(s.Mailboxes(e), id) {
			list = append(list, e.Email)
		}
	}
	return list
}

// idsAtATime is how many emails one statement asks for.
const idsAtATime = 64

// membersOf reads the memberships of emails.
func membersOf(t *tx.Tx, account mail.AccountID, ids []mail.EmailID, only shown) (list []member, err error) {
	for part := range slices.Chunk(ids, idsAtATime) {
		n := idsAtATime // of two lengths, so that few statements are prepared
		if len(part) == 1 {
			n = 1
		}
		args, marks := []any{account}, make([]string, n)
		for i := range n {
			args, marks[i] = append(args, part[min(i, len(part)-1)]), fmt.Sprint("$", i+2)
		}
		list, err = readMembers(t, list, only, `SELECT `+memberColumns+` FROM membership
			WHERE account_id = $1 AND email_id IN (`+strings.Join(marks, ", ")+`)`, args...)
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}
