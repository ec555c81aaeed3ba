package directory

import (
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Alias is one target of an alias.
type Alias struct {
	Address mail.Address
	Target  mail.Address   // where it leads: an account's primary address, or another alias
	Account mail.AccountID // of the target, 0 when it is no account's own address
	Created time.Time
}

// AddAlias lets mail for an address also go to target. The address must be of a domain of ours and no account's own.
func (s *Store) AddAlias(t *tx.Tx, address, target mail.Address) error {
	const op = "directory.AddAlias"
	address, err := ParseAddress(address.String())
	if err != nil {
		return err
	}
	k := keyOf(address)
	if err := s.lockDomain(t, op, k.domain); err != nil {
		return err
	}
	kind, targets, err := s.holder(t, k)
	switch {
	case err != nil:
		return err
	case kind == kindPrimary, kind == kindGroup:
		return mail.E(op, mail.Exists, fmt.Errorf("%s is %s: an alias needs another name", address, article(kind)))
	case targets >= MaxTargets:
		return mail.E(op, mail.Limit, fmt.Errorf("%s has %d targets, the limit", address, MaxTargets))
	}
	to, err := s.target(t, op, target)
	if err == nil && to.account != 0 {
		err = s.checkAddresses(t, op, to.account)
	}
	if err == nil && to.account == 0 {
		err = s.checkLoop(t, op, k, to)
	}
	if err != nil {
		return err
	}
	if to.account != 0 {
		to.text = ""
	}
	n, err := t.SQL().Exec(`INSERT INTO address (domain, local, target, account_id, kind, created) VALUES ($1, $2, $3, $4, 'alias', $5)
		ON CONFLICT DO NOTHING`, k.domain, k.local, to.text, to.account, t.Now())
	if err == nil && n == 0 {
		err = mail.E(op, mail.Exists, fmt.Errorf("%s leads to %s already", address, target))
	}
	return err
}

// checkAddresses holds MaxAddresses, and the account: it cannot be removed before the alias is there to go with it.
func (s *Store) checkAddresses(t *tx.Tx, op string, account mail.AccountID) error {
	if err := updateAccount(t, op, account, `UPDATE directory_account SET account_id = $2 WHERE account_id = $1`, account); err != nil {
		return err
	}
	var n int
	err := t.SQL().QueryRow(`SELECT COUNT(*) FROM address WHERE account_id = $1`, account).Scan(&n)
	if err == nil && n >= MaxAddresses {
		err = mail.E(op, mail.Limit, fmt.Errorf("%d addresses lead to this account, the limit", n))
	}
	return err
}

// checkLoop refuses a target from which there is a way back.
func (s *Store) checkLoop(t *tx.Tx, op string, from key, to destination) error {
	w := walk{store: s, t: t, todo: []mail.Address{to.address}}
	for len(w.todo) > 0 {
		if w.todo[0] == from.address() {
			return mail.E(op, mail.Conflict, fmt.Errorf("%s leads back to %s", to.address, from.address()))
		}
		if err := w.step(); err != nil {
			return err
		}
	}
	return nil
}

// destination is where an alias or a catch-all is to lead.
type destination struct {
	address mail.Address
	text    string         // as it is kept
	account mail.AccountID // when it is an account's own address
}

// target checks that an address can be led to.
func (s *Store) target(t *tx.Tx, op string, a mail.Address) (destination, error) {
	a, err := ParseAddress(a.String())
	if err != nil {
		return destination{}, err
	}
	k := keyOf(a)
	e, err := s.find(t, k, userOf(k.local))
	switch {
	case err != nil:
		return destination{}, err
	case !e.ours && !s.forwarding:
		return destination{}, mail.E(op, mail.Invalid, fmt.Errorf(
			"%s is on another server, and this one does not forward mail: the target must be an address of a domain here", a))
	case !e.ours:
		return destination{address: a, text: a.String()}, nil
	case len(e.rows) == 0 && !isRole(k.local):
		return destination{}, mail.E(op, mail.NotFound, fmt.Errorf("%s is no address here: add the account or alias first", a))
	}
	d := destination{address: k.address(), text: k.address().String()}
	if e.kind == kindPrimary && e.exact {
		d.account = e.rows[0].account
	}
	return d, nil
}

// RemoveAlias takes one target from an alias; with the zero Address all of them, and so the alias.
func (s *Store) RemoveAlias(t *tx.Tx, address, target mail.Address) error {
	const op = "directory.RemoveAlias"
	k := keyOf(address)
	if target.IsNull() {
		n, err := t.SQL().Exec(`DELETE FROM address WHERE domain = $1 AND local = $2 AND kind = 'alias'`, k.domain, k.local)
		if err == nil && n == 0 {
			err = mail.E(op, mail.NotFound, fmt.Errorf("%s is no alias", address))
		}
		return err
	}
	to := keyOf(target)
	// Targets here are kept folded; those elsewhere as they were written, for only their server knows what is the same.
	n, err := t.SQL().Exec(`DELETE FROM address WHERE domain = $1 AND local = $2 AND kind = 'alias' AND (target IN ($3, $4) OR account_id IN
		(SELECT account_id FROM address WHERE domain = $5 AND local = $6 AND kind = 'primary'))`,
		k.domain, k.local, to.address().String(), target.String(), to.domain, to.local)
	if err == nil && n == 0 {
		err = mail.E(op, mail.NotFound, fmt.Errorf("%s does not lead to %s", address, target))
	}
	return err
}

// Aliases lists the targets of aliases that come after one, at most limit of them, by address; with a domain, those of
// it. The zero Alias begins the list.
func (s *Store) Aliases(t *tx.Tx, domain string, after Alias, limit int) ([]Alias, error) {
	domain, from, err := startOf(domain, keyOf(after.Address))
	if err != nil {
		return nil, err
	}
	target := ""
	if after.Account == 0 && !after.Target.IsNull() {
		target = after.Target.String()
	}
	rows, err := t.SQL().Query(`SELECT a.local, a.domain, a.target, a.account_id, a.created, COALESCE(x.local, ''), COALESCE(x.domain, '')
		FROM address a LEFT JOIN directory_account x ON x.account_id = a.account_id
		WHERE a.kind = 'alias' AND (a.domain, a.local, a.account_id, a.target) > ($1, $2, $3, $4) AND ($5 = '' OR a.domain = $5)
		ORDER BY a.domain, a.local, a.account_id, a.target LIMIT $6`,
		from.domain, from.local, after.Account, target, domain, page(limit))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Alias
	for rows.Next() {
		var a Alias
		if err := rows.Scan(&a.Address.Local, &a.Address.Domain, &target, &a.Account, &a.Created, &a.Target.Local, &a.Target.Domain); err != nil {
			return nil, err
		}
		if a.Account == 0 {
			if a.Target, err = mail.ParseAddress(target); err != nil {
				return nil, fmt.Errorf("alias %s: %w", a.Address, err)
			}
		}
		out = append(out, a)
	}
	return out, rows.Err()
}
