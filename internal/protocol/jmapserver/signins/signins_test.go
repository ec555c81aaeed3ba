package signins

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

var engines = map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres}

// open is a server on which a browser and a program are signed in to Ann's account.
func open(t *testing.T, on doortest.Engine) (s *jmapservertest.Server, browser auth.SignIn, ids map[string]string) {
	s = jmapservertest.Open(t, on, func(r *method.Registry, rooms *doortest.Rooms) { New(Options{rooms.Tx, rooms.Auth}).Register(r) })
	ctx := t.Context()
	in, err := s.Auth.Verify(ctx, auth.Attempt{Login: doortest.AnnAddress, Password: doortest.AnnPassword})
	s.Must(err)
	cookie, web, err := s.Auth.BeginBrowser(ctx, in, auth.Begin{Name: "Firefox on Linux"})
	s.Must(err)
	b, err := s.Auth.Cookie(ctx, cookie)
	s.Must(err)
	sum := sha256.Sum256([]byte("verifier"))
	ticket, err := s.Auth.Ask(ctx, in, auth.Question{Client: "c", Name: "Phone", Redirect: "http://127.0.0.1/", Scope: auth.ReadMail | auth.SendMail, Challenge: base64.RawURLEncoding.EncodeToString(sum[:])})
	s.Must(err)
	_, code, err := s.Auth.Allow(ctx, ticket)
	s.Must(err)
	tokens, err := s.Auth.Exchange(ctx, code, "c", "http://127.0.0.1/", "verifier")
	s.Must(err)
	_, err = s.Auth.Ask(ctx, in, auth.Question{Client: "asked"}) // a question is no sign-in
	s.Must(err)
	return s, b.SignIn, map[string]string{"web": idOf(web.ID), "program": idOf(tokens.Session)}
}

func TestGolden(t *testing.T) {
	for name, on := range engines {
		t.Run(name, func(t *testing.T) {
			jmapservertest.Golden(t, "testdata/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) {
				s, _, ids := open(t, on)
				return s, ids
			})
		})
	}
}

// call makes a call as a user of Ann's account.
func call(s *jmapservertest.Server, u *method.User, name, args string) (got map[string]any) {
	s.T.Helper()
	u.Account, u.Scope = doortest.Ann, method.All
	resp := s.Do(u, &method.Request{Using: s.All(), Calls: []method.Invocation{{Name: name, Args: ijson.Value(`{"accountId":"` + doortest.Ann.String() + `",` + args + `}`), ID: "0"}}})
	s.Must(json.Unmarshal(resp.Responses[0].Args, &got))
	return got
}

// The browser that asks knows itself, and may end itself as well as others.
func TestCurrent(t *testing.T) {
	s, browser, ids := open(t, dbtest.OnSQLite)
	u := &method.User{InPerson: browser.InPerson(), Credential: browser.Credential()}
	for _, v := range call(s, u, "SignIn/get", `"ids":null`)["list"].([]any) {
		if o := v.(map[string]any); o["isCurrent"] != (o["id"] == ids["web"]) {
			t.Errorf("%v", o)
		}
	}
	call(s, u, "SignIn/set", `"destroy":["`+ids["web"]+`"]`)
	if err := s.Auth.Recheck(t.Context(), browser); !mail.Is(err, mail.Denied) {
		t.Errorf("ended, and it stands: %v", err)
	}
}

// Programs do not see what else is signed in, whatever they were let in for.
func TestNotForPrograms(t *testing.T) {
	s, browser, ids := open(t, dbtest.OnSQLite)
	program := &method.User{Credential: browser.Credential()}
	for name, args := range map[string]string{"SignIn/get": `"ids":null`, "SignIn/changes": `"sinceState":"1-1"`, "SignIn/set": `"destroy":["` + ids["web"] + `"]`} {
		if got := call(s, program, name, args); got["type"] != "forbidden" {
			t.Errorf("%s: %v", name, got)
		}
	}
	if s.Auth.Recheck(t.Context(), browser) != nil {
		t.Error("a program has ended a session")
	}
	offered := s.Registry.Capabilities()[Capability].Account
	own, shared := method.Access{Owner: doortest.Ann, Who: doortest.Ann}, method.Access{Owner: doortest.Ann, Who: doortest.Bob}
	if offered(t.Context(), program, own) != nil || offered(t.Context(), &method.User{InPerson: true}, shared) != nil || offered(t.Context(), &method.User{InPerson: true}, own) == nil {
		t.Error("the capability is offered to programs, or of others' accounts")
	}
}
