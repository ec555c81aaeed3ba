package spool

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	selectDue = `SELECT DISTINCT due, domain FROM spool_recipient WHERE (due, domain) > ($1, $2) AND due <= $3 AND ` + waiting + `
		ORDER BY due, domain LIMIT $4`
	selectNextDue     = `SELECT due FROM spool_recipient WHERE due > $1 AND ` + waiting + ` ORDER BY due, domain LIMIT 1`
	selectDestination = `SELECT domain, turn, due FROM spool_recipient WHERE (domain, turn) > ($1, $2) AND ` + waiting + `
		ORDER BY domain, turn, due LIMIT 1`
)

// Position is a place in the order of dates, and within a date of destinations. The zero Position is before all.
type Position struct {
	Due    time.Time
	Domain string
}

// DueAfter lists destinations with mail that is due by now, in the order of dates from after on, at most limit of them; a
// destination may be there several times. next is where to go on. It costs what became due since after, however much
// else is in the spool.
//
// A date before after may still come: a commit becomes visible some time after the clock it has read. Who needs to know of
// all looks with Destinations now and then.
func (s *Store) DueAfter(t *tx.Tx, after Position, limit int) (found []string, next Position, err error) {
	now := t.Now()
	rows, err := t.SQL().Query(selectDue, millis(after.Due), after.Domain, now, limit)
	if err != nil {
		return nil, after, err
	}
	defer rows.Close()
	next = after
	for rows.Next() {
		if err := rows.Scan(&next.Due, &next.Domain); err != nil {
			return nil, after, err
		}
		found = append(found, next.Domain)
	}
	if len(found) < limit && now.After(next.Due) {
		next = Position{Due: now, Domain: lastDomain}
	}
	return found, next, rows.Err()
}

// MaxPostpone is how many recipients one Postpone puts off.
const MaxPostpone = 500

const selectPostpone = `SELECT spool_id, recipient, deadline FROM spool_recipient
	WHERE domain = $1 AND turn = $2 AND due <= $3 AND deadline > $3 AND ` + waiting + ` ORDER BY due, spool_id, recipient LIMIT $4`

// Postpone puts off what is due at a destination that takes no mail, until some time between until and spread after that,
// each message at its own, without trying it. A recipient's deadline is kept: those whose deadline has come, or was not reckoned
// yet, are left for Take. It returns how many were put off; where that is MaxPostpone there may be more.
func (s *Store) Postpone(t *tx.Tx, domain string, until time.Time, spread time.Duration, last string) (n int, err error) {
	wakes := make(map[string]time.Time)
	for turn := int64(beforeAll); n < MaxPostpone; {
		if turn, err = s.nextTurn(t, domain, turn); err != nil || turn == afterAll {
			break
		}
		page, err := s.postponable(t, domain, turn, MaxPostpone-n)
		if err != nil {
			return 0, err
		}
		for _, r := range page {
			due := until.Add(place(r.Message, spread))
			if r.Deadline.Before(due) {
				due = r.Deadline
			}
			t.SQL().Queue(`UPDATE spool_recipient SET due = $3, last = $4 WHERE spool_id = $1 AND recipient = $2`, r.Message, r.Number, due, cut(last))
			earlier(wakes, domain, due)
		}
		n += len(page)
	}
	s.wakes(t, wakes)
	return n, err
}

// places is at how many moments what is put off comes again: what comes at the same one is looked at together.
const places = 480

// place spreads messages over a time.
func place(id mail.SpoolID, spread time.Duration) time.Duration {
	step := max(spread/places, time.Millisecond)
	return time.Duration(uint64(id)*7919%places) * step
}

func (s *Store) postponable(t *tx.Tx, domain string, turn int64, limit int) (page []Recipient, err error) {
	rows, err := t.SQL().Query(selectPostpone+forUpdate(t, " SKIP LOCKED"), domain, turn, t.Now(), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Recipient
		if err := rows.Scan(&r.Message, &r.Number, &r.Deadline); err != nil {
			return nil, err
		}
		page = append(page, r)
	}
	return page, rows.Err()
}

// lastDomain is after every domain: with it, a Position is behind all of its date.
const lastDomain = "\U0010FFFF"

// NextDue is the first date after now on which something is due, the zero time where there is none.
func (s *Store) NextDue(t *tx.Tx) (time.Time, error) {
	var at time.Time
	err := t.SQL().QueryRow(selectNextDue, t.Now()).Scan(&at)
	if isNoRows(err) {
		return time.Time{}, nil
	}
	return at, err
}

// Destinations lists the destinations with mail that is due by now, in the order of their names, after one, having looked at
// as many as limit. next is where to go on, "" when there is no more. It costs one look for each destination of the spool
// and each of its priorities, however much mail each has.
func (s *Store) Destinations(t *tx.Tx, after string, limit int) (found []string, next string, err error) {
	now := t.Now()
	domain, turn := after, int64(afterAll)
	for range limit {
		var due time.Time
		err := t.SQL().QueryRow(selectDestination, domain, turn).Scan(&domain, &turn, &due)
		if isNoRows(err) {
			return found, "", nil
		}
		if err != nil {
			return nil, after, err
		}
		if due.After(now) || len(found) > 0 && found[len(found)-1] == domain {
			continue
		}
		found = append(found, domain)
	}
	return found, domain, nil
}
