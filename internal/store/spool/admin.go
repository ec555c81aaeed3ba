package spool

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func isNoRows(err error) bool { return errors.Is(err, db.ErrNoRows) }

// Stopped is a destination to which nothing is sent, "" for all of them.
type Stopped struct {
	Domain string
	Reason string
	Since  time.Time
}

// Stop ends all sending to a destination, "" for all, until Start. What is being tried at this moment is not interrupted.
func (s *Store) Stop(t *tx.Tx, domain, reason string) error {
	t.SQL().Queue(`INSERT INTO spool_stopped (domain, reason, since) VALUES ($1, $2, $3)
		ON CONFLICT (domain) DO UPDATE SET reason = excluded.reason, since = excluded.since`, domain, cut(reason), t.Now())
	return nil
}

// Start lets mail go to a destination again. mail.NotFound where it was not stopped.
func (s *Store) Start(t *tx.Tx, domain string) error {
	n, err := t.SQL().Exec(`DELETE FROM spool_stopped WHERE domain = $1`, domain)
	if err == nil && n == 0 {
		err = mail.E("spool.Start", mail.NotFound, fmt.Errorf("sending to %s is not stopped", orAll(domain)))
	}
	if err == nil {
		s.wakes(t, map[string]time.Time{domain: t.Now()})
	}
	return err
}

func orAll(domain string) string {
	if domain == "" {
		return "all destinations"
	}
	return domain
}

// AllStopped lists what Stop has stopped, in the order of names.
func (s *Store) AllStopped(t *tx.Tx) (out []Stopped, err error) {
	rows, err := t.SQL().Query(`SELECT domain, reason, since FROM spool_stopped ORDER BY domain`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p Stopped
		if err := rows.Scan(&p.Domain, &p.Reason, &p.Since); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// Hold keeps all recipients of a message from being tried until Release. One that is being tried now is held from the end of
// that on, if it is still owed then. mail.NotFound where there is no such message.
func (s *Store) Hold(t *tx.Tx, id mail.SpoolID) error {
	_, err := s.change(t, id, `UPDATE spool_recipient SET held = 1 WHERE spool_id = $1`, id)
	return err
}

// Release takes back Hold: what came due meanwhile is due.
func (s *Store) Release(t *tx.Tx, id mail.SpoolID) error {
	_, err := s.change(t, id, `UPDATE spool_recipient SET held = 0 WHERE spool_id = $1`, id)
	return err
}

// change writes to the recipients of a message, which it returns, and wakes their destinations.
func (s *Store) change(t *tx.Tx, id mail.SpoolID, sql string, args ...any) ([]Recipient, error) {
	to, err := s.locked(t, id)
	if err != nil {
		return nil, err
	}
	wakes := make(map[string]time.Time)
	for _, r := range to {
		earlier(wakes, r.Address.Domain, t.Now())
	}
	t.SQL().Queue(sql, args...)
	s.wakes(t, wakes)
	return to, nil
}

// locked reads the recipients of a message and locks them, and the message.
func (s *Store) locked(t *tx.Tx, id mail.SpoolID) ([]Recipient, error) {
	rows, err := t.SQL().Query(selectRecipient+`WHERE spool_id = $1 ORDER BY recipient`+forUpdate(t, ""), id)
	if err != nil {
		return nil, err
	}
	to, err := scanRecipients(rows)
	if err == nil && len(to) == 0 {
		err = mail.E("spool", mail.NotFound, fmt.Errorf("there is no message %d in the spool", id))
	}
	return to, err
}

// Drop removes those recipients of a message that are not being tried now, and returns them and how many are left, which
// are. numbers are those that may go, nil for all. The last recipient takes the message along.
func (s *Store) Drop(t *tx.Tx, id mail.SpoolID, numbers []int) (gone []Recipient, left int, err error) {
	return s.remove(t, id, numbers, func(last leased) error {
		if s.o.Bodies == nil {
			return nil
		}
		return s.o.Bodies.Release(t, mail.SpoolAccount, last.blob)
	})
}

// remove is Drop. release is called where the message has gone.
func (s *Store) remove(t *tx.Tx, id mail.SpoolID, numbers []int, release func(leased) error) (gone []Recipient, left int, err error) {
	to, err := s.locked(t, id)
	if err != nil {
		return nil, 0, err
	}
	m := leased{id: id}
	err = t.SQL().QueryRow(`SELECT blob_id, owed FROM spool_message WHERE id = $1`+forUpdate(t, ""), id).Scan(&m.blob, &m.owed)
	if err != nil {
		return nil, 0, err
	}
	for _, r := range to {
		switch {
		case numbers != nil && !slices.Contains(numbers, r.Number):
		case r.Owner != "":
			left++
		default:
			gone = append(gone, r)
			t.SQL().Queue(`DELETE FROM spool_recipient WHERE spool_id = $1 AND recipient = $2`, id, r.Number)
		}
	}
	if last := count(t, m, len(gone)); last {
		err = release(m)
	}
	return gone, left, err
}

func scanIDs(rows *db.Rows) (out []mail.SpoolID, err error) {
	defer rows.Close()
	for rows.Next() {
		var id mail.SpoolID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

const selectHeld = `SELECT DISTINCT spool_id FROM spool_recipient WHERE held = 1 AND domain = $1 AND spool_id > $2 ORDER BY spool_id LIMIT $3`

// Held lists messages at a destination that an operator holds, after one, at most limit of them.
func (s *Store) Held(t *tx.Tx, domain string, after mail.SpoolID, limit int) ([]mail.SpoolID, error) {
	rows, err := t.SQL().Query(selectHeld, domain, after, page(limit))
	if err != nil {
		return nil, err
	}
	return scanIDs(rows)
}

// maxTraced bounds how many messages ByTrace finds: one mail to a thousand recipients is ten.
const maxTraced = 100

// ByTrace lists the messages of one transaction, by the id it has in logs.
func (s *Store) ByTrace(t *tx.Tx, trace string) ([]mail.SpoolID, error) {
	rows, err := t.SQL().Query(`SELECT id FROM spool_message WHERE trace = $1 ORDER BY id LIMIT $2`, trace, maxTraced)
	if err != nil {
		return nil, err
	}
	return scanIDs(rows)
}

// Sizes are how much is in the spool.
type Sizes struct {
	Messages, Recipients, Held, Leased int64
	Oldest                             time.Time // the first message's date
}

// Measure counts. It reads an index of all messages: not to be asked for often.
func (s *Store) Measure(t *tx.Tx) (n Sizes, err error) {
	b := t.SQL().Batch()
	defer b.Close()
	b.Query(`SELECT COUNT(*), COALESCE(SUM(owed), 0), COALESCE(MIN(created), 0) FROM spool_message`)
	b.Query(`SELECT COUNT(*) FROM spool_recipient WHERE held = 1`)
	b.Query(`SELECT COUNT(*) FROM spool_recipient WHERE owner <> ''`)
	var oldest int64
	if err := b.QueryRow().Scan(&n.Messages, &n.Recipients, &oldest); err != nil {
		return n, err
	}
	n.Oldest = fromMillis(oldest)
	for _, count := range []*int64{&n.Held, &n.Leased} {
		if err := b.QueryRow().Scan(count); err != nil {
			return n, err
		}
	}
	return n, nil
}
