package spool

import (
	"maps"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// RetriedKept is how long it is known that something was retried: longer than any node leaves a destination alone.
const RetriedKept = 24 * time.Hour

// Retry makes what was tried and waits of a message due now, also what an operator holds, which is released. What was not tried
// yet keeps its date: its sender may have it held (RFC 4865). All nodes find the destinations by Retried.
func (s *Store) Retry(t *tx.Tx, id mail.SpoolID) error {
	to, err := s.change(t, id, `UPDATE spool_recipient SET held = 0, due = CASE WHEN attempts > 0 THEN $2 ELSE due END
		WHERE spool_id = $1 AND owner = ''`, id, t.Now())
	if err != nil {
		return err
	}
	domains := make(map[string]struct{})
	for _, r := range to {
		domains[r.Address.Domain] = struct{}{}
	}
	for _, domain := range slices.Sorted(maps.Keys(domains)) { // the order of locks
		t.SQL().Queue(`INSERT INTO spool_retried (domain, at) VALUES ($1, $2) ON CONFLICT (domain) DO UPDATE SET at = excluded.at`, domain, t.Now())
	}
	return nil
}

// Retried is when an operator last had mail to a destination tried again, the zero time where that was long ago or never.
func (s *Store) Retried(t *tx.Tx, domain string) (at time.Time, err error) {
	err = t.SQL().QueryRow(`SELECT at FROM spool_retried WHERE domain = $1`, domain).Scan(&at)
	if isNoRows(err) {
		return time.Time{}, nil
	}
	return at, err
}

// ForgetRetried removes what is older than RetriedKept, some of it.
func (s *Store) ForgetRetried(t *tx.Tx) error {
	_, err := t.SQL().Exec(`DELETE FROM spool_retried WHERE domain IN (SELECT domain FROM spool_retried WHERE at < $1 LIMIT $2)`,
		t.Now().Add(-RetriedKept), MaxPage)
	return err
}
