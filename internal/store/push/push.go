package push

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits.
const (
	MaxPerAccount = 50
	MaxLife       = 30 * 24 * time.Hour
	MaxFailures   = 20
	ClaimTime     = 2 * time.Minute
	MaxURL        = 2000
	MaxDevice     = 255
	MaxTypes      = 1000 // bytes of all their names
)

// ID is a subscription's.
type ID int64

func (id ID) String() string { return "P" + strconv.FormatInt(int64(id), 36) }

// ParseID reads what ID.String wrote; ok is false for any other text.
func ParseID(text string) (id ID, ok bool) {
	n, err := strconv.ParseInt(strings.TrimPrefix(text, "P"), 36, 64)
	return ID(n), err == nil && n > 0 && ID(n).String() == text
}

// Subscription is one place to be told.
type Subscription struct {
	Account      mail.AccountID
	ID           ID
	Device       string
	URL          string
	P256dh, Auth []byte   // empty: messages are not encrypted
	Types        []string // nil: all
	Code         string
	Verified     bool
	Credential   string // what the client was signed in with
	Expires      time.Time
	Epoch        int64 // of the state that was told last
	Told         mail.ModSeq
	Failures     int
	Owed         bool // somebody is at it, has failed, or may have left something untold
}

// Store is the room.
type Store struct{}

// New returns the room.
func New() *Store { return &Store{} }

const columns = `id, device, url, p256dh, auth, types, code, verified, credential, expires, epoch, told, failures, owed`

// Create adds a subscription, which is not verified, with a code of its own. Its life is shortened to MaxLife. What has happened
// before is not told.
func (s *Store) Create(t *tx.Tx, sub Subscription) (Subscription, error) {
	const op = "push.Create"
	switch {
	case len(sub.URL) > MaxURL:
		return sub, mail.E(op, mail.Invalid, fmt.Errorf("a URL has at most %d bytes", MaxURL))
	case len(sub.Device) > MaxDevice:
		return sub, mail.E(op, mail.Invalid, fmt.Errorf("the id of a device has at most %d bytes", MaxDevice))
	}
	var there int
	if err := t.SQL().QueryRow(`SELECT COUNT(*) FROM push_subscription WHERE account_id = $1`, sub.Account).Scan(&there); err != nil {
		return sub, err
	}
	if there >= MaxPerAccount {
		return sub, mail.E(op, mail.Limit, fmt.Errorf("an account has at most %d push subscriptions: destroy one that is not used", MaxPerAccount))
	}
	id, err := t.NewID()
	if err != nil {
		return sub, err
	}
	at, epoch, err := t.State(sub.Account)
	if err != nil {
		return sub, err
	}
	sub.P256dh, sub.Auth = append([]byte{}, sub.P256dh...), append([]byte{}, sub.Auth...) // never NULL
	sub.ID, sub.Code, sub.Verified, sub.Epoch, sub.Told = ID(id), rand.Text(), false, epoch, at
	sub.Expires = lifetime(t, sub.Expires)
	types, err := joined(op, sub.Types)
	if err != nil {
		return sub, err
	}
	_, err = t.SQL().Exec(`INSERT INTO push_subscription (account_id, `+columns+`, due)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12, 0, 0, 0)`,
		sub.Account, id, sub.Device, sub.URL, sub.P256dh, sub.Auth, types, sub.Code, sub.Credential, sub.Expires, epoch, at)
	return sub, err
}

// lifetime is when a subscription that is to last until then expires.
func lifetime(t *tx.Tx, wanted time.Time) time.Time {
	latest := t.Now().Add(MaxLife).Truncate(time.Second)
	if wanted.IsZero() || wanted.After(latest) {
		return latest
	}
	return wanted
}

func joined(op string, types []string) (string, error) {
	if types == nil {
		return "*", nil
	}
	for _, name := range types {
		if name == "" || name == "*" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return "", mail.E(op, mail.Invalid, fmt.Errorf("%.40q is no name of a type", name))
		}
	}
	text := strings.Join(types, " ")
	if len(text) > MaxTypes {
		return "", mail.E(op, mail.Invalid, fmt.Errorf("the names of the types have at most %d bytes together", MaxTypes))
	}
	return text, nil
}

// All lists the subscriptions of an account that have not expired.
func (s *Store) All(t *tx.Tx, account mail.AccountID) (list []Subscription, err error) {
	return s.list(t, account, `SELECT `+columns+` FROM push_subscription WHERE account_id = $1 AND expires > $2 ORDER BY id`, account, t.Now())
}

// Get returns one: mail.NotFound where there is none.
func (s *Store) Get(t *tx.Tx, account mail.AccountID, id ID) (Subscription, error) {
	list, err := s.list(t, account, `SELECT `+columns+` FROM push_subscription WHERE account_id = $1 AND id = $2 AND expires > $3`, account, int64(id), t.Now())
	if err == nil && len(list) == 0 {
		err = mail.E("push.Get", mail.NotFound, errors.New("there is no such push subscription"))
	}
	if err != nil {
		return Subscription{}, err
	}
	return list[0], nil
}

func (s *Store) list(t *tx.Tx, account mail.AccountID, query string, args ...any) (list []Subscription, err error) {
	rows, err := t.SQL().Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		sub, types := Subscription{Account: account}, ""
		var verified, owed int64
		if err := rows.Scan(&sub.ID, &sub.Device, &sub.URL, &sub.P256dh, &sub.Auth, &types, &sub.Code, &verified, &sub.Credential,
			&sub.Expires, &sub.Epoch, &sub.Told, &sub.Failures, &owed); err != nil {
			return nil, err
		}
		sub.Verified, sub.Owed = verified == 1, owed == 1
		if types != "*" {
			sub.Types = strings.Fields(types)
		}
		list = append(list, sub)
	}
	return list, rows.Err()
}

// Verify notes that the client has repeated the code; ok is false for another code.
func (s *Store) Verify(t *tx.Tx, account mail.AccountID, id ID, code string) (ok bool, err error) {
	sub, err := s.Get(t, account, id)
	if err != nil || subtle.ConstantTimeCompare([]byte(sub.Code), []byte(code)) == 0 {
		return false, err
	}
	_, err = t.SQL().Exec(`UPDATE push_subscription SET verified = 1 WHERE account_id = $1 AND id = $2`, account, int64(id))
	return err == nil, err
}

// Update sets how long a subscription lasts, shortened to MaxLife, and the types it is told of. It returns when it expires.
func (s *Store) Update(t *tx.Tx, account mail.AccountID, id ID, expires time.Time, types []string) (time.Time, error) {
	expires = lifetime(t, expires)
	text, err := joined("push.Update", types)
	if err != nil {
		return expires, err
	}
	_, err = t.SQL().Exec(`UPDATE push_subscription SET expires = $3, types = $4 WHERE account_id = $1 AND id = $2`, account, int64(id), expires, text)
	return expires, err
}

// Destroy removes a subscription; ok is false when there is none.
func (s *Store) Destroy(t *tx.Tx, account mail.AccountID, id ID) (ok bool, err error) {
	n, err := t.SQL().Exec(`DELETE FROM push_subscription WHERE account_id = $1 AND id = $2`, account, int64(id))
	return n > 0, err
}

// Purge removes all subscriptions of an account that is being removed. There are never more than one commit may remove.
func (s *Store) Purge(t *tx.Tx, account mail.AccountID) (more bool, err error) {
	_, err = t.SQL().Exec(`DELETE FROM push_subscription WHERE account_id = $1`, account)
	return false, err
}

// Expire removes up to limit subscriptions that have expired, and returns how many.
func (s *Store) Expire(t *tx.Tx, limit int) (gone int64, err error) {
	return t.SQL().Exec(`DELETE FROM push_subscription WHERE (account_id, id) IN
		(SELECT account_id, id FROM push_subscription WHERE expires <= $1 ORDER BY expires LIMIT $2)`, t.Now(), limit)
}
