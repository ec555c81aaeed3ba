// Package vacation keeps what an account answers while its owner is away (RFC 8621 8), and whom it was answered to.
//
// # Limits
//
// A response has at most MaxBytes: mail.Limit. Nobody is told the same twice in Pause; after a change everybody may be.
package vacation

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits.
const (
	MaxBytes = 256 << 10
	Pause    = 7 * 24 * time.Hour // RFC 3834 2 asks for one, RFC 5230 4.1 for seven days where nothing is said
)

// Response is what is answered.
type Response struct {
	Enabled    bool
	From, To   time.Time // zero: no bound
	Subject    *string   // nil: the server's to choose
	Text, HTML *string
}

// Active reports whether it is answered at a time.
func (r *Response) Active(now time.Time) bool {
	return r.Enabled && !now.Before(r.From) && (r.To.IsZero() || now.Before(r.To))
}

// Store is the room. It is safe for concurrent use.
type Store struct{ onSet atomic.Pointer[func()] }

// New returns a Store.
func New() *Store { return &Store{} }

// OnSet has f called after each commit of this process that has changed a response. It returns at once.
func (s *Store) OnSet(f func()) { s.onSet.Store(&f) }

// The bits of the column `given`.
const (
	subjectGiven = 1 << iota
	textGiven
	htmlGiven
)

// Get returns the response of an account; the zero Response where nothing was ever said.
func (s *Store) Get(t *tx.Tx, account mail.AccountID) (r Response, err error) {
	var from, to, given int64
	var subject, text, html string
	err = t.SQL().QueryRow(`SELECT enabled, begins, ends, subject, text_body, html_body, given FROM vacation WHERE account_id = $1`, account).
		Scan(&r.Enabled, &from, &to, &subject, &text, &html, &given)
	if errors.Is(err, db.ErrNoRows) {
		return Response{}, nil
	}
	if from != 0 {
		r.From = time.UnixMilli(from).UTC()
	}
	if to != 0 {
		r.To = time.UnixMilli(to).UTC()
	}
	for bit, of := range map[int64]struct {
		into **string
		text string
	}{subjectGiven: {&r.Subject, subject}, textGiven: {&r.Text, text}, htmlGiven: {&r.HTML, html}} {
		if given&bit != 0 {
			*of.into = &of.text
		}
	}
	return r, err
}

// Set changes the response of an account, which is locked.
func (s *Store) Set(t *tx.Tx, account mail.AccountID, r Response) error {
	var texts [3]string
	var given, size int
	for i, text := range []*string{r.Subject, r.Text, r.HTML} {
		if text != nil {
			texts[i] = *text
			given |= 1 << i
			size += len(*text)
		}
	}
	if size > MaxBytes {
		return mail.E("vacation.Set", mail.Limit, fmt.Errorf("a vacation response has at most %d bytes", MaxBytes))
	}
	t.SQL().Queue(`INSERT INTO vacation (account_id, enabled, begins, ends, subject, text_body, html_body, given, changed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (account_id) DO UPDATE SET enabled = $2, begins = $3, ends = $4, subject = $5, text_body = $6, html_body = $7, given = $8, changed = $9`,
		account, r.Enabled, milliseconds(r.From), milliseconds(r.To), texts[0], texts[1], texts[2], given, t.Now())
	t.Changed(tx.Change{Account: account, Kind: tx.KindVacation, Op: tx.Updated, Object: int64(account)})
	t.AfterCommit(func() {
		if f := s.onSet.Load(); f != nil {
			(*f)()
		}
	})
	return nil
}

func milliseconds(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

// Enabled lists the accounts that may have something to answer, in order, from after one on, at most limit of them.
func (s *Store) Enabled(t *tx.Tx, after mail.AccountID, limit int) (list []mail.AccountID, err error) {
	rows, err := t.SQL().Query(`SELECT account_id FROM vacation WHERE enabled = 1 AND account_id > $1 ORDER BY account_id LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id mail.AccountID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, rows.Err()
}

func hashOf(a mail.Address) []byte {
	sum := sha256.Sum256([]byte(strings.ToLower(a.String())))
	return sum[:]
}

// Told reports whether somebody was told lately.
func (s *Store) Told(t *tx.Tx, account mail.AccountID, to mail.Address) (bool, error) {
	var at, changed int64
	err := t.SQL().QueryRow(`SELECT d.at, v.changed FROM vacation_told d JOIN vacation v ON v.account_id = d.account_id
		WHERE d.account_id = $1 AND d.hash = $2`, account, hashOf(to)).Scan(&at, &changed)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	return at >= changed && time.UnixMilli(at).After(t.Now().Add(-Pause)), err
}

// Tell notes that somebody is told, unless he was lately: first says whether it is the first time. The account is locked.
func (s *Store) Tell(t *tx.Tx, account mail.AccountID, to mail.Address) (first bool, err error) {
	told, err := s.Told(t, account, to)
	if err != nil || told {
		return false, err
	}
	t.SQL().Queue(`INSERT INTO vacation_told (account_id, hash, at) VALUES ($1, $2, $3)
		ON CONFLICT (account_id, hash) DO UPDATE SET at = excluded.at`, account, hashOf(to), t.Now())
	return true, nil
}

// forgetRows is how many notes one step of Forget removes.
const forgetRows = 500

// Forget removes notes that are of no use any more, some of them, and says whether there may be more.
func (s *Store) Forget(t *tx.Tx) (more bool, err error) {
	n, err := t.SQL().Exec(`DELETE FROM vacation_told WHERE (account_id, hash) IN (SELECT account_id, hash FROM vacation_told WHERE at < $1 LIMIT $2)`,
		t.Now().Add(-Pause), forgetRows)
	return n == forgetRows, err
}

// Purge removes rows of an account that is being removed, as many as one commit may, and says whether there are more.
func (s *Store) Purge(t *tx.Tx, account mail.AccountID) (more bool, err error) {
	t.SQL().Queue(`DELETE FROM vacation WHERE account_id = $1`, account)
	n, err := t.SQL().Exec(`DELETE FROM vacation_told WHERE account_id = $1 AND hash IN (SELECT hash FROM vacation_told WHERE account_id = $1 LIMIT $2)`,
		account, forgetRows)
	return n == forgetRows, err
}
