// Package snooze remembers which mail is out of sight, until when, and where it comes back to. The mail itself lies in a mailbox
// as other mail does (mailflow/snoozing puts it there and brings it back).
//
// Mail comes back once: its row goes in the commit that moves it, under the lock of its account. What cannot be brought back is tried
// again after Again, by the database's clock, so that it does not keep other mail waiting.
//
// An account has at most MaxSnoozed.
package snooze

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits.
const (
	MaxSnoozed = 10_000
	MaxDue     = 100 // that Take returns at a time
	Again      = 30 * time.Second
)

// Snoozed is an email that is out of sight.
type Snoozed struct {
	Account mail.AccountID
	Email   mail.EmailID
	Until   time.Time
	Origin  []mail.MailboxID // where it comes back to
}

// Store is the room. It keeps nothing of its own and is safe for concurrent use.
type Store struct{}

// New returns a Store.
func New() *Store { return &Store{} }

// Set has an email of an account, which is locked, be out of sight until a time. One that is already gets the new time, and keeps its
// origin where it is given none.
func (s *Store) Set(t *tx.Tx, one Snoozed) error {
	var n int
	if err := t.SQL().QueryRow(`SELECT COUNT(*) FROM snooze WHERE account_id = $1`, one.Account).Scan(&n); err != nil {
		return err
	}
	if n >= MaxSnoozed {
		return mail.E("snooze.Set", mail.OverQuota, fmt.Errorf("an account has at most %d snoozed messages", MaxSnoozed))
	}
	origin := make([]string, len(one.Origin))
	for i, id := range one.Origin {
		origin[i] = strconv.FormatInt(int64(id), 10)
	}
	t.SQL().Queue(`INSERT INTO snooze (account_id, email_id, until, origin, again) VALUES ($1, $2, $3, $4, 0)
		ON CONFLICT (account_id, email_id) DO UPDATE SET until = excluded.until, again = 0,
			origin = CASE WHEN excluded.origin = '' THEN snooze.origin ELSE excluded.origin END`, one.Account, one.Email, one.Until, strings.Join(origin, " "))
	return nil
}

// Clear forgets that an email is snoozed. The account is locked.
func (s *Store) Clear(t *tx.Tx, account mail.AccountID, email mail.EmailID) {
	t.SQL().Queue(`DELETE FROM snooze WHERE account_id = $1 AND email_id = $2`, account, email)
}

// Of returns what is snoozed in an account, in order of time, at most limit.
func (s *Store) Of(t *tx.Tx, account mail.AccountID, limit int) ([]Snoozed, error) {
	return scan(t.SQL().Query(`SELECT account_id, email_id, until, origin FROM snooze WHERE account_id = $1 ORDER BY until, email_id LIMIT $2`, account, limit))
}

// Email returns the row of one email, false where it is not snoozed.
func (s *Store) Email(t *tx.Tx, account mail.AccountID, email mail.EmailID) (Snoozed, bool, error) {
	list, err := scan(t.SQL().Query(`SELECT account_id, email_id, until, origin FROM snooze WHERE account_id = $1 AND email_id = $2`, account, email))
	if err != nil || len(list) == 0 {
		return Snoozed{}, false, err
	}
	return list[0], true, nil
}

// Resume has all that is due be brought back at once: whoever was at it before the caller has ended.
func (s *Store) Resume(t *tx.Tx) { t.SQL().Queue(`UPDATE snooze SET again = 0 WHERE again > 0`) }

// Take returns what is due, at most MaxDue, and says how long it is until something else is, at most Again.
func (s *Store) Take(t *tx.Tx) (due []Snoozed, next time.Duration, err error) {
	now := t.Now()
	due, err = scan(t.SQL().Query(`UPDATE snooze SET again = $2 WHERE again < $1 AND (account_id, email_id) IN
		(SELECT account_id, email_id FROM snooze WHERE until <= $1 AND again < $1 ORDER BY until LIMIT $3)
		RETURNING account_id, email_id, until, origin`, now, now.Add(Again), MaxDue))
	if err != nil {
		return nil, 0, err
	}
	first := now.Add(Again)
	rows, err := t.SQL().Query(`SELECT until FROM snooze WHERE until > $1 ORDER BY until LIMIT 1`, now)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var until time.Time
		if err := rows.Scan(&until); err != nil {
			return nil, 0, err
		}
		if until.Before(first) {
			first = until
		}
	}
	return due, first.Sub(now), rows.Err()
}

func scan(rows *db.Rows, err error) (out []Snoozed, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one Snoozed
		var origin string
		if err := rows.Scan(&one.Account, &one.Email, &one.Until, &origin); err != nil {
			return nil, err
		}
		for text := range strings.FieldsSeq(origin) {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("snooze: the origin of %v: %w", one.Email, err)
			}
			one.Origin = append(one.Origin, mail.MailboxID(n))
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// Purge removes rows of an account that is being removed, as many as one commit may, and says whether there are more.
func (s *Store) Purge(t *tx.Tx, account mail.AccountID) (more bool, err error) {
	const rows = 1000
	n, err := t.SQL().Exec(`DELETE FROM snooze WHERE account_id = $1 AND email_id IN (SELECT email_id FROM snooze WHERE account_id = $1 LIMIT $2)`, account, rows)
	return n == rows, err
}
