package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits of sessions.
const (
	MaxSessions = 100 // of an account; one more ends the one that was not used for longest

	AccessTime  = time.Hour           // that an access token is good for
	TicketTime  = 10 * time.Minute    // that the question of the sign-in page may stay unanswered
	CodeTime    = time.Minute         // that a code waits to be exchanged (RFC 6749 4.1.2: at most ten)
	SessionTime = 90 * 24 * time.Hour // that a session lasts without being refreshed
	retryTime   = 30 * time.Second    // in which the last refresh token brings the same answer again
)

// Scope is what a program may do with the account that let it in.
type Scope uint8

const (
	ReadMail Scope = 1 << iota
	WriteMail
	SendMail
	AllMail = ReadMail | WriteMail | SendMail
)

// Session is a program that an account has let in on the sign-in page, or a browser that shows the web client.
type Session struct {
	ID       int64
	Account  mail.AccountID
	Login    string // the name that was signed in with
	Client   string // client_id; browserClient
	Name     string // what the program calls itself, or the browser claims to be: not to be believed
	Redirect string // where its code went
	Scope    Scope
	Created  time.Time
	LastUsed time.Time // to the hour
	Expires  time.Time

	challenge string // RFC 7636 4.2, S256
	secret    int64  // the credential that was signed in with
	mark      mark   // of that
	turn      int64  // asked, allowed, or the number of the refresh token that counts
	turned    time.Time
}

// A session's turns before its first tokens.
const (
	asked   = -1
	allowed = 0
)

const sessionColumns = `account_id, id, login, client, name, redirect, scope, created, last_used, expires, challenge, secret, mark, turn, turned`

func (v *Session) scan(row interface{ Scan(...any) error }) error {
	var used int64
	var text string
	err := row.Scan(&v.Account, &v.ID, &v.Login, &v.Client, &v.Name, &v.Redirect, &v.Scope, &v.Created, &used, &v.Expires, &v.challenge, &v.secret,
		&text, &v.turn, &v.turned)
	if err != nil {
		return err
	}
	v.LastUsed = time.UnixMilli(used).UTC()
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != sha256.Size {
		return errors.New("auth: a session has no proper mark")
	}
	v.mark = mark(raw)
	return nil
}

// session reads one, the error is a refusal where it is not there or has expired.
func (s *Store) session(t *tx.Tx, account mail.AccountID, id int64) (v Session, err error) {
	rows, err := t.SQL().Query(`SELECT `+sessionColumns+` FROM session WHERE account_id = $1 AND id = $2 AND expires > $3`, account, id, t.Now())
	if err != nil {
		return v, err
	}
	defer rows.Close()
	if !rows.Next() {
		return v, errors.Join(rows.Err(), refusedToken())
	}
	return v, v.scan(rows)
}

// standing reads a session together with what is known of its account: it is refused once what it was signed in with has changed,
// the account is switched off, or its name is another's.
func (s *Store) standing(t *tx.Tx, account mail.AccountID, id int64) (v Session, k known, err error) {
	if v, err = s.session(t, account, id); err != nil {
		return v, k, err
	}
	if k, err = s.knowIn(t, v.Login); err != nil {
		return v, k, err
	}
	switch {
	case !v.isOf(&k):
		return v, k, refusedToken()
	case k.disabled:
		return v, k, mail.E("auth.Bearer", mail.Disabled, errDisabled)
	}
	return v, k, nil
}

// Sessions lists the programs that an account has let in and its browsers, the oldest first: those whose sign-in still stands.
func (s *Store) Sessions(t *tx.Tx, account mail.AccountID) (out []Session, err error) {
	all, err := begun(t, account)
	if err != nil {
		return nil, err
	}
	knows := map[string]known{}
	for _, v := range all {
		k, asked := knows[v.Login]
		if !asked {
			if k, err = s.knowIn(t, v.Login); err != nil {
				return nil, err
			}
			knows[v.Login] = k
		}
		if v.isOf(&k) {
			out = append(out, v)
		}
	}
	return out, nil
}

// begun reads the sessions that are no questions any more.
func begun(t *tx.Tx, account mail.AccountID) (all []Session, err error) {
	rows, err := t.SQL().Query(`SELECT `+sessionColumns+` FROM session WHERE account_id = $1 AND turn > $2 AND expires > $3 ORDER BY id`, account, allowed, t.Now())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v Session
		if err := v.scan(rows); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// isOf reports whether what a session was signed in with is as it was then.
func (v *Session) isOf(k *known) bool { return k.account == v.Account && k.mark(v.secret) == v.mark }

// RevokeSession ends a session: its tokens are good for nothing from this commit on, on every node, and the doors look at once which
// connections may stay open.
func (s *Store) RevokeSession(t *tx.Tx, account mail.AccountID, id int64) error {
	n, err := s.endWhere(t, account, `id = $2`, id)
	if err == nil && n == 0 {
		err = mail.E("auth.RevokeSession", mail.NotFound, errors.New("the account has no session with this id"))
	}
	return err
}

// EndSessions ends all sessions of an account.
func (s *Store) EndSessions(t *tx.Tx, account mail.AccountID) error {
	_, err := s.endWhere(t, account, `id <> $2`, 0)
	return err
}

// endWhere ends the sessions of an account of which a condition on $2 holds, and notes it for those who list them and for the doors. Nobody
// has seen questions: whoever ends nothing else need not have locked the account.
func (s *Store) endWhere(t *tx.Tx, account mail.AccountID, condition string, arg any) (n int, err error) {
	rows, err := t.SQL().Query(`DELETE FROM session WHERE account_id = $1 AND `+condition+` RETURNING id, turn`, account, arg)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var ended []int64
	for ; rows.Next(); n++ {
		var id, turn int64
		if err := rows.Scan(&id, &turn); err != nil {
			return n, err
		}
		if turn > allowed {
			ended = append(ended, id)
		}
	}
	if err := rows.Err(); err != nil {
		return n, err
	}
	slices.Sort(ended)
	for _, id := range ended {
		t.Changed(tx.Change{Account: account, Kind: tx.KindSignIn, Op: tx.Destroyed, Object: id})
	}
	if len(ended) > 0 {
		t.Changed(tx.Change{Account: account, Kind: tx.KindSettings, Op: tx.Updated})
	}
	return n, nil
}

// ForgetSessions removes sessions that have expired, and questions that were not answered, of up to limit accounts, and returns of how many.
func (s *Store) ForgetSessions(ctx context.Context, limit int) (accounts int, err error) {
	var of []mail.AccountID
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		of = nil
		rows, err := t.SQL().Query(`SELECT DISTINCT account_id FROM session WHERE expires <= $1 LIMIT $2`, t.Now(), limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a mail.AccountID
			if err := rows.Scan(&a); err != nil {
				return err
			}
			of = append(of, a)
		}
		return rows.Err()
	})
	for _, account := range of {
		if err == nil {
			err = s.tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) error {
				_, err := s.endWhere(t, account, `expires <= $2`, t.Now())
				return err
			})
		}
		if mail.Is(err, mail.Gone) { // the account was removed meanwhile, with its sessions
			err = nil
		}
	}
	return len(of), err
}

// makeRoom ends the sessions that were not used for longest, until there is room for one more.
func (s *Store) makeRoom(t *tx.Tx, account mail.AccountID) error {
	_, err := s.endWhere(t, account, `id IN (SELECT id FROM session WHERE account_id = $1 ORDER BY last_used DESC, id DESC LIMIT 1000 OFFSET $2)`, MaxSessions-1)
	return err
}
