package provision

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// letIn lets a program in to ann's account.
func (w *world) letIn(login, password string) auth.Tokens {
	w.t.Helper()
	ctx := w.t.Context()
	in, err := w.auth.Verify(ctx, auth.Attempt{Login: login, Password: password, Remote: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		w.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("verifier"))
	ticket, err := w.auth.Ask(ctx, in, auth.Question{Client: "c", Name: "Program", Redirect: "http://127.0.0.1/", Scope: auth.AllMail, Challenge: base64.RawURLEncoding.EncodeToString(sum[:])})
	if err != nil {
		w.t.Fatal(err)
	}
	_, code, err := w.auth.Allow(ctx, ticket)
	if err != nil {
		w.t.Fatal(err)
	}
	tokens, err := w.auth.Exchange(ctx, code, "c", "http://127.0.0.1/", "verifier")
	if err != nil {
		w.t.Fatal(err)
	}
	return tokens
}

// What ends the session of a program rings the bell for its connections, and its tokens are good for nothing.
func TestPrograms(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.AddDomain(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
		ann := w.add("ann@example.org")
		bob := w.add("bob@example.org")
		other := w.letIn("bob@example.org", "a password")
		for what, end := range map[string]func(context.Context, auth.Tokens) error{
			"one":      func(ctx context.Context, v auth.Tokens) error { return w.RevokeSession(ctx, ann.Address, v.Session) },
			"all":      func(ctx context.Context, _ auth.Tokens) error { return w.RevokeSession(ctx, ann.Address, 0) },
			"token":    func(ctx context.Context, v auth.Tokens) error { return w.auth.Revoke(ctx, v.Access) },
			"restored": func(ctx context.Context, _ auth.Tokens) error { _, err := w.renumber(ctx, ann.ID); return err },
		} {
			tokens := w.letIn("ann@example.org", "a password")
			if list, err := w.Sessions(ctx, ann.Address); err != nil || len(list) != 1 || list[0].ID != tokens.Session {
				t.Errorf("%s: the sessions are %+v, %v", what, list, err)
			}
			for len(w.rung) > 0 {
				<-w.rung
			}
			if err := end(ctx, tokens); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if what != "restored" && (len(w.rung) != 1 || (<-w.rung).Account != ann.ID) {
				t.Errorf("%s: ends, and rings no bell", what)
			}
			if _, err := w.auth.Bearer(ctx, tokens.Access); !mail.Is(err, mail.Denied) {
				t.Errorf("%s: the token is good: %v", what, err)
			}
		}
		w.refused("another's session", w.RevokeSession(ctx, ann.Address, other.Session), mail.NotFound)
		if list, err := w.Sessions(ctx, bob.Address); err != nil || len(list) != 1 {
			t.Errorf("another's sessions are %+v, %v", list, err)
		}
	})
}
