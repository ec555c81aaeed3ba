package contacts

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Consent says to whom something is told.
type Consent int

const (
	AsAccount Consent = iota // of a contact: as the account has it
	Never
	Known // of an account: to contacts that it knows
	Always
)

// Setting is what an account lets others see. Presence, Typing and Reading are mutual: who does not show a thing does not see it of others
// either.
type Setting struct {
	Presence  bool    // mutual contacts see that the person is there; without it they see none of the following either
	Typing    bool    // and that they are writing
	Reading   bool    // and what they are reading
	Displayed Consent // whether senders learn that their mail was displayed: Never, Known, Always
}

// DefaultSetting holds for an account that has chosen nothing.
var DefaultSetting = Setting{Presence: true, Typing: true, Reading: true, Displayed: Known}

// Setting returns what an account has chosen.
func (s *Store) Setting(t *tx.Tx, account mail.AccountID) (Setting, error) {
	var v Setting
	err := t.SQL().QueryRow(`SELECT presence, typing, reading, displayed FROM sharing WHERE account_id = $1`, account).
		Scan(&v.Presence, &v.Typing, &v.Reading, &v.Displayed)
	if errors.Is(err, db.ErrNoRows) {
		return DefaultSetting, nil
	}
	return v, err
}

// SetSetting changes it. The account is locked.
func (s *Store) SetSetting(t *tx.Tx, account mail.AccountID, to Setting) error {
	if to.Displayed != Never && to.Displayed != Known && to.Displayed != Always {
		return mail.E("contacts.SetSetting", mail.Invalid, fmt.Errorf("who learns that mail was displayed is nobody, contacts, or everybody; not %d", to.Displayed))
	}
	s.revoke(t, account)
	t.Changed(tx.Change{Account: account, Kind: tx.KindRules, Op: tx.Updated, Object: int64(account)})
	t.SQL().Queue(`INSERT INTO sharing (account_id, presence, typing, reading, displayed) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account_id) DO UPDATE SET presence = excluded.presence, typing = excluded.typing, reading = excluded.reading,
			displayed = excluded.displayed`, account, to.Presence, to.Typing, to.Reading, to.Displayed)
	return nil
}

// Shows reports whether an account lets a sender learn that a message of theirs was displayed.
func (s *Store) Shows(t *tx.Tx, account mail.AccountID, sender mail.Address) (bool, error) {
	c, err := s.Of(t, account, sender)
	if err != nil || c.Blocked || c.Shown == Never || c.Shown == Always {
		return err == nil && !c.Blocked && c.Shown == Always, err
	}
	v, err := s.Setting(t, account)
	return err == nil && (v.Displayed == Always || v.Displayed == Known && c.Known()), err
}

// Settings returns what each of some accounts has chosen.
func (s *Store) Settings(t *tx.Tx, accounts []mail.AccountID) (map[mail.AccountID]Setting, error) {
	out := make(map[mail.AccountID]Setting, len(accounts))
	for some := range slices.Chunk(accounts, MaxPage) {
		args := make([]any, len(some))
		for i, a := range some {
			args[i], out[a] = a, DefaultSetting
		}
		if err := readSettings(t, out, args); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func readSettings(t *tx.Tx, out map[mail.AccountID]Setting, accounts []any) error {
	rows, err := t.SQL().Query(`SELECT account_id, presence, typing, reading, displayed FROM sharing WHERE account_id IN (`+
		marks(0, len(accounts))+`)`, accounts...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a mail.AccountID
		var v Setting
		if err := rows.Scan(&a, &v.Presence, &v.Typing, &v.Reading, &v.Displayed); err != nil {
			return err
		}
		out[a] = v
	}
	return rows.Err()
}
