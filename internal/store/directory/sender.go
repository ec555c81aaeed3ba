package directory

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// SendsAs reports whether mail from an address may come from an account: whether the address is its own, or an alias that
// leads to it and to nobody else, with any "+detail" behind it. What the catch-all gets, and what it gets as postmaster of a
// domain that names none, is no address of the account's.
func (s *Store) SendsAs(t *tx.Tx, account mail.AccountID, a mail.Address) (bool, error) {
	k := keyOf(a)
	e, err := s.find(t, k, userOf(k.local))
	if err != nil || !e.ours || e.disabled || len(e.rows) == 0 {
		return false, err
	}
	w := walk{store: s, t: t}
	w.visit(k.address())
	if err := w.enter(k, e); err != nil {
		return false, err
	}
	if err := w.finish("directory.SendsAs", a); err != nil {
		switch mail.KindOf(err) {
		case mail.NotFound, mail.Disabled, mail.Limit:
			return false, nil
		}
		return false, err
	}
	return !w.off && len(w.out.Elsewhere)+len(w.out.Groups) == 0 && slices.Equal(w.out.Accounts, []mail.AccountID{account}), nil
}

// MaxOwnAddresses is how many addresses OwnAddresses returns.
const MaxOwnAddresses = 100

// OwnAddresses lists what an account may send from (SendsAs), its primary address first, at most MaxOwnAddresses.
func (s *Store) OwnAddresses(t *tx.Tx, account mail.AccountID) ([]mail.Address, error) {
	a, err := s.Account(t, account)
	if err != nil {
		return nil, err
	}
	rows, err := t.SQL().Query(`SELECT DISTINCT local, domain FROM address WHERE account_id = $1 ORDER BY domain, local LIMIT $2`,
		account, 2*MaxOwnAddresses)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []mail.Address{a.Address}
	for rows.Next() {
		var one mail.Address
		if err := rows.Scan(&one.Local, &one.Domain); err != nil {
			return nil, err
		}
		if keyOf(one) != keyOf(a.Address) {
			list = append(list, one)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	own := list[:0]
	for _, one := range list {
		sends, err := s.SendsAs(t, account, one)
		if err != nil {
			return nil, err
		}
		if sends && len(own) < MaxOwnAddresses {
			own = append(own, one)
		}
	}
	return own, nil
}
