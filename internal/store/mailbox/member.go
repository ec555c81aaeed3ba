package mailbox

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// longRange is how many numbers make a range worth a question of its own.
const longRange = 16

// questions cuts a normal set of UIDs into conditions on membership.uid: long ranges by themselves, single numbers and
// short ranges together.
func questions(uids imap.Set, ask func(imap.Set) (more bool, err error)) error {
	var short imap.Set
	count := 0
	flush := func() (bool, error) {
		if count == 0 {
			return true, nil
		}
		more, err := ask(short)
		short, count = nil, 0
		return more, err
	}
	for _, r := range uids {
		n := int(min(uint64(r.Stop)-uint64(r.Start)+1, maxUID))
		if n >= longRange || count+n > maxIn {
			if more, err := flush(); !more || err != nil {
				return err
			}
		}
		if n >= longRange {
			if more, err := ask(imap.Set{r}); !more || err != nil {
				return err
			}
			continue
		}
		short, count = append(short, r), count+n
	}
	_, err := flush()
	return err
}

// where returns the condition for one of these questions and the arguments of its statement.
func where(uids imap.Set, before ...any) (text string, args []any) {
	if len(uids) == 1 {
		n := len(before)
		return "BETWEEN " + placeholder(n+1) + " AND " + placeholder(n+2), append(before[:n:n], int64(uids[0].Start), int64(uids[0].Stop))
	}
	numbers := make([]uint32, 0, maxIn)
	for n := range uids.All() {
		numbers = append(numbers, n)
	}
	return inList(numbers, before...)
}

// eachMember calls each for the memberships of a mailbox with the UIDs of a normal set, in order of UID. The columns are
// entryColumns.
func eachMember(t *tx.Tx, account mail.AccountID, mailbox mail.MailboxID, uids imap.Set, each func(*db.Rows) error) error {
	return questions(uids, func(part imap.Set) (bool, error) {
		condition, args := where(part, account, mailbox)
		rows, err := t.SQL().Query(`SELECT `+entryColumns+` FROM membership
			WHERE account_id = $1 AND mailbox_id = $2 AND uid `+condition+` ORDER BY uid`, args...)
		if err != nil {
			return false, err
		}
		defer rows.Close()
		for rows.Next() {
			if err := each(rows); err != nil {
				return false, err
			}
		}
		return true, rows.Err()
	})
}

// member is a membership as work in steps reads it.
type member struct {
	uid      mail.UID
	email    mail.EmailID
	modseq   mail.ModSeq
	flags    mail.Flag
	keywords string
	size     int64
	received int64
	thread   mail.ThreadID
	sent     int64

	attachment bool

	next bool // no other membership lies between it and the one before
}

// members reads at most limit memberships of a mailbox, in order of UID, and returns them and the part of the set that
// lies behind them.
func members(t *tx.Tx, account mail.AccountID, mailbox mail.MailboxID, uids imap.Set, limit int) (list []member, rest imap.Set, err error) {
	var full bool
	err = questions(uids, func(part imap.Set) (bool, error) {
		condition, args := where(part, account, mailbox)
		args = append(args, limit-len(list)+1)
		rows, err := t.SQL().Query(`SELECT `+entryColumns+`, thread_id, sent, attachment FROM membership
			WHERE account_id = $1 AND mailbox_id = $2 AND uid `+condition+` ORDER BY uid LIMIT `+placeholder(len(args)), args...)
		if err != nil {
			return false, err
		}
		defer rows.Close()
		for first := true; rows.Next(); first = false {
			if full = len(list) == limit; full {
				return false, nil
			}
			var m member
			if err := rows.Scan(&m.uid, &m.email, &m.modseq, &m.flags, &m.keywords, &m.size, &m.received, &m.thread, &m.sent, &m.attachment); err != nil {
				return false, err
			}
			if n := len(list); n > 0 {
				m.next = list[n-1].uid+1 == m.uid || len(part) == 1 && !first
			}
			list = append(list, m)
		}
		return true, rows.Err()
	})
	if full {
		rest = after(uids, list[len(list)-1].uid)
	}
	return list, rest, err
}

// after returns the part of a normal set above uid.
func after(uids imap.Set, uid mail.UID) imap.Set {
	if uid == maxUID {
		return nil
	}
	return uids.Intersect(imap.Set{{Start: uint32(uid) + 1, Stop: maxUID}})
}

// minRun is how many neighbouring memberships are worth a statement of their own.
const minRun = 8

// conditions cuts members, which are in order, into conditions on membership.uid that hold exactly them: neighbours by
// a range, others one by one.
func conditions(list []member, each func(uids imap.Set)) {
	var single imap.Set
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].next {
			n++
		}
		if n >= minRun {
			each(imap.Set{{Start: uint32(list[0].uid), Stop: uint32(list[n-1].uid)}})
			list = list[n:]
			continue
		}
		for _, m := range list[:n] {
			single = append(single, imap.Range{Start: uint32(m.uid), Stop: uint32(m.uid)})
		}
		list = list[n:]
	}
	for part := range slices.Chunk(single, maxIn) {
		each(part)
	}
}

// pick returns the members that want accepts, with next still right.
func pick(list []member, want func(*member) bool) []member {
	var out []member
	last := -1
	for i := range list {
		if m := list[i]; want(&m) {
			m.next = m.next && last == i-1
			out = append(out, m)
			last = i
		}
	}
	return out
}

// emailsOf lists the emails of members.
func emailsOf(list []member) []mail.EmailID {
	ids := make([]mail.EmailID, len(list))
	for i := range list {
		ids[i] = list[i].email
	}
	return ids
}

// eachIn runs a query for all ids: its %s becomes an IN list of them; before are its other arguments.
func eachIn[T any](t *tx.Tx, query string, before []any, ids []T, each func(*db.Rows) error) error {
	head, tail, _ := strings.Cut(query, "%s")
	for part := range slices.Chunk(ids, maxIn) {
		in, args := inList(part, before...)
		rows, err := t.SQL().Query(head+in+tail, args...)
		if err != nil {
			return err
		}
		for rows.Next() {
			if err := each(rows); err != nil {
				rows.Close()
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}
