package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits of app passwords.
const (
	MaxAppPasswords = 64
	MaxAppName      = 100 // characters
)

// AppPassword is an app password as its owner sees it afterwards.
type AppPassword struct {
	ID       int64
	Name     string
	Created  time.Time
	LastUsed time.Time // to the hour; zero for never
}

// Secret is a new app password. Shown is the only copy of it: the rest cannot be turned back.
type Secret struct {
	Shown    string
	verifier string
	scram    string
}

// App passwords are 26 letters and digits of base32 (130 bits) in groups for the eye: abcde-fghij-...-z2345-6. The
// alphabet is that of RFC 4648, without 0, 1, 8 and 9, which get confused.
const (
	appAlphabet = "abcdefghijklmnopqrstuvwxyz234567"
	appLength   = 26
	appGroup    = 5
)

// NewSecret draws an app password for an account. It is done outside of a transaction, which may run twice.
func (s *Store) NewSecret(account mail.AccountID) (Secret, error) {
	raw := make([]byte, appLength)
	rand.Read(raw)
	var b strings.Builder
	for i, c := range raw {
		if i > 0 && i%appGroup == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(appAlphabet[c%32])
	}
	shown := b.String()
	// The client prepares what its user typed, and it is typed as it was shown.
	scram, err := sasl.NewVerifier(shown, s.salt("account", binary.BigEndian.AppendUint64(nil, uint64(account))), sasl.MinIterations)
	if err != nil {
		return Secret{}, err
	}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return Secret{Shown: shown, verifier: appVerifier(salt, bareApp(shown)), scram: scram.String()}, nil
}

// salt is the SCRAM salt of an account or of a name without one: always the same, and not to be told apart.
func (s *Store) salt(kind string, of []byte) []byte {
	h := hmac.New(sha256.New, s.secret)
	fmt.Fprintf(h, "SCRAM salt of %s:", kind)
	h.Write(of)
	return h.Sum(nil)[:saltSize]
}

// bareApp is an app password without the groups and in the case it was drawn in: people leave those out, and
// telephones write the first letter large. "" when it cannot be an app password.
func bareApp(typed string) string {
	if len(typed) > 2*appLength {
		return ""
	}
	bare := strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(typed))
	if len(bare) != appLength || strings.Trim(bare, appAlphabet) != "" {
		return ""
	}
	return bare
}

// appVerifier is the salted hash of an app password: $sha-256$salt$hash.
func appVerifier(salt []byte, bare string) string {
	sum := sha256.Sum256(append(append([]byte{}, salt...), bare...))
	return "$sha-256$" + b64.EncodeToString(salt) + "$" + b64.EncodeToString(sum[:])
}

func appMatches(verifier, bare string) bool {
	salt, found := strings.CutPrefix(verifier, "$sha-256$")
	salt, _, _ = strings.Cut(salt, "$")
	raw, err := b64.DecodeString(salt)
	return found && err == nil && subtle.ConstantTimeCompare([]byte(appVerifier(raw, bare)), []byte(verifier)) == 1
}

// AddAppPassword keeps a new app password under a name, which one of the account's others may not have. The caller's
// write has locked the account.
func (s *Store) AddAppPassword(t *tx.Tx, account mail.AccountID, name string, secret Secret) (AppPassword, error) {
	const op = "auth.AddAppPassword"
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > MaxAppName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return AppPassword{}, mail.E(op, mail.Invalid, fmt.Errorf("the name of an app password has 1 to %d characters, none of them control characters", MaxAppName))
	}
	var count, same int64
	err := t.SQL().QueryRow(`SELECT COUNT(*), COALESCE(SUM(CASE WHEN name = $2 THEN 1 ELSE 0 END), 0) FROM credential
		WHERE account_id = $1 AND kind = 'app'`, account, name).Scan(&count, &same)
	switch {
	case err != nil:
		return AppPassword{}, err
	case same > 0:
		return AppPassword{}, mail.E(op, mail.Exists, fmt.Errorf("there is an app password named %q: choose another name or revoke it first", name))
	case count >= MaxAppPasswords:
		return AppPassword{}, mail.E(op, mail.Limit, fmt.Errorf("an account has at most %d app passwords: revoke one first", MaxAppPasswords))
	}
	id, err := t.NewID()
	if err != nil {
		return AppPassword{}, err
	}
	a := AppPassword{ID: id, Name: name, Created: t.Now()}
	t.SQL().Queue(`INSERT INTO credential (account_id, id, kind, name, verifier, scram, created, last_used)
		VALUES ($1, $2, 'app', $3, $4, $5, $6, 0)`, account, id, name, secret.verifier, secret.scram, a.Created)
	return a, nil
}

// AppPasswords lists the app passwords of an account, the oldest first.
func (s *Store) AppPasswords(t *tx.Tx, account mail.AccountID) ([]AppPassword, error) {
	rows, err := t.SQL().Query(`SELECT id, name, created, last_used FROM credential
		WHERE account_id = $1 AND kind = 'app' ORDER BY id`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []AppPassword
	for rows.Next() {
		var a AppPassword
		var used int64
		if err := rows.Scan(&a.ID, &a.Name, &a.Created, &used); err != nil {
			return nil, err
		}
		if used != 0 {
			a.LastUsed = time.UnixMilli(used).UTC()
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// RevokeAppPassword removes an app password. Sessions that were signed in with it end at their next Recheck.
func (s *Store) RevokeAppPassword(t *tx.Tx, account mail.AccountID, id int64) error {
	n, err := t.SQL().Exec(`DELETE FROM credential WHERE account_id = $1 AND id = $2 AND kind = 'app'`, account, id)
	if err == nil && n == 0 {
		err = mail.E("auth.RevokeAppPassword", mail.NotFound, errors.New("the account has no app password with this id"))
	}
	return err
}
