package directory

import (
	"errors"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Account is an account as the directory knows it.
type Account struct {
	ID       mail.AccountID
	Address  mail.Address // the primary address, as it was written first
	Name     string       // display name
	Disabled bool         // itself, or the domain of its primary address
	Admin    bool         // may see and set the quotas of others
	Shared   bool         // its mailboxes are for many
	Created  time.Time
}

// AddAccount enters an account with its primary address. ID, Address and Name of a are used.
func (s *Store) AddAccount(t *tx.Tx, a Account) (Account, error) {
	const op = "directory.AddAccount"
	name, err := checkName(a.Name)
	if err != nil {
		return Account{}, mail.E(op, mail.Invalid, err)
	}
	if a.Address, err = ParseAddress(a.Address.String()); err != nil {
		return Account{}, err
	}
	k := keyOf(a.Address)
	if err := s.lockDomain(t, op, k.domain); err != nil {
		return Account{}, err
	}
	if kind, _, err := s.holder(t, k); err != nil {
		return Account{}, err
	} else if kind != "" {
		return Account{}, mail.E(op, mail.Exists, fmt.Errorf("%s is %s already", a.Address, article(kind)))
	}
	a = Account{ID: a.ID, Address: a.Address, Name: name, Created: t.Now()}
	t.SQL().Queue(`INSERT INTO directory_account (account_id, local, domain, name, disabled, admin, created) VALUES ($1, $2, $3, $4, 0, 0, $5)`,
		a.ID, a.Address.Local, k.domain, a.Name, a.Created)
	t.SQL().Queue(`INSERT INTO address (domain, local, target, account_id, kind, created) VALUES ($1, $2, '', $3, 'primary', $4)`,
		k.domain, k.local, a.ID, a.Created)
	return a, nil
}

// holder says what an address is, "" when it is free, and how many targets it has.
func (s *Store) holder(t *tx.Tx, k key) (kind string, targets int, err error) {
	err = t.SQL().QueryRow(`SELECT COALESCE(MAX(kind), ''), COUNT(*) FROM address WHERE domain = $1 AND local = $2`, k.domain, k.local).Scan(&kind, &targets)
	return kind, targets, err
}

func article(kind string) string {
	switch kind {
	case kindPrimary:
		return "the address of an account"
	case kindGroup:
		return "a group"
	}
	return "an alias"
}

const (
	kindPrimary = "primary"
	kindAlias   = "alias"
	kindGroup   = "group"
)

// RemoveAccount removes an account, its address and what its aliases had in it. From the commit on it gets no mail and
// nobody signs in to it.
func (s *Store) RemoveAccount(t *tx.Tx, id mail.AccountID) error {
	n, err := t.SQL().Exec(`DELETE FROM directory_account WHERE account_id = $1`, id)
	if err == nil && n == 0 {
		err = mail.E("directory.RemoveAccount", mail.NotFound, nil)
	}
	if err == nil {
		t.SQL().Queue(`DELETE FROM group_member WHERE EXISTS (SELECT 1 FROM address a WHERE a.account_id = $1 AND a.kind = 'primary'
			AND a.domain = group_member.member_domain AND a.local = group_member.member_local)`, id)
		t.SQL().Queue(`DELETE FROM address WHERE account_id = $1`, id)
	}
	return err
}

// SetDisabled switches an account off or on: it gets no mail and nobody signs in to it.
func (s *Store) SetDisabled(t *tx.Tx, id mail.AccountID, off bool) error {
	return updateAccount(t, "directory.SetDisabled", id, `UPDATE directory_account SET disabled = $2 WHERE account_id = $1`, off)
}

// SetAdmin lets an account see and set the quotas of others, or no longer.
func (s *Store) SetAdmin(t *tx.Tx, id mail.AccountID, admin bool) error {
	return updateAccount(t, "directory.SetAdmin", id, `UPDATE directory_account SET admin = $2 WHERE account_id = $1`, admin)
}

// SetShared says that the mailboxes of an account are for many, or one person's.
func (s *Store) SetShared(t *tx.Tx, id mail.AccountID, shared bool) error {
	return updateAccount(t, "directory.SetShared", id, `UPDATE directory_account SET shared = $2 WHERE account_id = $1`, shared)
}

// SetName changes an account's display name.
func (s *Store) SetName(t *tx.Tx, id mail.AccountID, name string) error {
	const op = "directory.SetName"
	name, err := checkName(name)
	if err != nil {
		return mail.E(op, mail.Invalid, err)
	}
	return updateAccount(t, op, id, `UPDATE directory_account SET name = $2 WHERE account_id = $1`, name)
}

func updateAccount(t *tx.Tx, op string, id mail.AccountID, sql string, value any) error {
	n, err := t.SQL().Exec(sql, id, value)
	if err == nil && n == 0 {
		err = mail.E(op, mail.NotFound, errors.New("the account is not there any more"))
	}
	return err
}

const selectAccount = `SELECT x.account_id, x.local, x.domain, x.name, x.created, x.admin, x.shared,
	CASE WHEN x.disabled <> 0 OR COALESCE(d.disabled, 0) <> 0 THEN 1 ELSE 0 END
	FROM directory_account x LEFT JOIN domain d ON d.name = x.domain `

func scanAccount(scan func(...any) error) (a Account, err error) {
	err = scan(&a.ID, &a.Address.Local, &a.Address.Domain, &a.Name, &a.Created, &a.Admin, &a.Shared, &a.Disabled)
	return a, err
}

// Account returns an account by its id.
func (s *Store) Account(t *tx.Tx, id mail.AccountID) (Account, error) {
	a, err := scanAccount(t.SQL().QueryRow(selectAccount+`WHERE x.account_id = $1`, id).Scan)
	if errors.Is(err, db.ErrNoRows) {
		err = mail.E("directory.Account", mail.NotFound, nil)
	}
	return a, err
}

// ByAddress returns the account that has a as its own, primary address: what an operator names it by.
func (s *Store) ByAddress(t *tx.Tx, a mail.Address) (Account, error) {
	const op = "directory.ByAddress"
	k := keyOf(a)
	e, err := s.find(t, k, k.local)
	switch {
	case err != nil:
		return Account{}, err
	case e.kind == kindAlias, e.kind == kindGroup:
		return Account{}, mail.E(op, mail.NotFound, fmt.Errorf("%s is %s: name the account by its own address", a, article(e.kind)))
	case len(e.rows) == 0:
		return Account{}, mail.E(op, mail.NotFound, fmt.Errorf("there is no account %s", a))
	}
	return s.Account(t, e.rows[0].account)
}

// Accounts lists the accounts after a primary address, at most limit of them, by address; with a domain, those of it.
func (s *Store) Accounts(t *tx.Tx, domain string, after mail.Address, limit int) ([]Account, error) {
	domain, from, err := startOf(domain, keyOf(after))
	if err != nil {
		return nil, err
	}
	// The order of `address`, which is kept sorted, is the order of the list.
	rows, err := t.SQL().Query(`SELECT x.account_id, x.local, x.domain, x.name, x.created, x.admin, x.shared, CASE WHEN x.disabled <> 0 OR d.disabled <> 0 THEN 1 ELSE 0 END
		FROM address a JOIN directory_account x ON x.account_id = a.account_id JOIN domain d ON d.name = x.domain
		WHERE a.kind = 'primary' AND (a.domain, a.local) > ($1, $2) AND ($3 = '' OR a.domain = $3)
		ORDER BY a.domain, a.local LIMIT $4`, from.domain, from.local, domain, page(limit))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Account
	for rows.Next() {
		a, err := scanAccount(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// startOf is after which address a list begins, which may be of one domain.
func startOf(domain string, after key) (normal string, from key, err error) {
	if domain == "" {
		return "", after, nil
	}
	domain, err = NormalDomain(domain)
	if after.domain != domain {
		after = key{domain: domain}
	}
	return domain, after, err
}

// Lookup finds the account that a name signs in to: its primary address or an alias of it alone, without subaddress. On
// a server with one domain the local part will do. mail.NotFound when there is none.
func (s *Store) Lookup(t *tx.Tx, login string) (Account, error) {
	id, _, err := s.SignIn(t, login)
	if err != nil {
		return Account{}, err
	}
	return s.Account(t, id)
}

// SignIn is Lookup for a sign-in: who it is and whether he is switched off, in one query.
func (s *Store) SignIn(t *tx.Tx, login string) (id mail.AccountID, disabled bool, err error) {
	notFound := mail.E("directory.SignIn", mail.NotFound, errors.New("no account has this sign-in name"))
	a, err := ParseAddress(login)
	if err != nil {
		if a, err = s.onlyDomain(t, login); err != nil {
			return 0, false, err
		}
	}
	k := keyOf(a)
	e, err := s.find(t, k, k.local)
	switch {
	case err != nil:
		return 0, false, err
	case len(e.rows) != 1 || e.rows[0].account == 0:
		return 0, false, notFound
	}
	return e.rows[0].account, e.rows[0].off || e.disabled, nil
}

// onlyDomain completes a local part where there is no choice.
func (s *Store) onlyDomain(t *tx.Tx, local string) (mail.Address, error) {
	notFound := mail.E("directory.SignIn", mail.NotFound, errors.New("a sign-in name is a mail address of this server"))
	domains, err := s.Domains(t, "", 2)
	if err != nil {
		return mail.Address{}, err
	}
	if len(domains) != 1 {
		return mail.Address{}, notFound
	}
	a, err := ParseAddress(local + "@" + domains[0].Name)
	if err != nil {
		return mail.Address{}, notFound
	}
	return a, nil
}
