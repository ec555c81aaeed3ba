package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	redirect = "http://127.0.0.1/back"
)

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

var question = Question{Client: "client", Name: "Program", Redirect: redirect, Scope: ReadMail | SendMail, Challenge: challenge(verifier)}

// ask has ann asked, who has given her password.
func (w *world) ask(t testing.TB) (ticket string) {
	t.Helper()
	ticket, err := w.Ask(t.Context(), w.want(t, "ann@example.org", annPassword, ""), question)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func (w *world) code(t testing.TB) string {
	t.Helper()
	v, code, err := w.Allow(t.Context(), w.ask(t))
	if err != nil || v.Client != "client" || v.Redirect != redirect {
		t.Fatalf("%+v, %v", v, err)
	}
	return code
}

func (w *world) tokens(t testing.TB) Tokens {
	t.Helper()
	tokens, err := w.Exchange(t.Context(), w.code(t), "client", redirect, verifier)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// good says whether an access token signs in.
func (w *world) good(t testing.TB, tokens Tokens) bool {
	t.Helper()
	in, err := w.Bearer(t.Context(), tokens.Access)
	if err == nil && (in.Account != annID || in.Login() != "ann@example.org" || in.Session() != tokens.Session || in.Scope() != question.Scope) {
		t.Errorf("signed in as %+v", in)
	}
	if err != nil && !errors.Is(err, ErrToken) {
		t.Errorf("the refusal is %v", err)
	}
	return err == nil
}

func (w *world) sessions(t testing.TB, account mail.AccountID) (list []Session) {
	t.Helper()
	w.write(t, func(t *tx.Tx) (err error) { list, err = w.Sessions(t, account); return err })
	return list
}

// later moves the time of all sessions back, as the database's clock cannot be moved.
func (w *world) later(t testing.TB, d time.Duration) {
	t.Helper()
	w.write(t, func(t *tx.Tx) error {
		_, err := t.SQL().Exec(`UPDATE session SET turned = turned - $1, expires = expires - $1, created = created - $1, last_used = last_used - $1`, d.Milliseconds())
		return err
	})
}

func TestGrant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ticket := w.ask(t)
		if list := w.sessions(t, annID); len(list) != 0 {
			t.Errorf("a question is a session: %+v", list)
		}
		_, code, err := w.Allow(t.Context(), ticket)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Allow(t.Context(), ticket); !mail.Is(err, mail.Denied) {
			t.Errorf("a question was answered twice: %v", err)
		}
		tokens, err := w.Exchange(t.Context(), code, "client", redirect, verifier)
		if err != nil || tokens.Scope != question.Scope || tokens.Expires != time.Hour {
			t.Fatalf("%+v, %v", tokens, err)
		}
		if !w.good(t, tokens) {
			t.Error("the access token does not sign in")
		}
		for i := range 3 {
			next, err := w.Refresh(t.Context(), tokens.Refresh, "client")
			if err != nil || next.Refresh == tokens.Refresh || !w.good(t, next) || !w.good(t, tokens) {
				t.Fatalf("refresh %d: %+v, %v", i, next, err)
			}
			tokens = next
		}
		list := w.sessions(t, annID)
		if len(list) != 1 || list[0].Name != "Program" || list[0].Client != "client" || list[0].Login != "ann@example.org" {
			t.Errorf("the sessions are %+v", list)
		}
		if err := w.Revoke(t.Context(), tokens.Refresh); err != nil || w.good(t, tokens) {
			t.Errorf("revoked, and still good: %v", err)
		}
		if err := w.Revoke(t.Context(), tokens.Refresh); err != nil {
			t.Errorf("revoked again: %v", err)
		}
	})
}

// A code serves whoever has the verifier, and no other; one that was used and comes again ends what came of it.
func TestCodeIsIntercepted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		code := w.code(t)
		for what, try := range map[string][3]string{"no verifier": {"client", redirect, ""}, "another verifier": {"client", redirect, strings.Repeat("x", 43)},
			"the challenge": {"client", redirect, question.Challenge}, "another client": {"evil", redirect, verifier}, "another redirect": {"client", redirect + "2", verifier}} {
			if _, err := w.Exchange(t.Context(), code, try[0], try[1], try[2]); !mail.Is(err, mail.Denied) {
				t.Errorf("%s: %v", what, err)
			}
		}
		tokens, err := w.Exchange(t.Context(), code, "client", redirect, verifier)
		if err != nil || !w.good(t, tokens) {
			t.Fatalf("the program itself: %v", err)
		}
		if _, err := w.Exchange(t.Context(), code, "client", redirect, "stolen"); !mail.Is(err, mail.Denied) {
			t.Errorf("a code was used twice: %v", err)
		}
		if w.good(t, tokens) {
			t.Error("the tokens of a code that was used twice are good")
		}
		if _, err := w.Refresh(t.Context(), tokens.Refresh, "client"); !mail.Is(err, mail.Denied) {
			t.Errorf("and can be refreshed: %v", err)
		}
	})
}

// Of several that exchange a code at once one gets tokens, and not for long.
func TestCodeIsRaced(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		code := w.code(t)
		got := make([]Tokens, 8)
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() { got[i], _ = w.Exchange(t.Context(), code, "client", redirect, verifier) })
		}
		all.Wait()
		won := 0
		for _, tokens := range got {
			if tokens.Access != "" {
				won++
				if w.good(t, tokens) {
					t.Error("tokens of a code that was used twice are good")
				}
			}
		}
		if won > 1 {
			t.Errorf("%d got tokens", won)
		}
	})
}

// An old refresh token ends the session, unless the answer to it may have been lost: then it brings that answer again.
func TestRefreshReuse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.tokens(t)
		second, err := w.Refresh(t.Context(), first.Refresh, "client")
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.Refresh(t.Context(), first.Refresh, "client")
		if err != nil || again.Refresh != second.Refresh || !w.good(t, again) {
			t.Fatalf("the answer was lost: %+v, %v", again, err)
		}
		if _, err := w.Refresh(t.Context(), first.Refresh, "evil"); !mail.Is(err, mail.Denied) || !w.good(t, second) {
			t.Errorf("another client: %v", err)
		}
		third, err := w.Refresh(t.Context(), second.Refresh, "client")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Refresh(t.Context(), first.Refresh, "client"); !mail.Is(err, mail.Denied) || w.good(t, third) {
			t.Errorf("a token of two turns ago: %v", err)
		}

		first = w.tokens(t)
		second, err = w.Refresh(t.Context(), first.Refresh, "client")
		if err != nil {
			t.Fatal(err)
		}
		w.later(t, retryTime)
		if _, err := w.Refresh(t.Context(), first.Refresh, "client"); !mail.Is(err, mail.Denied) || w.good(t, second) {
			t.Errorf("a while later: %v", err)
		}
	})
}

func TestTokensExpire(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ticket := w.ask(t)
		w.later(t, TicketTime)
		if _, _, err := w.Allow(t.Context(), ticket); !mail.Is(err, mail.Denied) {
			t.Errorf("a question that waited too long: %v", err)
		}
		code := w.code(t)
		w.later(t, CodeTime)
		if _, err := w.Exchange(t.Context(), code, "client", redirect, verifier); !mail.Is(err, mail.Denied) {
			t.Errorf("a code that waited too long: %v", err)
		}
		tokens := w.tokens(t)
		old := token{accessToken, annID, tokens.Session, 1, time.Now().Add(-AccessTime - time.Minute)}
		if _, err := w.Bearer(t.Context(), w.text(old)); !errors.Is(err, ErrToken) {
			t.Errorf("an old access token: %v", err)
		}
		w.later(t, SessionTime-time.Minute)
		if tokens, err := w.Refresh(t.Context(), tokens.Refresh, "client"); err != nil || !w.good(t, tokens) {
			t.Errorf("used now and then: %v", err)
		}
		w.later(t, SessionTime)
		if _, err := w.Refresh(t.Context(), tokens.Refresh, "client"); !mail.Is(err, mail.Denied) || w.good(t, tokens) {
			t.Errorf("a session that was not used: %v", err)
		}
		for _, want := range []int{1, 0} {
			if of, err := w.ForgetSessions(t.Context(), 100); err != nil || of != want {
				t.Errorf("sessions of %d accounts were forgotten, %v", of, err)
			}
		}
	})
}

// What takes away the sign-in takes away the tokens, at once, and connections that stand.
func TestTokensAreTakenAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for what, take := range map[string]func(Tokens){
			"another password":  func(Tokens) { w.setPassword(t, annID, "another password") },
			"revoked":           func(v Tokens) { w.write(t, func(t *tx.Tx) error { return w.RevokeSession(t, annID, v.Session) }) },
			"all ended":         func(Tokens) { w.write(t, func(t *tx.Tx) error { return w.EndSessions(t, annID) }) },
			"switched off":      func(Tokens) { w.off[annID] = true },
			"the account ended": func(Tokens) { w.write(t, func(t *tx.Tx) error { return w.RemoveAccount(t, annID) }) },
		} {
			tokens, code := w.tokens(t), w.code(t)
			in, err := w.Bearer(t.Context(), tokens.Access)
			if err != nil || w.Recheck(t.Context(), in) != nil {
				t.Fatalf("%s: %v", what, err)
			}
			take(tokens)
			want := mail.Denied
			if what == "switched off" {
				want = mail.Disabled
			}
			_, bearer := w.Bearer(t.Context(), tokens.Access)
			_, refresh := w.Refresh(t.Context(), tokens.Refresh, "client")
			recheck := w.Recheck(t.Context(), in)
			for name, err := range map[string]error{"Bearer": bearer, "Refresh": refresh, "Recheck": recheck} {
				if !mail.Is(err, want) {
					t.Errorf("%s: %s says %v", what, name, err)
				}
			}
			if _, err := w.Exchange(t.Context(), code, "client", redirect, verifier); what != "revoked" && !mail.Is(err, want) {
				t.Errorf("%s: a code is exchanged: %v", what, err)
			}
			w.off[annID] = false
			w.setPassword(t, annID, annPassword)
		}
	})
}

// A token of one kind is none of another, and one that was changed is none.
func TestForgedTokens(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		tokens := w.tokens(t)
		as := func(kind tokenKind, text string) string { return string(kind) + text[4:] }
		for _, text := range []string{"", "mma_", tokens.Refresh, as(accessToken, tokens.Refresh), tokens.Access[:len(tokens.Access)-1], tokens.Access + "A",
			strings.Replace(tokens.Access, tokens.Access[4:8], "AAAA", 1), as(accessToken, strings.Repeat("A", len(tokens.Access))), strings.Repeat("x", 1<<20)} {
			if _, err := w.Bearer(t.Context(), text); !errors.Is(err, ErrToken) {
				t.Errorf("%.100q signs in: %v", text, err)
			}
		}
		for _, text := range []string{tokens.Access, as(refreshToken, tokens.Access)} {
			if _, err := w.Refresh(t.Context(), text, "client"); !mail.Is(err, mail.Denied) {
				t.Errorf("%.100q refreshes: %v", text, err)
			}
		}
		if _, _, err := w.Allow(t.Context(), as(ticketToken, tokens.Access)); !mail.Is(err, mail.Denied) {
			t.Errorf("a question was answered by another token: %v", err)
		}
		if !w.good(t, tokens) {
			t.Error("a forged token ended the session")
		}
		other := New(Options{Tx: w.tx, Lookup: w.directory, Secret: []byte("another server's secret, 32 bytes"), Params: cheap})
		if _, err := other.Bearer(t.Context(), tokens.Access); !errors.Is(err, ErrToken) {
			t.Errorf("another server takes the token: %v", err)
		}
	})
}

func TestAskRefuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, phone := w.addApp(t, annID, "phone")
		if _, err := w.Ask(t.Context(), w.want(t, "ann@example.org", phone, ""), question); !mail.Is(err, mail.Denied) {
			t.Errorf("with an app password: %v", err)
		}
		ticket := w.ask(t)
		if v, err := w.Refuse(t.Context(), ticket); err != nil || v.Redirect != redirect {
			t.Errorf("%+v, %v", v, err)
		}
		if _, _, err := w.Allow(t.Context(), ticket); !mail.Is(err, mail.Denied) {
			t.Errorf("allowed after it was refused: %v", err)
		}
	})
}

// One more session than there is room for ends the one that was not used for longest.
func TestMaxSessions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		oldest := w.tokens(t)
		second := w.tokens(t)
		w.write(t, func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE session SET last_used = 1 WHERE id = $1`, oldest.Session)
			return err
		})
		in := w.want(t, "ann@example.org", annPassword, "")
		for range MaxSessions - 2 {
			if _, err := w.Ask(t.Context(), in, question); err != nil {
				t.Fatal(err)
			}
		}
		if !w.good(t, second) || len(w.sessions(t, annID)) != 2 {
			t.Error("there is no room for as many as there may be")
		}
		w.ask(t)
		if list := w.sessions(t, annID); len(list) != 1 || list[0].ID != second.Session {
			t.Errorf("the sessions left are %+v", list)
		}
	})
}

// A session that is used remembers when, to the hour.
func TestSessionLastUsed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		tokens := w.tokens(t)
		w.write(t, func(t *tx.Tx) error { _, err := t.SQL().Exec(`UPDATE session SET last_used = 1`); return err })
		w.good(t, tokens)
		if list := w.sessions(t, annID); len(list) != 1 || time.Since(list[0].LastUsed) > time.Hour+time.Minute {
			t.Errorf("the sessions are %+v", list)
		}
	})
}
