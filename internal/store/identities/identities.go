// Package identities keeps who an account writes as: From addresses, each with a name, signatures, and where answers and copies go
// (RFC 8621 6).
//
// An account has a standard identity for each address that it may send from, which Sync makes and takes away as the directory says;
// besides these it has those that its user has made. Several may have the same address.
//
// # Limits
//
// MaxPerAccount identities beside the standard ones, of MaxBytes each: mail.Limit.
package identities

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits.
const (
	MaxPerAccount = 100
	MaxBytes      = 256 << 10 // of all that an identity holds
)

// Address is somebody with a name. Email need not be complete.
type Address struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email"`
}

// Settings are what a user may change of an identity besides its name.
type Settings struct {
	ReplyTo       []Address `json:"replyTo,omitempty"` // nil: none
	Bcc           []Address `json:"bcc,omitempty"`
	TextSignature string    `json:"text,omitempty"`
	HTMLSignature string    `json:"html,omitempty"`
}

// Identity is one of them.
type Identity struct {
	ID       mail.IdentityID
	Standard bool // the server's, for an address of the account: it cannot be removed
	Name     string
	Email    string // an address, or "*@" and a domain
	Settings
}

// Store is the room. It is safe for concurrent use.
type Store struct{}

// New returns a Store.
func New() *Store { return &Store{} }

// List returns the identities of an account, the standard ones first.
func (s *Store) List(t *tx.Tx, account mail.AccountID) (list []Identity, err error) {
	rows, err := t.SQL().Query(`SELECT id, standard, email, name, settings FROM identity WHERE account_id = $1 ORDER BY standard DESC, id`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		i, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, i)
	}
	return list, rows.Err()
}

func scan(rows *db.Rows) (i Identity, err error) {
	var settings []byte
	if err := rows.Scan(&i.ID, &i.Standard, &i.Email, &i.Name, &settings); err != nil {
		return i, err
	}
	if err := json.Unmarshal(settings, &i.Settings); err != nil {
		return i, mail.E("identities.List", mail.Other, err)
	}
	return i, nil
}

// check bounds an identity and writes its settings.
func (i *Identity) check(op string) ([]byte, error) {
	settings, err := json.Marshal(i.Settings)
	if err == nil && len(settings)+len(i.Name)+len(i.Email) > MaxBytes {
		err = mail.E(op, mail.Limit, fmt.Errorf("an identity has at most %d bytes", MaxBytes))
	}
	return settings, err
}

// Add makes an identity. The account is locked.
func (s *Store) Add(t *tx.Tx, account mail.AccountID, i Identity) (mail.IdentityID, error) {
	const op = "identities.Add"
	settings, err := i.check(op)
	if err != nil {
		return 0, err
	}
	var n int
	if err := t.SQL().QueryRow(`SELECT COUNT(*) FROM identity WHERE account_id = $1 AND standard = 0`, account).Scan(&n); err != nil {
		return 0, err
	}
	if n >= MaxPerAccount && !i.Standard {
		return 0, mail.E(op, mail.Limit, fmt.Errorf("an account has at most %d identities besides those of its addresses", MaxPerAccount))
	}
	id, err := t.NewID()
	if err != nil {
		return 0, err
	}
	i.ID = mail.IdentityID(id)
	t.SQL().Queue(`INSERT INTO identity (account_id, id, standard, email, name, settings) VALUES ($1, $2, $3, $4, $5, $6)`,
		account, i.ID, i.Standard, i.Email, i.Name, settings)
	changed(t, account, i.ID, tx.Created)
	return i.ID, nil
}

// Set changes name and settings of an identity. mail.NotFound where there is none of its id. The account is locked.
func (s *Store) Set(t *tx.Tx, account mail.AccountID, i Identity) error {
	const op = "identities.Set"
	settings, err := i.check(op)
	if err != nil {
		return err
	}
	n, err := t.SQL().Exec(`UPDATE identity SET name = $3, settings = $4 WHERE account_id = $1 AND id = $2`, account, i.ID, i.Name, settings)
	if err == nil && n == 0 {
		err = notFound(op, i.ID)
	}
	if err == nil {
		changed(t, account, i.ID, tx.Updated)
	}
	return err
}

// Remove takes an identity away. A standard one is mail.Denied. The account is locked.
func (s *Store) Remove(t *tx.Tx, account mail.AccountID, id mail.IdentityID) error {
	const op = "identities.Remove"
	list, err := s.List(t, account)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(i Identity) bool { return i.ID == id })
	switch {
	case at < 0:
		return notFound(op, id)
	case list[at].Standard:
		return mail.E(op, mail.Denied, fmt.Errorf("%s is an address of the account: its identity stays", list[at].Email))
	}
	remove(t, account, id)
	return nil
}

func remove(t *tx.Tx, account mail.AccountID, id mail.IdentityID) {
	t.SQL().Queue(`DELETE FROM identity WHERE account_id = $1 AND id = $2`, account, id)
	changed(t, account, id, tx.Destroyed)
}

func changed(t *tx.Tx, account mail.AccountID, id mail.IdentityID, op tx.Op) {
	t.Changed(tx.Change{Account: account, Kind: tx.KindIdentity, Op: op, Object: int64(id)})
}

func notFound(op string, id mail.IdentityID) error {
	return mail.E(op, mail.NotFound, fmt.Errorf("there is no identity %v", id))
}

// Current reports whether the standard identities are those of the addresses that an account may send from.
func Current(list []Identity, own []mail.Address) bool {
	n := 0
	for _, i := range list {
		if i.Standard {
			n++
		}
	}
	return n == len(own) && !slices.ContainsFunc(own, func(a mail.Address) bool { return !hasStandard(list, a) })
}

func hasStandard(list []Identity, a mail.Address) bool {
	return slices.ContainsFunc(list, func(i Identity) bool { return i.Standard && strings.EqualFold(i.Email, a.String()) })
}

// Sync makes the standard identities those of some addresses; new ones bear the name. The account is locked.
func (s *Store) Sync(t *tx.Tx, account mail.AccountID, own []mail.Address, name string) error {
	list, err := s.List(t, account)
	if err != nil {
		return err
	}
	for _, i := range list {
		if i.Standard && !slices.ContainsFunc(own, func(a mail.Address) bool { return strings.EqualFold(i.Email, a.String()) }) {
			remove(t, account, i.ID)
		}
	}
	for _, a := range own {
		if hasStandard(list, a) {
			continue
		}
		if _, err := s.Add(t, account, Identity{Standard: true, Name: name, Email: a.String()}); err != nil {
			return err
		}
	}
	return nil
}

// Purge removes the rows of an account that is being removed: there are so few that more is never true.
func (s *Store) Purge(t *tx.Tx, account mail.AccountID) (more bool, err error) {
	_, err = t.SQL().Exec(`DELETE FROM identity WHERE account_id = $1`, account)
	return false, err
}
