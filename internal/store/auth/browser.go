package auth

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// browserClient stands for a client_id in the session of a browser that shows the web client. No program has it: the sign-in page wants
// one character at least.
const browserClient = ""

// Times of a browser's session. Each use begins them anew, as does an open connection.
const (
	BrowserTime = 72 * time.Hour // of one that forgets its cookie when it is closed: the weekend of a computer that sleeps
	KeptTime    = SessionTime    // of one that the user wants to stay signed in
)

// Browser is the sign-in of a browser that shows the web client.
type Browser struct {
	SignIn
	Keep bool // after it was closed
}

// IsBrowser reports whether a session is that of a browser, and not of a program that was let in.
func (v Session) IsBrowser() bool { return v.Client == browserClient }

// cookieKind is the token of a browser. That it is to be kept stands in the cookie alone, which proves it.
func cookieKind(keep bool) tokenKind {
	if keep {
		return keptToken
	}
	return browserToken
}

func (k tokenKind) lasts() time.Duration {
	switch k {
	case browserToken:
		return BrowserTime
	case keptToken:
		return KeptTime
	}
	return 0
}

// Begin is what BeginBrowser begins with.
type Begin struct {
	Name string // of the browser, for its user to know it again
	Keep bool
}

// BeginBrowser begins the session of a browser in which somebody has just given the account's password. The cookie signs in (Cookie)
// until the session ends.
func (s *Store) BeginBrowser(ctx context.Context, in SignIn, b Begin) (cookie string, v Session, err error) {
	if in.AppPassword != 0 {
		return "", v, mail.E("auth.BeginBrowser", mail.Denied, errAppPassword)
	}
	kind := cookieKind(b.Keep)
	v = Session{Account: in.Account, Login: strings.TrimSpace(in.login), Client: browserClient, Name: b.Name, Scope: AllMail, secret: in.AppPassword, mark: in.secret, turn: allowed + 1}
	err = s.begin(ctx, &v, kind.lasts())
	return s.text(token{kind, v.Account, v.ID, v.turn, v.turned}), v, err
}

// Cookie signs in with a browser's cookie. The error is mail.Denied with ErrToken, mail.Disabled, or what the store says.
func (s *Store) Cookie(ctx context.Context, cookie string) (Browser, error) {
	at, err := s.parseToken(cookie, browserToken, keptToken)
	if err != nil {
		return Browser{}, err
	}
	b := Browser{SignIn{Account: at.account, session: at.session, lasts: at.kind.lasts()}, at.kind == keptToken}
	v, err := s.standsNow(ctx, b.SignIn)
	if err != nil {
		return Browser{}, err
	}
	if !v.IsBrowser() {
		return Browser{}, refusedToken()
	}
	b.AppPassword, b.login, b.secret, b.scope = v.secret, v.Login, v.mark, v.Scope
	return b, nil
}

// standsNow reads the session of a sign-in, which is thereby used if it is a browser's.
func (s *Store) standsNow(ctx context.Context, in SignIn) (v Session, err error) {
	var now time.Time
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		now = t.Now()
		v, _, err = s.standing(t, in.Account, in.session)
		return err
	})
	if err == nil && in.lasts > 0 {
		v.Expires = now.Add(in.lasts)
		s.noteSession(ctx, v, now)
	}
	return v, err
}

// EndBrowser ends the session of a cookie, if it has one.
func (s *Store) EndBrowser(ctx context.Context, cookie string) error {
	at, err := s.parseToken(cookie, browserToken, keptToken)
	if err != nil {
		return nil
	}
	return s.end(ctx, at)
}

// ChangePassword gives an account another password, for who is signed in and knows the old one, which the attempt holds. All other sessions
// that were signed in with the old one end, the one that is used stays; app passwords stay, too. The error is that of Verify, or
// mail.Invalid for a new password that nobody may have.
func (s *Store) ChangePassword(ctx context.Context, in SignIn, old Attempt, password string) error {
	if _, err := checkChosen(password); err != nil { // before the brakes count anything
		return mail.E("auth.ChangePassword", mail.Invalid, err)
	}
	now, err := s.Verify(ctx, old)
	if err != nil {
		return err
	}
	if now.Account != in.Account || now.AppPassword != 0 {
		return mail.E("auth.ChangePassword", mail.Denied, ErrCredentials)
	}
	hash, err := s.HashPassword(ctx, password)
	if err != nil {
		return err
	}
	return s.tx.Write(ctx, []mail.AccountID{in.Account}, func(t *tx.Tx) error {
		v, k, err := s.standing(t, in.Account, in.session)
		if err != nil {
			return err
		}
		if k.mark(passwordRow) != now.secret { // another change came first
			return mail.E("auth.ChangePassword", mail.Denied, ErrCredentials)
		}
		t.Changed(tx.Change{Account: in.Account, Kind: tx.KindSettings, Op: tx.Updated}) // connections that were signed in with the old one end
		if err := s.remark(t, v, hash); err != nil {
			return err
		}
		return s.SetPassword(t, in.Account, hash)
	})
}

// remark has a session stand by the account's new password.
func (s *Store) remark(t *tx.Tx, v Session, hash Hash) error {
	if v.secret != passwordRow {
		return nil
	}
	m := markOf(string(hash))
	_, err := t.SQL().Exec(`UPDATE session SET mark = $3 WHERE account_id = $1 AND id = $2`, v.Account, v.ID, hex.EncodeToString(m[:]))
	return err
}
