package auth

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// mark tells one secret from another that takes its place.
type mark [sha256.Size]byte

// Recheck says whether who signed in could do so again, without asking him: nil, or the error that an attempt would be
// answered with now. That is mail.Denied when the password was changed, the app password or the session revoked, the account removed
// or the name taken from it, and mail.Disabled when it was switched off. Any other error is the store's, and says nothing
// about the sign-in.
//
// A door calls it for sessions that are open, since what an operator or the owner takes away must end within a bounded
// time. It is one read of a few rows: cheap enough for once a minute, and for when the account's bell rings.
func (s *Store) Recheck(ctx context.Context, in SignIn) error {
	if in.session != 0 {
		_, err := s.standsNow(ctx, in)
		return err
	}
	k, err := s.know(ctx, in.login)
	switch {
	case err != nil:
		return err
	case in.Account == 0 || k.account != in.Account || k.mark(in.AppPassword) != in.secret:
		return mail.E("auth.Recheck", mail.Denied, ErrCredentials)
	case k.disabled:
		return mail.E("auth.Recheck", mail.Disabled, errDisabled)
	}
	return nil
}

// RecheckEvery is how long a session goes on after its sign-in was taken away.
const RecheckEvery = time.Minute

// Standing is the sign-in of a session that is open.
type Standing struct {
	SignIn
	checked time.Time // when it was last found good
}

// Stand begins a session with a sign-in.
func Stand(in SignIn) Standing { return Standing{in, time.Now()} }

// Stands is Recheck, where the last one is so long ago, for a session that is to end on an error: it returns none where the store
// cannot answer.
func (s *Store) Stands(ctx context.Context, st *Standing, every time.Duration) error {
	if time.Since(st.checked) < every {
		return nil
	}
	st.checked = time.Now()
	err := s.Recheck(ctx, st.SignIn)
	if mail.Is(err, mail.Denied) || mail.Is(err, mail.Disabled) {
		return err
	}
	return nil
}

// signIn is that of a name with one of the account's secrets.
func (k *known) signIn(login string, app int64) SignIn {
	return SignIn{Account: k.account, AppPassword: app, login: login, secret: k.mark(app)}
}

func markOf(verifier string) mark { return sha256.Sum256([]byte(verifier)) }

// mark is that of one of the account's secrets, zero when it has no such.
func (k *known) mark(id int64) (m mark) {
	if id == passwordRow {
		if k.password != nil {
			m = markOf(k.password.verifier)
		}
		return m
	}
	for _, c := range k.apps {
		if c.id == id {
			return markOf(c.verifier)
		}
	}
	return m
}
