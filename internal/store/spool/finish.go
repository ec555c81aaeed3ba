package spool

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Result is what becomes of a recipient that was taken.
type Result struct {
	Message  mail.SpoolID
	Number   int
	Fence    int64
	Domain   string
	Due      time.Time // when it is tried again; zero: it is done, and goes
	Attempts int       // so far
	Deadline time.Time
	Warned   time.Time
	Last     string // what was answered; of foreign origin
}

// MaxLast bounds what is kept of an answer, in bytes.
const MaxLast = 1000

// Finish writes results of recipients that l has taken, and ends their leases. A result whose lease is not ours any more
// changes nothing, and neither do the others of the same message: hit says for each whether it was written, and the caller
// leaves what it wanted to write besides for those that were not. The last recipient takes its message along, and the hold on the body.
func (s *Store) Finish(t *tx.Tx, l Lease, results []Result) (hit []bool, err error) {
	byMessage := make(map[mail.SpoolID][]int)
	for i, r := range results {
		byMessage[r.Message] = append(byMessage[r.Message], i)
	}
	ids := make([]mail.SpoolID, 0, len(byMessage))
	for id := range byMessage {
		ids = append(ids, id)
	}
	slices.Sort(ids) // one order of locks for all: by message, its recipients before itself
	held, err := s.lockLeased(t, l, ids)
	if err != nil {
		return nil, err
	}
	hit = make([]bool, len(results))
	wakes := make(map[string]time.Time)
	for _, m := range held {
		mine := byMessage[m.id]
		if !m.covers(results, mine) {
			continue
		}
		gone := 0
		for _, i := range mine {
			hit[i] = true
			if r := results[i]; r.Due.IsZero() {
				gone++
			} else {
				earlier(wakes, r.Domain, r.Due)
			}
			s.write(t, l, results[i])
		}
		if err := s.settle(t, m, gone); err != nil {
			return nil, err
		}
	}
	s.wakes(t, wakes)
	return hit, nil
}

// leased is a message with the recipients of it that a lease covers.
type leased struct {
	id     mail.SpoolID
	blob   mail.BlobID
	owed   int
	fences map[int]int64 // by number of the recipient
}

// covers reports whether the lease is that of all these results.
func (m leased) covers(results []Result, mine []int) bool {
	for _, i := range mine {
		fence, ok := m.fences[results[i].Number]
		if !ok || fence != results[i].Fence {
			return false
		}
		delete(m.fences, results[i].Number) // one result each
	}
	return true
}

// lockLeased locks and reads the messages, and of their recipients those that l leases, in one round trip. A message that has
// gone is left out.
func (s *Store) lockLeased(t *tx.Tx, l Lease, ids []mail.SpoolID) ([]leased, error) {
	lock := forUpdate(t, "")
	b := t.SQL().Batch()
	defer b.Close()
	for _, id := range ids {
		b.Query(`SELECT recipient, fence FROM spool_recipient WHERE spool_id = $1 AND owner = $2 AND epoch = $3 ORDER BY recipient`+lock, id, l.Owner, l.Epoch)
		b.Query(`SELECT blob_id, owed FROM spool_message WHERE id = $1`+lock, id)
	}
	var out []leased
	for _, id := range ids {
		m := leased{id: id, fences: make(map[int]int64)}
		rows, err := b.Rows()
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var number int
			var fence int64
			if err := rows.Scan(&number, &fence); err != nil {
				return nil, err
			}
			m.fences[number] = fence
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
		switch err := b.QueryRow().Scan(&m.blob, &m.owed); {
		case err == nil:
			out = append(out, m)
		case !errors.Is(err, db.ErrNoRows):
			return nil, err
		}
	}
	return out, nil
}

func (s *Store) write(t *tx.Tx, l Lease, r Result) {
	if r.Due.IsZero() {
		t.SQL().Queue(`DELETE FROM spool_recipient WHERE spool_id = $1 AND recipient = $2 AND owner = $3 AND epoch = $4 AND fence = $5`,
			r.Message, r.Number, l.Owner, l.Epoch, r.Fence)
		return
	}
	t.SQL().Queue(`UPDATE spool_recipient SET owner = '', epoch = 0, due = $6, attempts = $7, deadline = $8, warned = $9, last = $10
		WHERE spool_id = $1 AND recipient = $2 AND owner = $3 AND epoch = $4 AND fence = $5`,
		r.Message, r.Number, l.Owner, l.Epoch, r.Fence, r.Due, r.Attempts, millis(r.Deadline), millis(r.Warned), cut(r.Last))
}

// settle counts recipients that have gone, and removes the message with the last of them, and the hold on its body. The message
// is locked.
func (s *Store) settle(t *tx.Tx, m leased, gone int) error {
	if last := count(t, m, gone); last && s.o.Bodies != nil {
		return s.o.Bodies.Release(t, mail.SpoolAccount, m.blob)
	}
	return nil
}

// count takes recipients that have gone from those that are owed the message, which goes with the last.
func count(t *tx.Tx, m leased, gone int) (last bool) {
	switch {
	case gone == 0:
	case gone < m.owed:
		t.SQL().Queue(`UPDATE spool_message SET owed = owed - $2 WHERE id = $1`, m.id, gone)
	default:
		t.SQL().Queue(`DELETE FROM spool_message WHERE id = $1`, m.id)
		return true
	}
	return false
}

// cut makes a text from elsewhere one that both engines keep, within MaxLast, at the end of a character.
func cut(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "?"), "?")
	if len(s) <= MaxLast {
		return s
	}
	end := MaxLast
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
