package contacts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// wrote reports that the account's half of being mutual holds.
func (c *Contact) wrote() bool { return c.Days > 0 && !c.Blocked }

// answered finds who the account is to the contact's owner, of whom theirs are contacts: they have written back, to an address that the
// account used, from the one it knows.
func (c *Contact) answered(theirs []Contact) (as Contact, ok bool) {
	for _, own := range c.own { // that used last first
		i := slices.IndexFunc(theirs, func(t Contact) bool { return t.ID == own })
		if i >= 0 && theirs[i].wrote() && slices.Contains(theirs[i].own, c.ID) {
			return theirs[i], true
		}
	}
	return Contact{}, false
}

// Peer is somebody to whom the account's half of being mutual holds, and the account that is.
type Peer struct {
	Contact Contact
	Account mail.AccountID
}

// Peers returns the contacts whom the account has written to and does not block, at most limit of them: those it wrote to last.
func (s *Store) Peers(t *tx.Tx, account mail.AccountID, limit int) ([]Contact, error) {
	list, err := s.Recent(t, account, limit)
	return slices.DeleteFunc(list, func(c Contact) bool { return !c.wrote() }), err
}

// MutualOf returns those of the peers of an account who are mutual with it, and who it is to each of them.
func (s *Store) MutualOf(t *tx.Tx, account mail.AccountID, peers []Peer) (as map[mail.AccountID]Contact, err error) {
	as = make(map[mail.AccountID]Contact)
	for some := range slices.Chunk(peers, 50) {
		theirs, err := s.theirs(t, some)
		if err != nil {
			return nil, err
		}
		for _, p := range some {
			if _, known := as[p.Account]; known || p.Account == account {
				continue
			}
			if c, ok := p.Contact.answered(theirs[p.Account]); ok {
				as[p.Account] = c
			}
		}
	}
	return as, nil
}

// theirs reads what the account's addresses are to each peer, in one question.
func (s *Store) theirs(t *tx.Tx, peers []Peer) (map[mail.AccountID][]Contact, error) {
	var pairs strings.Builder
	var args []any
	for _, p := range peers {
		for _, own := range p.Contact.own {
			args = append(args, p.Account, own)
			// PostgreSQL takes the parameters of a VALUES list for text.
			fmt.Fprintf(&pairs, ", (CAST($%d AS BIGINT), CAST($%d AS BIGINT))", len(args)-1, len(args))
		}
	}
	out := make(map[mail.AccountID][]Contact)
	if len(args) == 0 {
		return out, nil
	}
	rows, err := t.SQL().Query(`SELECT account_id, `+contactColumns+` FROM contact WHERE (account_id, id) IN (VALUES `+
		pairs.String()[2:]+`)`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var account mail.AccountID
		c, err := scan(func(dest ...any) error { return rows.Scan(append([]any{&account}, dest...)...) })
		if err != nil {
			return nil, err
		}
		out[account] = append(out[account], c)
	}
	return out, rows.Err()
}

// WroteFrom returns which of an account's own addresses it has written to the contact from last.
func (c *Contact) WroteFrom(own []mail.Address) (mail.Address, bool) {
	for _, id := range c.own {
		if i := slices.IndexFunc(own, func(a mail.Address) bool { return IDOf(a) == id }); i >= 0 {
			return own[i], true
		}
	}
	return mail.Address{}, false
}

// maxBlocked is how many blocked contacts are read: more than anybody blocks by hand.
const maxBlocked = 1000

// Blocked returns the contacts that an account blocks.
func (s *Store) Blocked(t *tx.Tx, account mail.AccountID) ([]Contact, error) {
	return scanAll(t.SQL().Query(selectContact+`WHERE account_id = $1 AND (standing & 2) <> 0 LIMIT $2`, account, maxBlocked))
}

// Blockers returns which of the accounts block any of some addresses.
func (s *Store) Blockers(t *tx.Tx, addresses []mail.Address, accounts []mail.AccountID) (map[mail.AccountID]bool, error) {
	out := map[mail.AccountID]bool{}
	for some := range slices.Chunk(accounts, MaxPage) {
		for few := range slices.Chunk(addresses, MaxPage) {
			if err := blockers(t, few, some, out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func blockers(t *tx.Tx, addresses []mail.Address, accounts []mail.AccountID, out map[mail.AccountID]bool) error {
	args := make([]any, 0, len(accounts)+len(addresses))
	for _, a := range accounts {
		args = append(args, a)
	}
	for _, a := range addresses {
		args = append(args, IDOf(a))
	}
	rows, err := t.SQL().Query(`SELECT account_id FROM contact WHERE account_id IN (`+marks(0, len(accounts))+`)
		AND id IN (`+marks(len(accounts), len(addresses))+`) AND (standing & 2) <> 0`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var account mail.AccountID
		if err := rows.Scan(&account); err != nil {
			return err
		}
		out[account] = true
	}
	return rows.Err()
}

// marks are n parameters of a statement, behind some others.
func marks(behind, n int) string {
	b := make([]byte, 0, 4*n)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, '$'), int64(behind+i+1), 10)
	}
	return string(b)
}
