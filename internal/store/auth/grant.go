package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Question is what a program asks of whoever signs in.
type Question struct {
	Client    string // client_id
	Name      string // what it calls itself
	Redirect  string
	Scope     Scope
	Challenge string // RFC 7636 4.2: BASE64URL(SHA256(verifier))
}

// Tokens are what a program gets (RFC 6749 5.1).
type Tokens struct {
	Access, Refresh string
	Expires         time.Duration // of Access
	Scope           Scope
	Account         mail.AccountID
	Session         int64
}

var errAppPassword = errors.New("this is an app password, for one mail program: sign in with the password of the account")

// Ask keeps a question to somebody who has signed in, who is to answer it with Allow or Refuse within TicketTime. The ticket is the
// only way to it.
func (s *Store) Ask(ctx context.Context, in SignIn, q Question) (ticket string, err error) {
	if in.AppPassword != 0 {
		return "", mail.E("auth.Ask", mail.Denied, errAppPassword)
	}
	v := Session{Account: in.Account, Login: strings.TrimSpace(in.login), Client: q.Client, Name: q.Name, Redirect: q.Redirect, Scope: q.Scope,
		challenge: q.Challenge, secret: in.AppPassword, mark: in.secret, turn: asked}
	err = s.begin(ctx, &v, TicketTime)
	return s.text(token{ticketToken, v.Account, v.ID, asked, v.turned}), err
}

// begin keeps a new session, which lasts so long.
func (s *Store) begin(ctx context.Context, v *Session, lasts time.Duration) (err error) {
	if v.ID, err = s.tx.NewID(ctx); err != nil {
		return err
	}
	return s.tx.Write(ctx, []mail.AccountID{v.Account}, func(t *tx.Tx) error {
		if err := s.makeRoom(t, v.Account); err != nil {
			return err
		}
		v.Created, v.turned, v.Expires = t.Now(), t.Now(), t.Now().Add(lasts)
		if v.turn > allowed {
			t.Changed(tx.Change{Account: v.Account, Kind: tx.KindSignIn, Op: tx.Created, Object: v.ID})
		}
		_, err := t.SQL().Exec(`INSERT INTO session (`+sessionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
			v.Account, v.ID, v.Login, v.Client, v.Name, v.Redirect, int64(v.Scope), v.Created, t.Now().Truncate(time.Hour).UnixMilli(), v.Expires, v.challenge, v.secret,
			hex.EncodeToString(v.mark[:]), v.turn, v.turned)
		return err
	})
}

// Allow answers a question with yes. The code is what the program exchanges for tokens.
func (s *Store) Allow(ctx context.Context, ticket string) (v Session, code string, err error) {
	v, err = s.answer(ctx, ticket, func(t *tx.Tx, v Session) error {
		return s.advance(t, v, CodeTime)
	})
	return v, s.text(token{codeToken, v.Account, v.ID, allowed, v.turned}), err
}

// Refuse answers it with no.
func (s *Store) Refuse(ctx context.Context, ticket string) (Session, error) {
	return s.answer(ctx, ticket, func(t *tx.Tx, v Session) error { return s.RevokeSession(t, v.Account, v.ID) })
}

func (s *Store) answer(ctx context.Context, ticket string, do func(*tx.Tx, Session) error) (v Session, err error) {
	at, err := s.parseToken(ticket, ticketToken)
	if err != nil {
		return v, err
	}
	err = s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		if v, _, err = s.standing(t, at.account, at.session); err != nil {
			return err
		}
		if v.turn != asked {
			return refusedToken()
		}
		return do(t, v)
	})
	return v, err
}

// advance takes a session one turn on, which then lasts so long. Of several that try at once one succeeds.
func (s *Store) advance(t *tx.Tx, v Session, lasts time.Duration) error {
	n, err := t.SQL().Exec(`UPDATE session SET turn = $4, turned = $5, expires = $6, last_used = $7 WHERE account_id = $1 AND id = $2 AND turn = $3`,
		v.Account, v.ID, v.turn, v.turn+1, t.Now(), t.Now().Add(lasts), t.Now().Truncate(time.Hour).UnixMilli())
	if err == nil && n == 0 {
		err = refusedToken()
	}
	return err
}

// Exchange gives the program its first tokens for the code that it was sent (RFC 6749 4.1.3). It proves that it is the one that asked by
// the verifier (RFC 7636 4.6), and names the same client and redirect again. A code that comes a second time has been seen by
// others: the session ends (RFC 6749 4.1.2).
func (s *Store) Exchange(ctx context.Context, code, client, redirect, verifier string) (Tokens, error) {
	at, err := s.parseToken(code, codeToken)
	if err != nil {
		return Tokens{}, err
	}
	return s.turn(ctx, at, client, func(t *tx.Tx, v Session) (again bool, err error) {
		sum := sha256.Sum256([]byte(verifier))
		switch {
		case v.turn > allowed:
			return false, errReplayed
		case v.Redirect != redirect, subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(v.challenge)) != 1:
			return false, refusedToken()
		}
		t.Changed(tx.Change{Account: v.Account, Kind: tx.KindSignIn, Op: tx.Created, Object: v.ID}) // now it is there for its user
		return false, s.advance(t, v, SessionTime)
	})
}

// Refresh gives a program its next tokens for its last refresh token, which is then good for nothing (RFC 9700 4.14.2). An older one that
// comes again has been stolen, or its successor has: the session ends. That the answer was lost on its way is no theft: for a
// short time the token before the last one brings the last one again.
func (s *Store) Refresh(ctx context.Context, refresh, client string) (Tokens, error) {
	at, err := s.parseToken(refresh, refreshToken)
	if err != nil {
		return Tokens{}, err
	}
	return s.turn(ctx, at, client, func(t *tx.Tx, v Session) (again bool, err error) {
		switch {
		case at.turn == v.turn:
			return false, s.advance(t, v, SessionTime)
		case at.turn == v.turn-1 && at.turn > allowed && t.Now().Sub(v.turned) < retryTime:
			return true, nil
		}
		return false, errReplayed
	})
}

// errReplayed ends a session.
var errReplayed = errors.New("a token was used again")

// turn takes a session on by do and returns the tokens of its new turn, or, where do says again, of the one that it is in.
func (s *Store) turn(ctx context.Context, at token, client string, do func(*tx.Tx, Session) (again bool, err error)) (out Tokens, err error) {
	replayed := false
	var v Session
	var lock []mail.AccountID
	if at.kind == codeToken {
		lock = []mail.AccountID{at.account}
	}
	err = s.tx.Write(ctx, lock, func(t *tx.Tx) error {
		var err error
		if v, _, err = s.standing(t, at.account, at.session); err != nil {
			return err
		}
		if v.Client != client { // RFC 6749 5.2: it was given to another
			return refusedToken()
		}
		again, err := do(t, v)
		if replayed = errors.Is(err, errReplayed); replayed {
			return nil
		}
		if !again {
			v.turn++
		}
		out = Tokens{Expires: AccessTime, Scope: v.Scope, Account: v.Account, Session: v.ID,
			Access:  s.text(token{accessToken, v.Account, v.ID, v.turn, t.Now()}),
			Refresh: s.text(token{refreshToken, v.Account, v.ID, v.turn, v.Created})}
		return err
	})
	if replayed {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a token was used again: its session ends", slog.Any("account", v.Account), slog.Int64("session", v.ID), slog.String("client", v.Client))
		return Tokens{}, errors.Join(refusedToken(), s.end(ctx, at))
	}
	if mail.Is(err, mail.Gone) { // the account
		err = refusedToken()
	}
	if err != nil {
		return Tokens{}, err
	}
	return out, nil
}

// Revoke ends the session that a token belongs to (RFC 7009 2.1), whichever of its tokens it is. One that is not valid needs no revoking.
func (s *Store) Revoke(ctx context.Context, text string) error {
	at, err := s.parseToken(text, refreshToken, accessToken)
	if err != nil {
		return nil
	}
	return s.end(ctx, at)
}

// end ends the session of a token.
func (s *Store) end(ctx context.Context, at token) error {
	err := s.tx.Write(ctx, []mail.AccountID{at.account}, func(t *tx.Tx) error {
		return s.RevokeSession(t, at.account, at.session)
	})
	if mail.Is(err, mail.NotFound) || mail.Is(err, mail.Gone) {
		return nil
	}
	return err
}

// Bearer signs in with an access token. The error is mail.Denied with ErrToken, mail.Disabled, or what the store says. Nothing waits and
// nothing is counted: there is nothing to guess.
func (s *Store) Bearer(ctx context.Context, access string) (SignIn, error) {
	at, err := s.parseToken(access, accessToken)
	if err != nil {
		return SignIn{}, err
	}
	var v Session
	var k known
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		var err error
		v, k, err = s.standing(t, at.account, at.session)
		k.now = t.Now()
		return err
	})
	switch {
	case err != nil:
		return SignIn{}, err
	case v.turn <= allowed, k.now.Sub(at.issued) >= AccessTime:
		return SignIn{}, refusedToken()
	}
	s.noteSession(ctx, v, k.now)
	return SignIn{Account: v.Account, AppPassword: v.secret, login: v.Login, secret: v.mark, session: v.ID, scope: v.Scope}, nil
}

// noteSession is noteUse for a session, which then lasts until v.Expires.
func (s *Store) noteSession(ctx context.Context, v Session, now time.Time) {
	hour := now.Truncate(time.Hour)
	if !v.LastUsed.Before(hour) {
		return
	}
	err := s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		t.SQL().Queue(`UPDATE session SET last_used = $3, expires = $4 WHERE account_id = $1 AND id = $2 AND last_used < $3`, v.Account, v.ID, hour.UnixMilli(), v.Expires)
		return nil
	})
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "the time of a sign-in was not kept", slog.Any("account", v.Account), slog.Any("error", err))
	}
}
