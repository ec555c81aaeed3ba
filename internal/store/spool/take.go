package spool

import (
	"errors"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Lease is who takes: a node by its name, in one of its lives.
type Lease struct {
	Owner string // not ""
	Epoch int64
}

// Work is a message with those of its recipients that a node has taken, all at one destination, in the order of the envelope.
type Work struct {
	Message
	Domain     string
	Recipients []Recipient
}

// within reports whether the envelope names all the recipients.
func (w Work) within(m Message) bool {
	for _, r := range w.Recipients {
		if r.Number < 0 || r.Number >= len(m.Envelope.Recipients) {
			return false
		}
	}
	return true
}

// Limits of Take.
const (
	MaxTake = 256 // recipients of one call, and as many again where the priorities of mail differ
	MaxAway = 15 * time.Minute
)

// Take leases what a destination gets next: due recipients by priority and date, of at most max messages. more says that it
// has left some that are due. It raises the fence of every recipient it takes.
//
// Messages in a format of a newer version are left to the nodes that know it, for MaxAway at a time. So are those that make no
// sense, which must not keep others from being sent: Check finds them, and the operator can drop them.
func (s *Store) Take(t *tx.Tx, l Lease, domain string, max int) (jobs []Work, more bool, err error) {
	stopped, err := s.isStopped(t, domain)
	if stopped || err != nil || max <= 0 {
		return nil, false, err
	}
	recipients := 0
	for turn := int64(beforeAll); len(jobs) < max && !more; {
		var found []Recipient
		if turn, found, err = s.next(t, domain, turn); err != nil {
			return nil, false, err
		}
		if turn == afterAll {
			break
		}
		page := group(found)
		recipients += len(found)
		more = recipients >= MaxTake
		if len(found) == MaxTake && len(page) > 1 {
			page = page[:len(page)-1] // the last may go on where the page has ended
		}
		if room := max - len(jobs); len(page) >= room {
			page, more = page[:room], true // perhaps
		}
		jobs = append(jobs, page...)
	}
	jobs, err = s.lease(t, l, domain, jobs)
	return jobs, more, err
}

func (s *Store) isStopped(t *tx.Tx, domain string) (bool, error) {
	var n int
	err := t.SQL().QueryRow(`SELECT COUNT(*) FROM spool_stopped WHERE domain IN ('', $1)`, domain).Scan(&n)
	return n > 0, err
}

// waiting is what the partial indexes are of. Every statement that is to use them says it in these words.
const waiting = `owner = '' AND held = 0`

// Turns are priorities, negated: from -9 to 9.
const (
	beforeAll = -100
	afterAll  = 100
)

const (
	selectTurn = `SELECT MIN(turn) FROM spool_recipient WHERE domain = $1 AND turn > $2 AND ` + waiting
	selectTake = selectRecipient + `WHERE domain = $1 AND turn = $2 AND due <= $3 AND ` + waiting + ` ORDER BY due, spool_id, recipient LIMIT $4`
)

// next finds the first turn after the last one that has mail at the destination, and what of it is due. Two nodes that take
// at the same time take different recipients.
func (s *Store) next(t *tx.Tx, domain string, last int64) (turn int64, found []Recipient, err error) {
	if turn, err = s.nextTurn(t, domain, last); err != nil || turn == afterAll {
		return turn, nil, err
	}
	rows, err := t.SQL().Query(selectTake+forUpdate(t, " SKIP LOCKED"), domain, turn, t.Now(), MaxTake)
	if err != nil {
		return 0, nil, err
	}
	found, err = scanRecipients(rows)
	return turn, found, err
}

func (s *Store) nextTurn(t *tx.Tx, domain string, last int64) (int64, error) {
	var first *int64
	err := t.SQL().QueryRow(selectTurn, domain, last).Scan(&first)
	if err != nil || first == nil {
		return afterAll, err
	}
	return *first, nil
}

// forUpdate locks what a SELECT reads, where it must be said: SQLite has one writer.
func forUpdate(t *tx.Tx, how string) string {
	if t.SQL().Engine() == db.Postgres {
		return " FOR UPDATE" + how
	}
	return ""
}

// group puts the recipients of each message together, the messages in the order of their first.
func group(found []Recipient) (jobs []Work) {
	at := make(map[mail.SpoolID]int)
	for _, r := range found {
		i, ok := at[r.Message]
		if !ok {
			i = len(jobs)
			at[r.Message] = i
			jobs = append(jobs, Work{Message: Message{ID: r.Message}})
		}
		jobs[i].Recipients = append(jobs[i].Recipients, r)
	}
	for _, j := range jobs {
		slices.SortFunc(j.Recipients, func(a, b Recipient) int { return a.Number - b.Number })
	}
	return jobs
}

// lease reads the messages and writes the leases.
func (s *Store) lease(t *tx.Tx, l Lease, domain string, jobs []Work) (out []Work, err error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	b := t.SQL().Batch()
	defer b.Close()
	for _, j := range jobs {
		b.Query(selectMessage+`WHERE id = $1`, j.ID)
	}
	for _, j := range jobs {
		m, err := scanMessage(b.QueryRow().Scan)
		switch {
		case errors.Is(err, ErrFormat), errors.Is(err, ErrUnreadable), err == nil && !j.within(m):
			m.ID = 0 // left alone below
		case err != nil:
			return nil, err
		}
		out = append(out, Work{Message: m, Domain: domain, Recipients: j.Recipients})
	}
	b.Close()
	for i := range out {
		for j := range out[i].Recipients {
			r := &out[i].Recipients[j]
			if out[i].ID == 0 {
				t.SQL().Queue(`UPDATE spool_recipient SET due = $3 WHERE spool_id = $1 AND recipient = $2`, r.Message, r.Number, t.Now().Add(MaxAway))
				continue
			}
			r.Owner, r.Fence = l.Owner, r.Fence+1
			t.SQL().Queue(`UPDATE spool_recipient SET owner = $3, epoch = $4, fence = $5 WHERE spool_id = $1 AND recipient = $2`,
				r.Message, r.Number, l.Owner, l.Epoch, r.Fence)
		}
	}
	return slices.DeleteFunc(out, func(j Work) bool { return j.ID == 0 }), nil
}

const (
	selectOwner  = `SELECT owner, epoch FROM spool_recipient WHERE owner <> '' AND (owner, epoch) > ($1, $2) ORDER BY owner, epoch LIMIT 1`
	selectLeased = `SELECT spool_id, recipient, domain, due FROM spool_recipient
		WHERE owner = $1 AND epoch = $2 AND owner <> '' ORDER BY spool_id LIMIT $3`
)

// Owners lists who leases something here, each once: an owner whose life has ended is to be taken from by TakeOver.
func (s *Store) Owners(t *tx.Tx) (out []Lease, err error) {
	l := Lease{}
	for {
		// One look into the index for each: there are as many owners as nodes, and they may hold very much.
		err := t.SQL().QueryRow(selectOwner, l.Owner, l.Epoch).Scan(&l.Owner, &l.Epoch)
		if errors.Is(err, db.ErrNoRows) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
}

// Leased lists what an owner leases, after a place in the order of messages and recipients, at most MaxPage.
func (s *Store) Leased(t *tx.Tx, l Lease, after Recipient) ([]Recipient, error) {
	rows, err := t.SQL().Query(selectRecipient+`WHERE owner = $1 AND epoch = $2 AND owner <> '' AND (spool_id, recipient) > ($3, $4)
		ORDER BY spool_id, recipient LIMIT $5`, l.Owner, l.Epoch, after.Message, after.Number, MaxPage)
	if err != nil {
		return nil, err
	}
	return scanRecipients(rows)
}

// MaxTakeOver is how many recipients one TakeOver frees.
const MaxTakeOver = 500

// TakeOver ends the leases of an owner whose epoch is over, so that others may take what it had, and raises the fences:
// what it still does is in vain. It returns how many leases it ended; where that is MaxTakeOver there may be more.
func (s *Store) TakeOver(t *tx.Tx, l Lease) (n int, err error) {
	rows, err := t.SQL().Query(selectLeased+forUpdate(t, ""), l.Owner, l.Epoch, MaxTakeOver)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	type key struct {
		id     mail.SpoolID
		number int
	}
	var keys []key
	wakes := make(map[string]time.Time)
	for rows.Next() {
		var k key
		var domain string
		var due time.Time
		if err := rows.Scan(&k.id, &k.number, &domain, &due); err != nil {
			return 0, err
		}
		keys = append(keys, k)
		earlier(wakes, domain, due)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	for _, k := range keys {
		t.SQL().Queue(`UPDATE spool_recipient SET owner = '', epoch = 0, fence = fence + 1
			WHERE spool_id = $1 AND recipient = $2 AND owner = $3 AND epoch = $4`, k.id, k.number, l.Owner, l.Epoch)
	}
	s.wakes(t, wakes)
	return len(keys), nil
}
