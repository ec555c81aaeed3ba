package directory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits of what is asked at once.
const (
	holderPage   = 100
	maxAddresses = 200 // of one account
)

// Holders says whose each of some addresses is: the account it leads to, and nobody else. It is 0 for an address of our domains
// that leads to several, to other servers, to nobody, or to what is switched off. What is not of our domains is left out. An
// address is taken as it stands: no "+detail" is cut off, and no catch-all answers.
func (s *Store) Holders(t *tx.Tx, addresses []mail.Address) (map[mail.Address]mail.AccountID, error) {
	out := make(map[mail.Address]mail.AccountID, len(addresses))
	for some := range slices.Chunk(addresses, holderPage) {
		asked := make(map[key][]mail.Address, len(some))
		var list strings.Builder
		var args []any
		for _, a := range some {
			k := keyOf(a)
			if asked[k] == nil {
				args = append(args, k.domain, k.local)
				fmt.Fprintf(&list, ", ($%d, $%d)", len(args)-1, len(args))
			}
			asked[k] = append(asked[k], a)
		}
		if err := readHolders(t, list.String()[2:], args, asked, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readHolders asks for pairs of domain and local part.
func readHolders(t *tx.Tx, pairs string, args []any, asked map[key][]mail.Address, out map[mail.Address]mail.AccountID) error {
	rows, err := t.SQL().Query(`WITH asked (domain, local) AS (VALUES `+pairs+`)
		SELECT asked.domain, asked.local, COUNT(a.account_id), COALESCE(MAX(x.account_id), 0),
			COALESCE(MAX(d.disabled + h.disabled + x.disabled), 1)
		FROM asked JOIN domain d ON d.name = asked.domain
		LEFT JOIN address a ON a.domain = asked.domain AND a.local = asked.local
		LEFT JOIN directory_account x ON x.account_id = a.account_id
		LEFT JOIN domain h ON h.name = x.domain
		GROUP BY asked.domain, asked.local`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k key
		var n, off int64
		var account mail.AccountID
		if err := rows.Scan(&k.domain, &k.local, &n, &account, &off); err != nil {
			return err
		}
		if n != 1 || off != 0 {
			account = 0
		}
		for _, a := range asked[k] {
			out[a] = account
		}
	}
	return rows.Err()
}

// AddressesOf returns the addresses that lead to an account and to nobody else: its own at first.
func (s *Store) AddressesOf(t *tx.Tx, account mail.AccountID) ([]mail.Address, error) {
	rows, err := t.SQL().Query(`SELECT a.domain, a.local FROM address a WHERE a.account_id = $1 AND NOT EXISTS
		(SELECT 1 FROM address o WHERE o.domain = a.domain AND o.local = a.local AND (o.account_id <> a.account_id OR o.target <> a.target))
		ORDER BY CASE WHEN a.kind = 'primary' THEN 0 ELSE 1 END, a.domain, a.local LIMIT $2`, account, maxAddresses)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []mail.Address
	for rows.Next() {
		var k key
		if err := rows.Scan(&k.domain, &k.local); err != nil {
			return nil, err
		}
		out = append(out, k.address())
	}
	return out, rows.Err()
}
