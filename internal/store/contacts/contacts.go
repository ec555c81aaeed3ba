package contacts

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
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
	MaxPeople   = 50
	MaxContacts = 20_000
	MaxName     = 200
	MaxSearched = 5000
	MaxPage     = 500

	Day = 20 * time.Hour // so that who is written to every morning is counted every morning

	maxOwn = 8
)

// ID names a contact within its account.
type ID int64

func (id ID) String() string { return "C" + strconv.FormatInt(int64(id), 36) }

// ParseID reads what ID.String wrote.
func ParseID(s string) (ID, error) {
	if len(s) > 1 && s[0] == 'C' {
		if n, err := strconv.ParseInt(s[1:], 36, 64); err == nil && n > 0 && ID(n).String() == s {
			return ID(n), nil
		}
	}
	return 0, mail.E("contacts.ParseID", mail.Invalid, fmt.Errorf("%.40q is not the id of a contact", s))
}

// IDOf is the id that an address has as a contact, in every account.
func IDOf(a mail.Address) ID {
	sum := sha256.Sum256([]byte(strings.ToLower(a.String())))
	return ID(binary.BigEndian.Uint64(sum[:])>>1 | 1)
}

// Contact is a person of an account, who is an address.
type Contact struct {
	ID       ID
	Address  mail.Address // as it was written first
	Name     string       // "" when it is not known
	Accepted bool         // by the account, whether it has written there or not
	Blocked  bool         // sees and sends nothing; mail goes to the mailbox Junk
	Pierces  bool         // may break through quiet hours
	Shown    Consent      // whether the contact learns that its mail was displayed
	Days     int          // on which the account wrote there
	Wrote    time.Time    // the last of them; zero: never
	Created  time.Time

	own []ID // the addresses the account has written from
}

// Known reports whether the account has written there or accepted it, and does not block it.
func (c *Contact) Known() bool { return (c.Days > 0 || c.Accepted) && !c.Blocked }

// What a row says in its column standing.
const (
	accepted = 1 << iota
	blocked
	pierces
)

func (c *Contact) standing() (bits int64) {
	for i, set := range [...]bool{c.Accepted, c.Blocked, c.Pierces} {
		if set {
			bits |= 1 << i
		}
	}
	return bits
}

// Store is the room. It keeps nothing of its own and is safe for concurrent use.
type Store struct{ revoked func(mail.AccountID) }

// New returns a Store.
func New() *Store { return &Store{} }

// OnRevoked has fn called after each commit by which an account lets others see less: a block, a contact forgotten, other settings. It is
// said before the Store is used. fn does not block.
func (s *Store) OnRevoked(fn func(account mail.AccountID)) { s.revoked = fn }

func (s *Store) revoke(t *tx.Tx, account mail.AccountID) {
	if s.revoked != nil {
		t.AfterCommit(func() { s.revoked(account) })
	}
}

const (
	contactColumns = `id, address, name, standing, shown, days, wrote, created, own`
	selectContact  = `SELECT ` + contactColumns + ` FROM contact `
)

func scan(scan func(...any) error) (c Contact, err error) {
	var address string
	var standing, wrote int64
	var own []byte
	if err := scan(&c.ID, &address, &c.Name, &standing, &c.Shown, &c.Days, &wrote, &c.Created, &own); err != nil {
		return c, err
	}
	if c.Address, err = mail.ParseAddress(address); err != nil {
		return c, mail.E("contacts.scan", mail.Other, err)
	}
	c.Accepted, c.Blocked, c.Pierces = standing&accepted != 0, standing&blocked != 0, standing&pierces != 0
	if wrote > 0 {
		c.Wrote = time.UnixMilli(wrote)
	}
	c.own = ownAddresses(own)
	return c, nil
}

func scanAll(rows *db.Rows, err error) (out []Contact, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		c, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// ownAddresses reads the column own: ids of 8 bytes, that used last at first.
func ownAddresses(b []byte) (ids []ID) {
	for ; len(b) >= 8; b = b[8:] {
		ids = append(ids, ID(binary.BigEndian.Uint64(b)))
	}
	return ids
}

func appendOwn(ids []ID) []byte {
	b := make([]byte, 0, 8*maxOwn)
	for _, id := range ids[:min(len(ids), maxOwn)] {
		b = binary.BigEndian.AppendUint64(b, uint64(id))
	}
	return b
}

// Contact returns one, mail.NotFound where there is none.
func (s *Store) Contact(t *tx.Tx, account mail.AccountID, id ID) (Contact, error) {
	c, err := scan(t.SQL().QueryRow(selectContact+`WHERE account_id = $1 AND id = $2`, account, id).Scan)
	if errors.Is(err, db.ErrNoRows) {
		err = mail.E("contacts.Contact", mail.NotFound, fmt.Errorf("there is no contact %v", id))
	}
	return c, err
}

// Of returns what an address is to an account: the zero Contact, with its address, where it is none.
func (s *Store) Of(t *tx.Tx, account mail.AccountID, a mail.Address) (Contact, error) {
	c, err := s.Contact(t, account, IDOf(a))
	if mail.Is(err, mail.NotFound) {
		return Contact{ID: IDOf(a), Address: a}, nil
	}
	return c, err
}

// Known reports whether an account has written to an address or accepted it, and does not block it.
func (s *Store) Known(t *tx.Tx, account mail.AccountID, a mail.Address) (bool, error) {
	c, err := s.Of(t, account, a)
	return c.Known(), err
}

// Some returns those of the contacts with the ids that there are.
func (s *Store) Some(t *tx.Tx, account mail.AccountID, ids []ID) (out []Contact, err error) {
	for len(ids) > 0 {
		page := ids[:min(len(ids), MaxPage)]
		ids = ids[len(page):]
		args := make([]any, 1, 1+len(page))
		args[0] = account
		for _, id := range page {
			args = append(args, id)
		}
		found, err := scanAll(t.SQL().Query(selectContact+`WHERE account_id = $1 AND id IN (`+marks(1, len(page))+`)`, args...))
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// List returns the contacts of an account in the order of their ids, from behind one on, at most limit of them.
func (s *Store) List(t *tx.Tx, account mail.AccountID, after ID, limit int) ([]Contact, error) {
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	return scanAll(t.SQL().Query(selectContact+`WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3`, account, after, limit))
}

// Recent returns the contacts that were written to last, the last one first.
func (s *Store) Recent(t *tx.Tx, account mail.AccountID, limit int) ([]Contact, error) {
	return scanAll(t.SQL().Query(selectContact+`WHERE account_id = $1 ORDER BY wrote DESC LIMIT $2`, account, min(limit, MaxSearched)))
}
