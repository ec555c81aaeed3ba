package threadcount

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// maxTouched is how many changed messages and threads are looked at one by one.
const maxTouched = 4096

// maxKinds is how many kinds there may be that no thread is of any more.
const maxKinds = 4096

// look says what t sees of an account.
func look(t *tx.Tx, account mail.AccountID) (at version, err error) {
	if at.modseq, at.epoch, err = t.State(account); err != nil {
		return at, err
	}
	rows, err := t.SQL().Query(`SELECT id FROM mailbox WHERE account_id = $1 AND role = 'trash' AND parent_id >= 0`, account)
	if err != nil {
		return at, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&at.trash); err != nil {
			return at, err
		}
	}
	return at, rows.Err()
}

// begin counts anew.
func (e *entry) begin(t *tx.Tx, account mail.AccountID, at version) error {
	e.counted = newCounted(at)
	there, err := mailboxes(t, account)
	if err != nil {
		return err
	}
	rows, err := t.SQL().Query(`SELECT thread_id, email_id, mailbox_id, flags FROM membership WHERE account_id = $1`, account)
	if err != nil {
		return err
	}
	all, err := places(rows, func(p place) bool { return there[p.mailbox] && p.flags&hidden == 0 })
	if err != nil {
		return err
	}
	e.setAll(all)
	return nil
}

// setAll takes the messages of threads, all of each.
func (c *counted) setAll(all []place) {
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(a.thread, b.thread) })
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].thread == all[0].thread {
			n++
		}
		c.set(all[0].thread, all[:n])
		all = all[n:]
	}
}

// mailboxes are those that are not deleted.
func mailboxes(t *tx.Tx, account mail.AccountID) (map[mail.MailboxID]bool, error) {
	rows, err := t.SQL().Query(`SELECT id FROM mailbox WHERE account_id = $1 AND parent_id >= 0`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	there := make(map[mail.MailboxID]bool)
	for rows.Next() {
		var id mail.MailboxID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		there[id] = true
	}
	return there, rows.Err()
}

func places(rows *db.Rows, want func(place) bool) (all []place, err error) {
	defer rows.Close()
	var p place
	for rows.Next() {
		if err := rows.Scan(&p.thread, &p.email, &p.mailbox, &p.flags); err != nil {
			return nil, err
		}
		if want(p) {
			all = append(all, p)
		}
	}
	return all, rows.Err()
}

// advance looks again at the threads that have changed since.
func (e *entry) advance(t *tx.Tx, account mail.AccountID, at version) error {
	emails, threads := map[int64]bool{}, map[int64]bool{}
	err := t.Changes(account, e.modseq, func(c tx.Change) bool {
		switch c.Kind {
		case tx.KindMembership:
			emails[c.Object] = true
		case tx.KindThread: // that of an email that is gone
			threads[c.Object] = true
		}
		return len(emails)+len(threads) <= maxTouched
	})
	if mail.Is(err, mail.Gone) || len(emails)+len(threads) > maxTouched || len(e.kinds) > maxKinds+len(e.threads) {
		return e.begin(t, account, at)
	}
	if err != nil {
		return err
	}
	if err := each(t, `SELECT DISTINCT thread_id FROM membership WHERE account_id = $1 AND email_id IN (%s)`, account, emails, func(r *db.Rows) error {
		var id int64
		err := r.Scan(&id)
		threads[id] = true
		return err
	}); err != nil {
		return err
	}
	all, err := placesOf(t, account, threads)
	if err != nil {
		return err
	}
	for id := range threads {
		e.set(mail.ThreadID(id), nil)
	}
	e.setAll(all)
	e.version = at
	return nil
}

// placesOf reads the messages of threads.
func placesOf(t *tx.Tx, account mail.AccountID, threads map[int64]bool) (all []place, err error) {
	const query = `SELECT m.thread_id, m.email_id, m.mailbox_id, m.flags FROM email e
		JOIN membership m ON m.account_id = e.account_id AND m.email_id = e.id
		JOIN mailbox b ON b.account_id = m.account_id AND b.id = m.mailbox_id AND b.parent_id >= 0
		WHERE e.account_id = $1 AND `
	row := func(r *db.Rows) error {
		var p place
		err := r.Scan(&p.thread, &p.email, &p.mailbox, &p.flags)
		all = append(all, p)
		return err
	}
	// A thread has the id of its first email, which the index of threads has not.
	if err := each(t, query+`e.id IN (%s) AND e.thread_id = e.id`, account, threads, row); err != nil {
		return nil, err
	}
	return all, each(t, query+`e.thread_id <> e.id AND e.thread_id IN (%s)`, account, threads, row)
}

// inSizes are the lengths of IN lists: few, so that few statements are prepared.
var inSizes = []int{1, 16, 256}

// each asks for ids, some at a time.
func each(t *tx.Tx, query string, account mail.AccountID, ids map[int64]bool, row func(*db.Rows) error) error {
	sorted := slices.Sorted(maps.Keys(ids))
	for part := range slices.Chunk(sorted, inSizes[len(inSizes)-1]) {
		size := inSizes[slices.IndexFunc(inSizes, func(n int) bool { return n >= len(part) })]
		marks, args := make([]string, size), []any{account}
		for i := range size {
			marks[i] = "$" + strconv.Itoa(i+2)
			args = append(args, part[min(i, len(part)-1)])
		}
		rows, err := t.SQL().Query(strings.Replace(query, "%s", strings.Join(marks, ","), 1), args...)
		if err != nil {
			return err
		}
		for rows.Next() {
			if err := row(rows); err != nil {
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
