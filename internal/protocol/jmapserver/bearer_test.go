package jmapserver_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// tokens are those of a program that Ann has let in.
func (d *door) tokens(t *testing.T, scope auth.Scope) auth.Tokens {
	t.Helper()
	ctx := t.Context()
	in, err := d.Auth.Verify(ctx, auth.Attempt{Login: doortest.AnnAddress, Password: doortest.AnnPassword})
	d.Must(err)
	sum := sha256.Sum256([]byte("verifier"))
	ticket, err := d.Auth.Ask(ctx, in, auth.Question{Client: "c", Redirect: "http://127.0.0.1/", Scope: scope, Challenge: base64.RawURLEncoding.EncodeToString(sum[:])})
	d.Must(err)
	_, code, err := d.Auth.Allow(ctx, ticket)
	d.Must(err)
	tokens, err := d.Auth.Exchange(ctx, code, "c", "http://127.0.0.1/", "verifier")
	d.Must(err)
	return tokens
}

// A token signs in for as long as its session stands, to what it was given for.
func TestBearer(t *testing.T) {
	d := open(t)
	scheme := jmapserver.Bearer(d.Auth, "https://mail.example.org/resource")
	tokens := d.tokens(t, auth.ReadMail|auth.SendMail)
	r := request("GET", "/.well-known/jmap", "")
	u, err := scheme.Authenticate(t.Context(), tokens.Access, r)
	if err != nil || u.Account != doortest.Ann || u.Login != doortest.AnnAddress || u.Scope != method.Read|method.Send || u.Stands(t.Context()) != nil {
		t.Fatalf("%+v, %v", u, err)
	}
	for _, token := range []string{"", tokens.Refresh, tokens.Access + "x"} {
		if _, err := scheme.Authenticate(t.Context(), token, r); err == nil {
			t.Errorf("%q signs in", token)
		}
	}
	d.Write(doortest.Ann, func(t *tx.Tx) error { return d.Auth.RevokeSession(t, doortest.Ann, tokens.Session) })
	if _, again := scheme.Authenticate(t.Context(), tokens.Access, r); again == nil || u.Stands(t.Context()) == nil {
		t.Error("the session was revoked, and stands")
	}
	if got := scheme.Challenge(nil); strings.Contains(got, "error") || !strings.Contains(got, `resource_metadata="https://mail.example.org/resource"`) {
		t.Errorf("not tried: %s", got)
	}
	if got := scheme.Challenge(auth.ErrToken); !strings.Contains(got, `error="invalid_token"`) {
		t.Errorf("refused: %s", got)
	}
}

// The door takes tokens beside passwords, and says so where it refuses.
func TestBearerAtTheDoor(t *testing.T) {
	d := open(t)
	tokens := d.tokens(t, auth.AllMail)
	answer := d.do(request("GET", "/.well-known/jmap", "", "Authorization", "bearer "+tokens.Access))
	if answer.StatusCode != http.StatusOK {
		t.Errorf("a token: %s", answer.Status)
	}
	answer = d.do(request("GET", "/.well-known/jmap", "", "Authorization", "Bearer mma_x"))
	if challenges := answer.Header.Values("WWW-Authenticate"); answer.StatusCode != http.StatusUnauthorized || len(challenges) != 2 ||
		!strings.Contains(challenges[0], "invalid_token") || strings.Contains(challenges[1], "error") {
		t.Errorf("a wrong token: %s, %q", answer.Status, challenges)
	}
	sender := "Bearer " + d.tokens(t, auth.SendMail).Access
	if answer := d.download(d.upload("secret"), "x", "Authorization", sender); answer.StatusCode != http.StatusForbidden {
		t.Errorf("who may only send reads: %s", answer.Status)
	}
	d.Write(doortest.Ann, func(t *tx.Tx) error { return d.Directory.SetDisabled(t, doortest.Ann, true) })
	if answer := d.do(request("GET", "/.well-known/jmap", "", "Authorization", "Bearer "+tokens.Access)); answer.StatusCode != http.StatusForbidden {
		t.Errorf("the account is switched off: %s", answer.Status)
	}
}
