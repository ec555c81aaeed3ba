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
