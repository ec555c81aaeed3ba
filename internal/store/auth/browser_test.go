package auth

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// browse signs ann in with a browser.
func (w *world) browse(t testing.TB, keep bool) string {
	t.Helper()
	cookie, v, err := w.BeginBrowser(t.Context(), w.want(t, "ann@example.org", annPassword, ""), Begin{Name: "Firefox on Linux", Keep: keep})
	if err != nil || !v.IsBrowser() || v.Name != "Firefox on Linux" {
		t.Fatalf("%+v, %v", v, err)
	}
	return cookie
}

func (w *world) takes(t testing.TB, cookie string) bool {
	t.Helper()
	b, err := w.Cookie(t.Context(), cookie)
	if err != nil && !mail.Is(err, mail.Denied) && !mail.Is(err, mail.Disabled) {
		t.Fatal(err)
	}
	if err == nil && (b.Account != annID || b.Login() != "ann@example.org" || b.Scope() != AllMail || b.Session() == 0 || b.AppPassword != 0) {
		t.Errorf("signed in as %+v", b)
	}
	return err == nil
}

func TestCookie(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cookie := w.browse(t, false)
		if !w.takes(t, cookie) {
			t.Fatal("a fresh cookie signs in nobody")
		}
		b, _ := w.Cookie(t.Context(), cookie)
		if b.Keep || w.Recheck(t.Context(), b.SignIn) != nil {
			t.Errorf("%+v", b)
		}
		if kept, _ := w.Cookie(t.Context(), w.browse(t, true)); !kept.Keep {
			t.Error("that a cookie is kept is not known")
		}
		program := w.tokens(t)
		for name, wrong := range map[string]string{
			"none": "", "garbage": "mmw_x", "kept of itself": strings.Replace(cookie, "mmw_", "mmk_", 1), "changed": cookie[:len(cookie)-2] + "AA",
			"a program's access token": program.Access, "a program's refresh token": program.Refresh,
		} {
			if w.takes(t, wrong) {
				t.Errorf("%s signs in", name)
			}
		}
		if _, err := w.Bearer(t.Context(), cookie); !mail.Is(err, mail.Denied) {
			t.Errorf("a cookie is taken for a token: %v", err)
		}
		if err := w.EndBrowser(t.Context(), cookie); err != nil || w.takes(t, cookie) || w.Recheck(t.Context(), b.SignIn) == nil {
			t.Errorf("ended, and it stands (%v)", err)
		}
	})
}

// A session lasts from its last use on, an open connection being one; one that is kept for longer.
func TestBrowserTimes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		short, kept := w.browse(t, false), w.browse(t, true)
		for range 3 {
			w.later(t, BrowserTime-time.Hour)
			if !w.takes(t, short) || !w.takes(t, kept) {
				t.Fatal("a session that is used ends")
			}
		}
		in, err := w.Cookie(t.Context(), short)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			w.later(t, BrowserTime-time.Hour)
			if err := w.Recheck(t.Context(), in.SignIn); err != nil {
				t.Fatal("a session with an open connection ends")
			}
		}
		w.later(t, BrowserTime+time.Hour)
		if w.takes(t, short) || !w.takes(t, kept) {
			t.Error("after days without use: the one that is not kept is to end, the other not")
		}
		w.later(t, KeptTime+time.Hour)
		if w.takes(t, kept) {
			t.Error("a session that nobody uses for months stands")
		}
	})
}

// An app password is for one mail program, and does not sign in a browser.
func TestNoBrowserByAppPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.want(t, "ann@example.org", annPassword, "")
		in.AppPassword = 7
		if _, _, err := w.BeginBrowser(t.Context(), in, Begin{}); !mail.Is(err, mail.Denied) {
			t.Errorf("signed in: %v", err)
		}
	})
}

func TestChangePassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		mine, other, program := w.browse(t, false), w.browse(t, true), w.tokens(t)
		b, err := w.Cookie(ctx, mine)
		if err != nil {
			t.Fatal(err)
		}
		old := func(password string) Attempt { return Attempt{Login: b.Login(), Password: password} }
		for name, c := range map[string]struct {
			old, new string
			want     mail.Kind
		}{"wrong": {"not it at all", "another password", mail.Denied}, "short": {annPassword, "short", mail.Invalid}, "empty": {annPassword, "", mail.Invalid}} {
			if err := w.ChangePassword(ctx, b.SignIn, old(c.old), c.new); !mail.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if !w.takes(t, other) || !w.good(t, program) {
			t.Error("a refused change ends sessions")
		}
		if err := w.ChangePassword(ctx, b.SignIn, old(annPassword), "another password"); err != nil {
			t.Fatal(err)
		}
		if !w.takes(t, mine) || w.Recheck(ctx, b.SignIn) != nil {
			t.Error("who has changed the password is signed out")
		}
		if w.takes(t, other) || w.good(t, program) {
			t.Error("another session stands")
		}
		if _, err := w.Verify(ctx, old("another password")); err != nil {
			t.Errorf("the new password: %v", err)
		}
		if _, err := w.Verify(ctx, old(annPassword)); err == nil {
			t.Error("the old password signs in")
		}
		w.write(t, func(t *tx.Tx) error { return w.RevokeSession(t, annID, b.Session()) })
		if err := w.ChangePassword(ctx, b.SignIn, old("another password"), "a third password"); !mail.Is(err, mail.Denied) {
			t.Errorf("signed out, and it changes the password: %v", err)
		}
	})
}

// Those who list sessions hear of each that begins and ends, by whatever way; of questions they never hear.
func TestSessionsAreLogged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		var since mail.ModSeq
		read := func(fn func(*tx.Tx) error) {
			t.Helper()
			if err := w.tx.Read(ctx, fn); err != nil {
				t.Fatal(err)
			}
		}
		wantLog := func(what string, want ...tx.Op) {
			t.Helper()
			var got []tx.Op
			rang := false
			read(func(t *tx.Tx) error {
				got, rang = nil, false
				return t.Changes(annID, since, func(c tx.Change) bool {
					if c.Kind == tx.KindSignIn {
						got = append(got, c.Op)
					}
					rang = rang || c.Kind == tx.KindSettings
					since = max(since, c.ModSeq)
					return true
				})
			})
			if !slices.Equal(got, want) || slices.Contains(want, tx.Destroyed) && !rang {
				t.Errorf("%s: %v, and the doors are told: %v", what, got, rang)
			}
		}
		cookie := w.browse(t, false)
		wantLog("signed in", tx.Created)
		code := w.code(t)
		if _, err := w.Refuse(ctx, w.ask(t)); err != nil {
			t.Fatal(err)
		}
		wantLog("asked")
		tokens, err := w.Exchange(ctx, code, "client", redirect, verifier)
		if err != nil {
			t.Fatal(err)
		}
		wantLog("let in", tx.Created)
		if tokens, err = w.Refresh(ctx, tokens.Refresh, "client"); err != nil {
			t.Fatal(err)
		}
		wantLog("refreshed")
		if err := w.Revoke(ctx, tokens.Refresh); err != nil {
			t.Fatal(err)
		}
		wantLog("revoked", tx.Destroyed)
		if err := w.EndBrowser(ctx, cookie); err != nil {
			t.Fatal(err)
		}
		wantLog("signed out", tx.Destroyed)
		w.browse(t, false)
		w.browse(t, true)
		w.later(t, BrowserTime+time.Hour)
		if _, err := w.ForgetSessions(ctx, 10); err != nil {
			t.Fatal(err)
		}
		wantLog("expired", tx.Created, tx.Created, tx.Destroyed)
		w.setPassword(t, annID, "another password")
		wantLog("another password", tx.Destroyed)
	})
}

// A password that was set by a server of a release before this, beside it on one database, ends sessions all the same.
func TestPasswordOfAnOlderRelease(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cookie, tokens := w.browse(t, true), w.tokens(t)
		w.write(t, func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE credential SET verifier = (SELECT verifier FROM credential WHERE account_id = $2 AND id = 0) WHERE account_id = $1 AND id = 0`, annID, bobID)
			return err
		})
		if w.takes(t, cookie) || w.good(t, tokens) {
			t.Error("a session stands")
		}
		if list := w.sessions(t, annID); len(list) != 0 {
			t.Errorf("listed are %+v", list)
		}
	})
}
