package contacts

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Person is somebody whom a message names.
type Person struct {
	Address mail.Address
	Name    string // "" where the message does not say it
}

// Wrote notes that the account, which is locked, writes to people from an address of its own. It belongs to the commit that
// accepts the message.
func (s *Store) Wrote(t *tx.Tx, account mail.AccountID, own mail.Address, to []Person) error {
	if len(to) > MaxPeople || own.Domain == "" {
		return nil
	}
	people := make(map[ID]Person, len(to))
	ids := make([]ID, 0, len(to))
	for _, p := range to {
		id := IDOf(p.Address)
		if _, twice := people[id]; p.Address.Domain != "" && !twice {
			people[id], ids = p, append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := s.Some(t, account, ids)
	if err != nil {
		return err
	}
	before := make(map[ID]Contact, len(found))
	for _, c := range found {
		before[c.ID] = c
	}
	for _, id := range ids {
		c, known := before[id]
		if !known {
			c = Contact{ID: id, Address: people[id].Address, Created: t.Now()}
		}
		if c.write(t.Now(), IDOf(own), people[id].Name) {
			put(t, account, c, !known)
		}
	}
	return nil
}

// write notes a message to a contact and reports whether that is news.
func (c *Contact) write(now time.Time, own ID, name string) (news bool) {
	if age := now.Sub(c.Wrote); age >= Day || age < 0 {
		c.Days++
		c.Wrote, news = now, true
	}
	if !slices.Contains(c.own, own) {
		c.own, news = append([]ID{own}, c.own[:min(len(c.own), maxOwn-1)]...), true
	}
	if name = cleanName(name); c.Name == "" && name != "" {
		c.Name, news = name, true
	}
	return news
}

// put writes a row and tells the change.
func put(t *tx.Tx, account mail.AccountID, c Contact, fresh bool) {
	op := tx.Updated
	if fresh {
		op = tx.Created
	}
	t.Changed(tx.Change{Account: account, Kind: tx.KindContact, Op: op, Object: int64(c.ID)})
	var wrote int64
	if !c.Wrote.IsZero() {
		wrote = c.Wrote.UnixMilli()
	}
	t.SQL().Queue(`INSERT INTO contact (account_id, id, address, name, standing, shown, days, wrote, created, own)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (account_id, id) DO UPDATE SET name = excluded.name, standing = excluded.standing, shown = excluded.shown,
			days = excluded.days, wrote = excluded.wrote, own = excluded.own`,
		account, c.ID, c.Address.String(), c.Name, c.standing(), c.Shown, c.Days, wrote, c.Created, appendOwn(c.own))
}

var heardText = db.Text{
	One: `SELECT account_id, ` + contactColumns + ` FROM contact WHERE account_id = $2 AND id = $1`,
	Many: `SELECT wanted.n, account_id, ` + contactColumns + ` FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS wanted (wanted_id, wanted_account, n)
		JOIN contact ON account_id = wanted_account AND id = wanted_id`,
}

// Heard notes that mail of somebody comes to accounts, which are locked, and returns what the sender is to those who have it as
// a contact. It belongs to the commit that delivers the mail.
func (s *Store) Heard(t *tx.Tx, from Person, accounts []mail.AccountID) (map[mail.AccountID]Contact, error) {
	if from.Address.Domain == "" || len(accounts) == 0 {
		return nil, nil
	}
	b := t.SQL().Batch()
	defer b.Close()
	if len(accounts) == 1 {
		b.QueryText(&heardText, IDOf(from.Address), accounts[0])
	} else {
		args := make([]any, 1, 1+len(accounts))
		args[0] = IDOf(from.Address)
		for _, a := range accounts {
			args = append(args, a)
		}
		b.Query(`SELECT account_id, `+contactColumns+` FROM contact WHERE account_id IN (`+marks(1, len(accounts))+`) AND id = $1`, args...)
	}
	rows, err := b.Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out map[mail.AccountID]Contact
	for rows.Next() {
		var account mail.AccountID
		c, err := scan(func(dest ...any) error { return rows.Scan(append([]any{&account}, dest...)...) })
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = make(map[mail.AccountID]Contact)
		}
		out[account] = c
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	rows.Close()
	for account, c := range out {
		if c.Name == "" && from.Name != "" && c.Known() {
			if c.Name = cleanName(from.Name); c.Name == "" {
				continue
			}
			out[account] = c
			put(t, account, c, false)
		}
	}
	return out, nil
}

// cleanName makes of what a message says a name to show: one line, without what changes how a line reads, and not too long.
func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Bidi_Control, r):
			return -1
		case unicode.IsControl(r), unicode.IsSpace(r):
			return ' '
		}
		return r
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	for len(name) > MaxName {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	return strings.TrimSpace(name)
}
