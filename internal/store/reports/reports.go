// Package reports keeps what other domains are to be told of the mail we exchange with them, until they are told: so far how
// TLS to their hosts went (RFC 8460).
//
// Results are counted: a day's sessions with the same result are one row. Whoever reports them removes them (Remove) in the
// commit that adds the report to the spool, or as a Post, so that each report is made once however many nodes there are.
//
// # Limits
//
// A day and domain have at most MaxResults different results; further ones are counted as one that has no details.
package reports

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/rfc/tlsrpt"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// MaxResults is how many different results of a day and domain are kept.
const MaxResults = 500

// Result is how some sessions with a host went.
type Result struct {
	Domain   string // whose owner is to be told
	Policy   tlsrpt.Applied
	Failure  *tlsrpt.Failure // without its count; nil: they succeeded
	Sessions int64
}

// kept is the form of a result in its row. Names and meanings never change.
type kept struct {
	Policy  tlsrpt.Applied  `json:"policy"`
	Failure *tlsrpt.Failure `json:"failure,omitempty"`
}

// Store is the room.
type Store struct{}

// New returns the room.
func New() *Store { return &Store{} }

// Day is the day of a time: its midnight in UTC.
func Day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// Count adds results to those of today.
func (s *Store) Count(t *tx.Tx, results []Result) error {
	for _, r := range results {
		if err := s.count(t, Day(t.Now()), r); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) count(t *tx.Tx, day time.Time, r Result) error {
	result, err := json.Marshal(kept{r.Policy, r.Failure})
	if err != nil {
		return err
	}
	hash := sha256.Sum256(result)
	n, err := t.SQL().Exec(`UPDATE tls_result SET sessions = sessions + $4 WHERE day = $1 AND domain = $2 AND hash = $3`, day, r.Domain, hash[:], r.Sessions)
	if err != nil || n > 0 {
		return err
	}
	var different int
	if err := t.SQL().QueryRow(`SELECT COUNT(*) FROM tls_result WHERE day = $1 AND domain = $2`, day, r.Domain).Scan(&different); err != nil {
		return err
	}
	plain := Result{r.Domain, tlsrpt.Applied{Type: r.Policy.Type, Domain: r.Policy.Domain}, r.Failure, r.Sessions}
	if plain.Failure != nil {
		plain.Failure = &tlsrpt.Failure{Result: r.Failure.Result}
	}
	if different >= MaxResults {
		if result, err = json.Marshal(kept{plain.Policy, plain.Failure}); err != nil {
			return err
		}
		hash = sha256.Sum256(result)
	}
	_, err = t.SQL().Exec(`INSERT INTO tls_result (day, domain, hash, result, sessions) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (day, domain, hash) DO UPDATE SET sessions = tls_result.sessions + excluded.sessions`, day, r.Domain, hash[:], result, r.Sessions)
	return err
}

// Due names a domain that has results of a day before today, and that day; ok is false when there is none. After names the
// one that was named last, to be asked for the next.
func (s *Store) Due(t *tx.Tx, afterDay time.Time, afterDomain string) (day time.Time, domain string, ok bool, err error) {
	err = t.SQL().QueryRow(`SELECT day, domain FROM tls_result WHERE day < $1 AND (day > $2 OR day = $2 AND domain > $3) ORDER BY day, domain LIMIT 1`,
		Day(t.Now()), afterDay, afterDomain).Scan(&day, &domain)
	if errors.Is(err, db.ErrNoRows) {
		return time.Time{}, "", false, nil
	}
	return day, domain, err == nil, err
}

// Results returns the results of a day and domain. Those of a day that is over change no more.
func (s *Store) Results(t *tx.Tx, day time.Time, domain string) (results []Result, err error) {
	rows, err := t.SQL().Query(`SELECT result, sessions FROM tls_result WHERE day = $1 AND domain = $2 ORDER BY hash`, day, domain)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var raw []byte
		r := Result{Domain: domain}
		if err := rows.Scan(&raw, &r.Sessions); err != nil {
			return nil, err
		}
		var k kept
		if err := json.Unmarshal(raw, &k); err != nil {
			return nil, fmt.Errorf("reports: a result of %s: %w", domain, err)
		}
		r.Policy, r.Failure = k.Policy, k.Failure
		results = append(results, r)
	}
	return results, rows.Err()
}

// Remove removes the results of a day and domain; ok is false when they are gone already: another node has reported them.
func (s *Store) Remove(t *tx.Tx, day time.Time, domain string) (ok bool, err error) {
	n, err := t.SQL().Exec(`DELETE FROM tls_result WHERE day = $1 AND domain = $2`, day, domain)
	return n > 0, err
}

// Post is a report that is owed to a web address.
type Post struct {
	ID       int64
	Domain   string
	URL      string
	Report   []byte // as it is sent
	Attempts int
}

// Owe adds a post, due at once.
func (s *Store) Owe(t *tx.Tx, p Post) error {
	id, err := t.NewID()
	if err == nil {
		_, err = t.SQL().Exec(`INSERT INTO tls_post (id, domain, url, report, due, attempts) VALUES ($1, $2, $3, $4, $5, 0)`, id, p.Domain, p.URL, p.Report, t.Now())
	}
	return err
}

// Next returns a post that is due and has it due again after the pause that wait gives for the attempts so far, so that one node
// tries at a time; ok is false when there is none.
func (s *Store) Next(t *tx.Tx, wait func(attempts int) time.Duration) (p Post, ok bool, err error) {
	err = t.SQL().QueryRow(`SELECT id, domain, url, report, attempts FROM tls_post WHERE due <= $1 ORDER BY due, id LIMIT 1`, t.Now()).
		Scan(&p.ID, &p.Domain, &p.URL, &p.Report, &p.Attempts)
	if errors.Is(err, db.ErrNoRows) {
		return Post{}, false, nil
	}
	if err != nil {
		return Post{}, false, err
	}
	n, err := t.SQL().Exec(`UPDATE tls_post SET due = $2, attempts = attempts + 1 WHERE id = $1 AND attempts = $3`, p.ID, t.Now().Add(wait(p.Attempts)), p.Attempts)
	p.Attempts++
	return p, err == nil && n == 1, err
}

// Done forgets a post.
func (s *Store) Done(t *tx.Tx, id int64) error {
	_, err := t.SQL().Exec(`DELETE FROM tls_post WHERE id = $1`, id)
	return err
}
