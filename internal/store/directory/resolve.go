package directory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Resolution is where an address leads. Accounts, Elsewhere and Groups hold each target once and are not all empty.
type Resolution struct {
	Accounts  []mail.AccountID
	Elsewhere []mail.Address
	Groups    []mail.Group
	Detail    string // what followed the "+", as it was written
	Role      bool   // mail to postmaster or abuse: not to be refused for a full mailbox or by a filter (RFC 5321 4.5.1)

	quotas map[mail.AccountID]QuotaState // of those accounts whose quota was read on the way
}

// Resolve finds where mail for an address goes. See the package's doc.
func (s *Store) Resolve(t *tx.Tx, a mail.Address) (Resolution, error) {
	const op = "directory.Resolve"
	k := keyOf(a)
	if k.domain == "" && k.local == "postmaster" { // RFC 5321 4.5.1: no domain, any case
		return s.resolveRole(t, op, k, entry{})
	}
	e, err := s.find(t, k, userOf(k.local))
	switch {
	case err != nil:
		return Resolution{}, err
	case !e.ours && k.domain == s.hostname && isRole(k.local):
		return s.resolveRole(t, op, key{local: "postmaster"}, entry{})
	case !e.ours:
		return Resolution{}, mail.E(op, mail.Denied, fmt.Errorf("%s is not a domain of this server", k.domain))
	case isRole(k.local):
		return s.resolveRole(t, op, k, e)
	case e.disabled:
		return Resolution{}, mail.E(op, mail.Disabled, fmt.Errorf("the domain %s is switched off", k.domain))
	}
	w := walk{store: s, t: t}
	w.visit(k.address())
	if err := w.enter(k, e); err != nil {
		return Resolution{}, err
	}
	if err := w.finish(op, a); err != nil {
		return Resolution{}, err
	}
	if !e.exact && len(e.rows) > 0 {
		_, w.out.Detail, _ = cutDetail(a.Local)
	}
	return w.out, nil
}

// note keeps the quota of an account, if it was read.
func (r *Resolution) note(row target) {
	if !row.here {
		return
	}
	if r.quotas == nil {
		r.quotas = make(map[mail.AccountID]QuotaState, 1)
	}
	r.quotas[row.account] = row.quota
}

// Room reports a mail.OverQuota error where none of the accounts has room for a message of size more bytes, and a mail.NotFound error
// where one has to be asked whose mail is not here: it has just been moved or removed.
func (s *Store) Room(t *tx.Tx, r Resolution, size int64) error {
	var full error
	for _, account := range r.Accounts {
		q, known := r.quotas[account]
		if !known {
			var err error
			if q, err = s.QuotaState(t, account); err != nil {
				return err
			}
		}
		if !q.Full(size) {
			return nil
		}
		full = mail.E("directory.Room", mail.OverQuota, fmt.Errorf("%d of %d bytes and %d of %d messages are in use", q.UsedBytes, q.Bytes, q.UsedMessages, q.Messages))
	}
	return full
}

func userOf(local string) string {
	user, _, _ := cutDetail(local)
	return user
}

// entry is what the tables say about one address.
type entry struct {
	ours     bool // the domain
	disabled bool // the domain
	catchAll string
	exact    bool // rows are of the address itself, not of the user without detail
	kind     string
	rows     []target
}

type target struct {
	account mail.AccountID
	text    string
	off     bool // the account, or its domain
	here    bool // quota was read: the account's mail is in this database
	quota   QuotaState
}

// The question of find, for an address without a detail and with one. The rows are sorted here, not by the database: there
// are few, and it would build a table for that. The quotas are asked for along with the accounts, because whoever resolves an address
// at RCPT needs them at once; where mail lies in another database they are missing, and asked for there.
var (
	findAddress = findQuery("= $2")
	findDetail  = findQuery("IN ($2, $3)")
)

func findQuery(local string) string {
	return `SELECT d.disabled, d.catch_all, COALESCE(a.local, ''), COALESCE(a.kind, ''), COALESCE(a.account_id, 0),
		COALESCE(a.target, ''), CASE WHEN COALESCE(x.disabled, 1) <> 0 OR COALESCE(h.disabled, 0) <> 0 THEN 1 ELSE 0 END,
		CASE WHEN q.state = 'here' THEN 1 ELSE 0 END, COALESCE(q.quota_bytes, 0), COALESCE(q.quota_messages, 0),
		COALESCE(q.used_bytes, 0), COALESCE(q.used_messages, 0)
		FROM domain d
		LEFT JOIN address a ON a.domain = d.name AND a.local ` + local + `
		LEFT JOIN directory_account x ON x.account_id = a.account_id
		LEFT JOIN domain h ON h.name = x.domain
		LEFT JOIN account q ON q.id = a.account_id
		WHERE d.name = $1`
}

// find reads a domain, and the rows of an address or else of user, in one query.
func (s *Store) find(t *tx.Tx, k key, user string) (entry, error) {
	sql, args := findAddress, []any{k.domain, k.local}
	if user != k.local {
		sql, args = findDetail, append(args, user)
	}
	rows, err := t.SQL().Query(sql, args...)
	if err != nil {
		return entry{}, err
	}
	defer rows.Close()
	var e entry
	for rows.Next() {
		var local, kind string
		var row target
		q := &row.quota
		if err := rows.Scan(&e.disabled, &e.catchAll, &local, &kind, &row.account, &row.text, &row.off,
			&row.here, &q.Bytes, &q.Messages, &q.UsedBytes, &q.UsedMessages); err != nil {
			return entry{}, err
		}
		e.ours = true
		if local == k.local && !e.exact {
			e.exact, e.rows = true, nil // the address itself wins over the user
		}
		if kind != "" && (local == k.local) == e.exact {
			e.kind, e.rows = kind, append(e.rows, row)
		}
	}
	slices.SortFunc(e.rows, func(a, b target) int {
		return cmp.Or(cmp.Compare(a.account, b.account), strings.Compare(a.text, b.text))
	})
	return e, rows.Err()
}

// walk follows addresses to where they end.
type walk struct {
	store *Store
	t     *tx.Tx
	todo  []mail.Address
	seen  map[mail.Address]bool
	out   Resolution
	off   bool // something that is switched off was met
}

// visit notes an address and reports whether it is new.
func (w *walk) visit(a mail.Address) bool {
	if w.seen[a] {
		return false
	}
	if w.seen == nil {
		w.seen = make(map[mail.Address]bool)
	}
	w.seen[a] = true
	return true
}

// enter takes what the tables say about an address of ours: its accounts and the group that it is go to the result, its
// addresses are to be followed.
func (w *walk) enter(k key, e entry) error {
	switch user := (key{userOf(k.local), k.domain}); {
	case e.disabled:
		w.off = true
		return nil
	case e.kind == kindGroup && !e.exact && isOwners(k.local):
		return w.enterOwners(user)
	case e.kind == kindGroup && !e.exact:
		return w.enterGroup(user)
	case e.kind == kindGroup:
		return w.enterGroup(k)
	}
	for _, row := range e.rows {
		switch {
		case row.text != "":
			w.follow(row.text)
		case row.off:
			w.off = true
		case !slices.Contains(w.out.Accounts, row.account):
			w.out.Accounts = append(w.out.Accounts, row.account)
			w.out.note(row)
		}
	}
	if len(e.rows) == 0 && e.catchAll != "" {
		w.follow(e.catchAll)
	}
	return nil
}

func (w *walk) follow(text string) {
	if a, err := mail.ParseAddress(text); err == nil { // what is kept was parsed before; if a row is damaged, the others count
		w.todo = append(w.todo, a)
	}
}

// step follows one address.
func (w *walk) step() error {
	a := w.todo[0]
	w.todo = w.todo[1:]
	k := keyOf(a)
	if !w.visit(k.address()) {
		return nil
	}
	if len(w.seen) > MaxSteps {
		return mail.E("directory.Resolve", mail.Limit, fmt.Errorf("an alias leads to more than %d further addresses", MaxSteps))
	}
	e, err := w.store.find(w.t, k, userOf(k.local))
	if err != nil {
		return err
	}
	switch {
	case !e.ours:
		w.out.Elsewhere = append(w.out.Elsewhere, a)
	case isRole(k.local) && len(e.rows) == 0:
		r, err := w.store.resolveRole(w.t, "directory.Resolve", k, e)
		if err != nil && !mail.Is(err, mail.NotFound) {
			return err
		}
		for _, id := range r.Accounts {
			if !slices.Contains(w.out.Accounts, id) {
				w.out.Accounts = append(w.out.Accounts, id)
			}
		}
	default:
		return w.enter(k, e)
	}
	return nil
}

// finish follows all there is and says what the result is.
func (w *walk) finish(op string, a mail.Address) error {
	for len(w.todo) > 0 {
		if err := w.step(); err != nil {
			return err
		}
	}
	switch {
	case len(w.out.Accounts) > MaxAccounts:
		return mail.E(op, mail.Limit, fmt.Errorf("%s leads to more than %d accounts", a, MaxAccounts))
	case len(w.out.Accounts)+len(w.out.Elsewhere)+len(w.out.Groups) > 0:
		return nil
	case w.off:
		return mail.E(op, mail.Disabled, fmt.Errorf("%s is switched off", a))
	}
	return mail.E(op, mail.NotFound, fmt.Errorf("there is no %s here", a))
}

// resolveRole finds who reads mail to postmaster or abuse: the first of the places named in the package's doc where
// somebody does.
func (s *Store) resolveRole(t *tx.Tx, op string, k key, own entry) (Resolution, error) {
	first := sync.OnceValues(func() (Account, error) { return s.firstAccount(t, "") })
	places := []func() (walk, error){
		func() (walk, error) { return s.roleRows(t, own) },
		func() (walk, error) { return s.postmasterOf(t, k.domain, own.disabled || k.local == "postmaster") },
		func() (walk, error) {
			a, err := first()
			if err != nil {
				return walk{}, err
			}
			return s.postmasterOf(t, a.Address.Domain, a.ID == 0)
		},
		func() (walk, error) { return s.firstOfDomain(t, k.domain, own.disabled) },
		func() (walk, error) { a, err := first(); return accountOnly(a.ID), err },
	}
	for _, place := range places {
		w, err := place()
		if err != nil {
			return Resolution{}, err
		}
		w.out.Groups = nil // who may send to a group is limited, and a role is always reached
		if len(w.out.Accounts)+len(w.out.Elsewhere) > 0 {
			w.out.Role = true
			return w.out, nil
		}
	}
	return Resolution{}, mail.E(op, mail.NotFound, errors.New("this server has no account that could read it"))
}

// roleRows follows the explicit targets of a role address, not those of catch-alls or of other roles.
func (s *Store) roleRows(t *tx.Tx, e entry) (walk, error) {
	w := walk{store: s, t: t}
	e.catchAll = ""
	if err := w.enter(key{}, e); err != nil { // no role is a group
		return walk{}, err
	}
	for len(w.todo) > 0 {
		if isRole(keyOf(w.todo[0]).local) {
			w.todo = w.todo[1:]
			continue
		}
		if err := w.step(); err != nil {
			return walk{}, err
		}
	}
	return w, nil
}

func (s *Store) postmasterOf(t *tx.Tx, domain string, skip bool) (walk, error) {
	if skip || domain == "" {
		return walk{}, nil
	}
	e, err := s.find(t, key{"postmaster", domain}, "postmaster")
	if err != nil {
		return walk{}, err
	}
	return s.roleRows(t, e)
}

// firstOfDomain is the oldest account of a domain that is not switched off.
func (s *Store) firstOfDomain(t *tx.Tx, domain string, skip bool) (walk, error) {
	if skip || domain == "" {
		return walk{}, nil
	}
	a, err := s.firstAccount(t, domain)
	return accountOnly(a.ID), err
}

func accountOnly(id mail.AccountID) walk {
	if id == 0 {
		return walk{}
	}
	return walk{out: Resolution{Accounts: []mail.AccountID{id}}}
}

// The pages are read in the order of an index, and what is switched off is left out here: asked for it in WHERE, or for
// the domains in a join, PostgreSQL may think it shorter to read all accounts and sort them.
const (
	selectOldest = `SELECT x.account_id, x.domain, x.disabled, COALESCE((SELECT d.disabled FROM domain d WHERE d.name = x.domain), 1)
		FROM directory_account x WHERE x.account_id > $1 ORDER BY x.account_id LIMIT $2`
	selectOldestOf = `SELECT x.account_id, x.domain, x.disabled, COALESCE((SELECT d.disabled FROM domain d WHERE d.name = x.domain), 1)
		FROM directory_account x WHERE x.domain = $3 AND x.account_id > $1 ORDER BY x.domain, x.account_id LIMIT $2`
)

// firstAccount is the oldest account that is not switched off, of a domain or of all; the zero Account when there is none.
func (s *Store) firstAccount(t *tx.Tx, domain string) (Account, error) {
	const pageSize = 50
	sql, args := selectOldest, []any{mail.AccountID(0), pageSize}
	if domain != "" {
		sql, args = selectOldestOf, append(args, domain)
	}
	for {
		rows, err := t.SQL().Query(sql, args...)
		if err != nil {
			return Account{}, err
		}
		n := 0
		for ; rows.Next(); n++ {
			var a Account
			var domainOff bool
			if err := rows.Scan(&a.ID, &a.Address.Domain, &a.Disabled, &domainOff); err != nil {
				return Account{}, err
			}
			if !a.Disabled && !domainOff {
				rows.Close()
				return a, nil
			}
			args[0] = a.ID
		}
		if err := rows.Err(); err != nil || n < pageSize {
			return Account{}, err
		}
	}
}
