package directory

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits.
const (
	MaxTargets   = 100 // of an alias
	MaxAddresses = 200 // that lead to one account directly: they go with it in one commit
	MaxAccounts  = 100 // that one address leads to, as many as one write may lock
	MaxSteps     = 64  // addresses that Resolve follows
	MaxPage      = 1000
	removePage   = 500 // aliases that one RemoveDomain takes
)

// Options says how a Store behaves.
type Options struct {
	// Forwarding lets aliases and catch-alls point to other servers. Whoever sets it sends on what Resolve returns as
	// Elsewhere.
	Forwarding bool
	// Hostname is the server's own name. Its postmaster is the server's, so that who gets mail from the server itself, a report
	// of delivery for example, can answer (RFC 5321 4.5.1).
	Hostname string
}

// Store is the directory's room. It keeps nothing of its own and is safe for concurrent use.
type Store struct {
	forwarding bool
	hostname   string
}

// New returns a Store.
func New(o Options) *Store {
	return &Store{forwarding: o.Forwarding, hostname: strings.ToLower(o.Hostname)}
}

// Domain is a domain we take mail for.
type Domain struct {
	Name     string
	CatchAll mail.Address // zero: none
	Disabled bool
	Created  time.Time
}

// AddDomain makes a domain ours.
func (s *Store) AddDomain(t *tx.Tx, name string) (Domain, error) {
	name, err := NormalDomain(name)
	if err != nil {
		return Domain{}, err
	}
	d := Domain{Name: name, Created: t.Now()}
	n, err := t.SQL().Exec(`INSERT INTO domain (name, catch_all, disabled, created) VALUES ($1, '', 0, $2) ON CONFLICT DO NOTHING`, name, d.Created)
	if err == nil && n == 0 {
		err = mail.E("directory.AddDomain", mail.Exists, fmt.Errorf("%s is there already", name))
	}
	return d, err
}

// lockDomain takes the row of a domain: whatever is decided about its addresses is decided after that.
func (s *Store) lockDomain(t *tx.Tx, op, name string) error {
	n, err := t.SQL().Exec(`UPDATE domain SET disabled = disabled WHERE name = $1`, name)
	if err == nil && n == 0 {
		err = mail.E(op, mail.NotFound, fmt.Errorf("%s is not a domain of this server: add it first", name))
	}
	return err
}

// RemoveDomain removes a domain without accounts, and its aliases, a page of them at a time: while more is true, it is to
// be called again in a write of its own.
func (s *Store) RemoveDomain(t *tx.Tx, name string) (more bool, err error) {
	const op = "directory.RemoveDomain"
	if name, err = NormalDomain(name); err != nil {
		return false, err
	}
	if err := s.lockDomain(t, op, name); err != nil {
		return false, err
	}
	var id mail.AccountID
	err = t.SQL().QueryRow(`SELECT account_id FROM directory_account WHERE domain = $1 ORDER BY account_id LIMIT 1`, name).Scan(&id)
	if err == nil {
		return false, mail.E(op, mail.Conflict, fmt.Errorf("%s has accounts: remove them first, or switch the domain off", name))
	}
	if !errors.Is(err, db.ErrNoRows) {
		return false, err
	}
	if more, err := s.removeGroups(t, name); more || err != nil {
		return more, err
	}
	n, err := t.SQL().Exec(`DELETE FROM address WHERE domain = $1 AND local IN (SELECT local FROM address WHERE domain = $1 ORDER BY local LIMIT $2)`,
		name, removePage/MaxTargets)
	if err != nil || n > 0 {
		return n > 0, err
	}
	_, err = t.SQL().Exec(`DELETE FROM domain WHERE name = $1`, name)
	return false, err
}

// removeGroups removes one group of a domain, if there is one: its members may be many.
func (s *Store) removeGroups(t *tx.Tx, name string) (more bool, err error) {
	groups, err := s.Groups(t, name, mail.Address{}, 1)
	if err != nil || len(groups) == 0 {
		return false, err
	}
	return true, s.RemoveGroup(t, groups[0].Address)
}

// SetDomainDisabled switches a domain off or on: no mail is taken for it and nobody signs in with an address of it.
func (s *Store) SetDomainDisabled(t *tx.Tx, name string, off bool) error {
	return s.updateDomain(t, "directory.SetDomainDisabled", name, `UPDATE domain SET disabled = $2 WHERE name = $1`, off)
}

// SetCatchAll names the address that gets mail for unknown users of a domain; the zero Address: nobody does.
func (s *Store) SetCatchAll(t *tx.Tx, name string, target mail.Address) error {
	const op = "directory.SetCatchAll"
	text := ""
	if !target.IsNull() {
		to, err := s.target(t, op, target)
		if err != nil {
			return err
		}
		text = to.text
	}
	return s.updateDomain(t, op, name, `UPDATE domain SET catch_all = $2 WHERE name = $1`, text)
}

func (s *Store) updateDomain(t *tx.Tx, op, name, sql string, value any) error {
	name, err := NormalDomain(name)
	if err != nil {
		return err
	}
	n, err := t.SQL().Exec(sql, name, value)
	if err == nil && n == 0 {
		err = mail.E(op, mail.NotFound, fmt.Errorf("%s is not a domain of this server", name))
	}
	return err
}

// Domain returns a domain of ours.
func (s *Store) Domain(t *tx.Tx, name string) (Domain, error) {
	name, err := NormalDomain(name)
	if err != nil {
		return Domain{}, err
	}
	d, err := scanDomain(t.SQL().QueryRow(`SELECT name, catch_all, disabled, created FROM domain WHERE name = $1`, name).Scan)
	if errors.Is(err, db.ErrNoRows) {
		err = mail.E("directory.Domain", mail.NotFound, fmt.Errorf("%s is not a domain of this server", name))
	}
	return d, err
}

func scanDomain(scan func(...any) error) (d Domain, err error) {
	var catchAll string
	if err := scan(&d.Name, &catchAll, &d.Disabled, &d.Created); err != nil {
		return Domain{}, err
	}
	d.CatchAll, err = parseKept(catchAll)
	return d, err
}

// Domains lists the domains after a name, at most limit of them, by name.
func (s *Store) Domains(t *tx.Tx, after string, limit int) ([]Domain, error) {
	rows, err := t.SQL().Query(`SELECT name, catch_all, disabled, created FROM domain WHERE name > $1 ORDER BY name LIMIT $2`, after, page(limit))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Domain
	for rows.Next() {
		d, err := scanDomain(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

func page(limit int) int {
	if limit <= 0 || limit > MaxPage {
		return MaxPage
	}
	return limit
}

// parseKept reads an address from a row, ” for none.
func parseKept(s string) (mail.Address, error) {
	if s == "" {
		return mail.Address{}, nil
	}
	return mail.ParseAddress(s)
}
