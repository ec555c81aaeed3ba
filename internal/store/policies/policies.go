// Package policies remembers the MTA-STS policies of other domains (RFC 8461), for all nodes: a policy once seen counts until it
// is too old, also where neither its record nor its text can be had any more, so that nobody who stands between can make
// it forgotten by keeping them away.
//
// A domain's row also says when its record was last asked for, and that nothing was found.
package policies

import (
	"errors"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/mtasts"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Remembered is what is known of a domain.
type Remembered struct {
	ID      string // of the record that led to the policy
	Policy  mtasts.Policy
	Fetched time.Time // when the policy came
	Failed  string    // why the newest attempt to renew it failed; "" when it did not
	Tried   time.Time // when the policy was last asked for
}

// Expires is when the policy stops to count.
func (r Remembered) Expires() time.Time { return r.Fetched.Add(r.Policy.MaxAge) }

// Store is the room.
type Store struct{}

// New returns the room.
func New() *Store { return &Store{} }

// Get returns what is known of a domain, mail.NotFound when that is nothing. The policy may have expired.
func (s *Store) Get(t *tx.Tx, domain string) (Remembered, error) {
	var r Remembered
	var text string
	err := t.SQL().QueryRow(`SELECT record_id, policy, fetched, failed, tried FROM sts_policy WHERE domain = $1`, domain).
		Scan(&r.ID, &text, &r.Fetched, &r.Failed, &r.Tried)
	switch {
	case errors.Is(err, db.ErrNoRows):
		return Remembered{}, mail.E("policies.Get", mail.NotFound, nil)
	case err != nil:
		return Remembered{}, err
	}
	r.Policy, err = mtasts.Parse(text)
	return r, err
}

// Set remembers the policy that has just come.
func (s *Store) Set(t *tx.Tx, domain, id string, p mtasts.Policy) error {
	now := t.Now()
	_, err := t.SQL().Exec(`INSERT INTO sts_policy (domain, record_id, policy, fetched, expires, failed, tried) VALUES ($1, $2, $3, $4, $5, '', $4)
		ON CONFLICT (domain) DO UPDATE SET record_id = excluded.record_id, policy = excluded.policy, fetched = excluded.fetched,
		expires = excluded.expires, failed = '', tried = excluded.tried`, domain, id, p.Text(), now, now.Add(p.MaxAge))
	return err
}

// Fail remembers that the policy of a domain, if it is known, could not be renewed.
func (s *Store) Fail(t *tx.Tx, domain, why string) error {
	_, err := t.SQL().Exec(`UPDATE sts_policy SET failed = $2, tried = $3 WHERE domain = $1`, domain, why, t.Now())
	return err
}

// Forget removes policies that have expired, at most limit of them, and says how many.
func (s *Store) Forget(t *tx.Tx, limit int) (int64, error) {
	return t.SQL().Exec(`DELETE FROM sts_policy WHERE domain IN (SELECT domain FROM sts_policy WHERE expires < $1 ORDER BY expires LIMIT $2)`, t.Now(), limit)
}

// Renewable lists domains whose policies end before a time and were last asked for before another: at most limit of them.
func (s *Store) Renewable(t *tx.Tx, ends, tried time.Time, limit int) (domains []string, err error) {
	rows, err := t.SQL().Query(`SELECT domain FROM sts_policy WHERE expires BETWEEN $1 AND $2 AND tried < $3 ORDER BY expires LIMIT $4`, t.Now(), ends, tried, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var domain string
		if err := rows.Scan(&domain); err != nil {
			return nil, err
		}
		domains = append(domains, domain)
	}
	return domains, rows.Err()
}
