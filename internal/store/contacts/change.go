package contacts

import (
	"errors"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Adding makes contacts of an account, which is locked, in one unit of work.
type Adding struct {
	s       *Store
	t       *tx.Tx
	account mail.AccountID
	room    int
}

// Adding begins to make contacts. How many there are is asked here, once.
func (s *Store) Adding(t *tx.Tx, account mail.AccountID) (*Adding, error) {
	n, err := s.Count(t, account)
	return &Adding{s, t, account, MaxContacts - n}, err
}

// Add makes a contact. Address, Name, Accepted, Blocked, Pierces and Shown are the caller's. mail.Exists when there is one with the
// address, mail.OverQuota when there are too many.
func (a *Adding) Add(c Contact) (Contact, error) {
	const op = "contacts.Add"
	if c.Address.Domain == "" {
		return c, mail.E(op, mail.Invalid, errors.New("a contact has an address with a domain"))
	}
	if err := c.check(op); err != nil {
		return c, err
	}
	c = Contact{ID: IDOf(c.Address), Address: c.Address, Name: c.Name, Accepted: c.Accepted, Blocked: c.Blocked, Pierces: c.Pierces, Shown: c.Shown,
		Created: a.t.Now()}
	if _, err := a.s.Contact(a.t, a.account, c.ID); !mail.Is(err, mail.NotFound) {
		if err == nil {
			err = mail.E(op, mail.Exists, fmt.Errorf("%s is a contact already: %v", c.Address, c.ID))
		}
		return c, err
	}
	if a.room <= 0 {
		return c, mail.E(op, mail.OverQuota, fmt.Errorf("an account has at most %d contacts", MaxContacts))
	}
	a.room--
	put(a.t, a.account, c, true)
	if c.Blocked {
		a.s.revoke(a.t, a.account)
	}
	return c, nil
}

// Add makes one contact; see Adding.
func (s *Store) Add(t *tx.Tx, account mail.AccountID, c Contact) (Contact, error) {
	a, err := s.Adding(t, account)
	if err != nil {
		return c, err
	}
	return a.Add(c)
}

// Change gives a contact of an account, which is locked, the Name, Accepted, Blocked, Pierces and Shown of c.
func (s *Store) Change(t *tx.Tx, account mail.AccountID, c Contact) (Contact, error) {
	if err := c.check("contacts.Change"); err != nil {
		return c, err
	}
	kept, err := s.Contact(t, account, c.ID)
	if err != nil {
		return c, err
	}
	if c.Blocked && !kept.Blocked {
		s.revoke(t, account)
	}
	kept.Name, kept.Accepted, kept.Blocked, kept.Pierces, kept.Shown = c.Name, c.Accepted, c.Blocked, c.Pierces, c.Shown
	put(t, account, kept, false)
	return kept, nil
}

func (c *Contact) check(op string) error {
	if cleanName(c.Name) != c.Name {
		return mail.E(op, mail.Invalid, fmt.Errorf("a name is one line of at most %d bytes, without spaces at its ends or control characters", MaxName))
	}
	if c.Shown != AsAccount && c.Shown != Never && c.Shown != Always {
		return mail.E(op, mail.Invalid, errors.New("whether a contact learns that its mail was displayed is never, always, or as the account has it"))
	}
	return nil
}

// Remove forgets a contact of an account, which is locked: also that it was ever written to, and what was allowed or blocked.
func (s *Store) Remove(t *tx.Tx, account mail.AccountID, id ID) error {
	if _, err := s.Contact(t, account, id); err != nil {
		return err
	}
	s.revoke(t, account)
	t.Changed(tx.Change{Account: account, Kind: tx.KindContact, Op: tx.Destroyed, Object: int64(id)})
	t.SQL().Queue(`DELETE FROM contact WHERE account_id = $1 AND id = $2`, account, id)
	return nil
}

// Count is how many contacts an account has.
func (s *Store) Count(t *tx.Tx, account mail.AccountID) (n int, err error) {
	err = t.SQL().QueryRow(`SELECT count(*) FROM contact WHERE account_id = $1`, account).Scan(&n)
	return n, err
}

// purgeRows is how many rows one commit removes.
const purgeRows = 1000

// Purge removes rows of an account that is being removed, as many as one commit may, and says whether there are more.
func (s *Store) Purge(t *tx.Tx, account mail.AccountID) (more bool, err error) {
	t.SQL().Queue(`DELETE FROM sharing WHERE account_id = $1`, account)
	n, err := t.SQL().Exec(`DELETE FROM contact WHERE account_id = $1 AND id IN (SELECT id FROM contact WHERE account_id = $1 LIMIT $2)`,
		account, purgeRows)
	return n == purgeRows, err
}
