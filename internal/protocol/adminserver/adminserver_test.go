package adminserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/onboarding"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/internal/verify"
)

var discard = slog.New(slog.DiscardHandler)

func newHandler(t testing.TB, log *slog.Logger) http.Handler {
	x, err := tx.New(t.Context(), tx.Options{DB: dbtest.OnSQLite(t, schema.Files)()})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bodies.New(bodies.Options{Tx: x, Blobs: new(blobtest.Memory), MasterKey: make([]byte, bodies.MasterKeySize)})
	if err != nil {
		t.Fatal(err)
	}
	dir := directory.New(directory.Options{})
	return Handler(Options{Log: log, Provision: provision.New(provision.Options{
		Tx: x, Directory: dir, Bodies: b, Index: search.NewIndex(search.Options{Tx: x, Bodies: b}), Mailboxes: mailbox.New(mailbox.Options{Tx: x, Bodies: b}),
		Auth: auth.New(auth.Options{Tx: x, Lookup: dir.SignIn, Secret: make([]byte, 32), Params: auth.Params{Memory: 8, Time: 1}}),
	}), Verify: func(context.Context) (verify.Report, error) { return verify.Report{OK: true, Accounts: 3}, nil },
		Records: func(_ context.Context, domain string) ([]onboarding.Record, error) {
			return []onboarding.Record{{Name: domain, Type: "MX", Value: "10 mail.example.org.", Group: onboarding.ToReceive}}, nil
		}})
}

// eachClient runs a test with a client over a socket and with one in the process.
func eachClient(t *testing.T, test func(t *testing.T, c *Client)) {
	t.Run("direct", func(t *testing.T) { test(t, Direct(newHandler(t, discard))) })
	t.Run("socket", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), SocketName)
		stop := serve(t, path, newHandler(t, discard))
		c := Dial(path)
		test(t, c)
		c.Close()
		stop()
	})
}

// serve runs a server until stop is called.
func serve(t *testing.T, path string, h http.Handler) (stop func()) {
	t.Helper()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, h, discard) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// all collects what a list yields.
func all[T any](t *testing.T, seq iter.Seq2[T, error]) (out []T) {
	t.Helper()
	for item, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, item)
	}
	return out
}

func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// manageGroups makes a group, changes it and removes it.
func manageGroups(t *testing.T, c *Client, ann string) {
	t.Helper()
	ctx := t.Context()
	g := must(c.AddGroup(ctx, NewGroup{Address: "Team@example.org", Name: "Team"}))(t)
	if g.Address != "team@example.org" || g.Post != "members" || g.Name != "Team" || g.Created.IsZero() {
		t.Errorf("made is %+v", g)
	}
	post := "anyone"
	if got := must(c.ChangeGroup(ctx, g.Address, GroupChange{Post: &post}))(t); got.Post != post || got.Name != "Team" {
		t.Errorf("changed is %+v", got)
	}
	for address, owner := range map[string]bool{ann: true, "a@example.org": false} {
		if err := c.SetMember(ctx, g.Address, address, MemberChange{Owner: owner}); err != nil {
			t.Error(err)
		}
	}
	if list := all(t, c.Members(ctx, g.Address)); len(list) != 2 || list[0].Address != "a@example.org" || list[0].Owner || !list[1].Owner || list[1].Address != ann {
		t.Errorf("members are %+v", list)
	}
	if list := all(t, c.Groups(ctx, "")); len(list) != 1 || list[0].Members != 2 || list[0] != must(c.Group(ctx, g.Address))(t) {
		t.Errorf("groups are %+v", list)
	}
	if list := all(t, c.MemberOf(ctx, ann)); len(list) != 1 || list[0].Group != g.Address {
		t.Errorf("in are %+v", list)
	}
	refused(t, "a policy that is none", failure(c.ChangeGroup(ctx, g.Address, GroupChange{Post: &ann})), mail.Invalid, "one of")
	refused(t, "no such member", c.RemoveMember(ctx, g.Address, "x@example.org"), mail.NotFound, "no member")
	if err := errors.Join(c.RemoveMember(ctx, g.Address, ann), c.RemoveGroup(ctx, g.Address)); err != nil {
		t.Error(err)
	}
	refused(t, "no such group", c.RemoveGroup(ctx, g.Address), mail.NotFound, "no group")
}

// failure is the error of a call that must fail.
func failure[T any](_ T, err error) error { return err }

func refused(t *testing.T, what string, err error, kind mail.Kind, text string) {
	t.Helper()
	if !mail.Is(err, kind) || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: %v, want %q and %q", what, err, kind, text)
	}
}

func TestClient(t *testing.T) {
	eachClient(t, func(t *testing.T, c *Client) {
		ctx := t.Context()
		d := must(c.AddDomain(ctx, NewDomain{"Example.org"}))(t)
		if d.Name != "example.org" || d.Created.IsZero() {
			t.Errorf("%+v", d)
		}
		_, err := c.AddDomain(ctx, NewDomain{"example.org"})
		refused(t, "a second time", err, mail.Exists, "example.org is there already")
		_, err = c.AddAccount(ctx, NewAccount{Address: "ann@elsewhere.example"})
		refused(t, "a domain that is not ours", err, mail.NotFound, "add it first")
		_, err = c.AddAccount(ctx, NewAccount{Address: "ann@example.org", Password: "short"})
		refused(t, "a short password", err, mail.Invalid, "at least 8 characters")

		ann := must(c.AddAccount(ctx, NewAccount{Address: "ann/lee+x?@example.org", Name: "Ann", Password: "a password", QuotaBytes: 100}))(t)
		if got := must(c.Account(ctx, "ANN/lee+x?@example.org"))(t); got != ann || ann.QuotaBytes != 100 || ann.Name != "Ann" || ann.Disabled || ann.ID == "" {
			t.Errorf("made is %+v, found %+v", ann, got)
		}
		if err := c.RebuildSearch(ctx, ann.Address); err != nil {
			t.Error(err)
		}
		refused(t, "to rebuild nobody's index", c.RebuildSearch(ctx, "nobody@example.org"), mail.NotFound, "")
		yes, name, many := true, "Ann Lee", int64(7)
		if got := must(c.ChangeAccount(ctx, ann.Address, AccountChange{Disabled: &yes, Admin: &yes, Shared: &yes, Name: &name, QuotaMessages: &many, QuotaMailboxes: &many}))(t); !got.Disabled || !got.Admin || !got.Shared ||
			got.Name != name || got.QuotaBytes != 100 || got.QuotaMessages != 7 || got.QuotaMailboxes != 7 {
			t.Errorf("changed is %+v", got)
		}
		if err := c.SetPassword(ctx, ann.Address, "another password"); err != nil {
			t.Error(err)
		}

		app := must(c.AddAppPassword(ctx, ann.Address, NewAppPassword{"phone"}))(t)
		listed := all(t, c.AppPasswords(ctx, ann.Address))
		if len(app.Password) < 26 || len(listed) != 1 || listed[0].ID != app.ID || listed[0].Password != "" || listed[0].LastUsed != nil {
			t.Errorf("made is %+v, listed %+v", app, listed)
		}
		if err := c.RevokeAppPassword(ctx, ann.Address, app.ID); err != nil {
			t.Error(err)
		}
		refused(t, "revoking again", c.RevokeAppPassword(ctx, ann.Address, app.ID), mail.NotFound, "no app password")
		refused(t, "revoking x", c.RevokeAppPassword(ctx, ann.Address, "x"), mail.Invalid, "is a number")

		if sessions := all(t, c.Sessions(ctx, ann.Address)); len(sessions) != 0 {
			t.Errorf("sessions are %+v", sessions)
		}
		if err := c.RevokeSession(ctx, ann.Address, ""); err != nil {
			t.Error(err)
		}
		refused(t, "revoking no session", c.RevokeSession(ctx, ann.Address, "77"), mail.NotFound, "no session")
		refused(t, "revoking session x", c.RevokeSession(ctx, ann.Address, "x"), mail.Invalid, "is a number")

		if err := c.AddAlias(ctx, NewAlias{"a@example.org", ann.Address}); err != nil {
			t.Error(err)
		}
		refused(t, "an alias elsewhere", c.AddAlias(ctx, NewAlias{"b@example.org", "x@elsewhere.example"}), mail.Invalid, "does not forward mail")
		if got := all(t, c.Aliases(ctx, "")); len(got) != 1 || got[0].Address != "a@example.org" || got[0].Target != ann.Address {
			t.Errorf("aliases are %+v", got)
		}
		manageGroups(t, c, ann.Address)
		all1 := "a@example.org"
		if got := must(c.ChangeDomain(ctx, "example.org", DomainChange{CatchAll: &all1}))(t); got.CatchAll != all1 {
			t.Errorf("changed is %+v", got)
		}
		none := ""
		if got := must(c.ChangeDomain(ctx, "example.org", DomainChange{CatchAll: &none, Disabled: &yes}))(t); got.CatchAll != "" || !got.Disabled || got != must(c.Domain(ctx, "example.org"))(t) {
			t.Errorf("changed is %+v", got)
		}
		refused(t, "no such target", c.RemoveAlias(ctx, "a@example.org", "x@example.org"), mail.NotFound, "does not lead to")
		if err := c.RemoveAlias(ctx, "a@example.org", ann.Address); err != nil {
			t.Error(err)
		}
		refused(t, "no such alias", c.RemoveAlias(ctx, "a@example.org", ""), mail.NotFound, "no alias")

		refused(t, "a domain with accounts", c.RemoveDomain(ctx, "example.org"), mail.Conflict, "remove them first")
		if err := c.RemoveAccount(ctx, ann.Address); err != nil {
			t.Error(err)
		}
		_, err = c.Account(ctx, ann.Address)
		refused(t, "an account that is gone", err, mail.NotFound, "there is no account")
		if err := c.RemoveDomain(ctx, "example.org"); err != nil || len(all(t, c.Domains(ctx))) != 0 {
			t.Error(err)
		}
	})
}

// Lists that take several pages are whole.
func TestClientPages(t *testing.T) {
	eachClient(t, func(t *testing.T, c *Client) {
		ctx := t.Context()
		var domains, accounts, aliases []string
		for i := range defaultPage + 5 {
			name := string([]byte{'a' + byte(i/26), 'a' + byte(i%26)})
			domains = append(domains, must(c.AddDomain(ctx, NewDomain{name + ".example"}))(t).Name)
		}
		for i := range defaultPage {
			name := string([]byte{'a' + byte(i/26), 'a' + byte(i%26)})
			accounts = append(accounts, must(c.AddAccount(ctx, NewAccount{Address: name + "@aa.example"}))(t).Address)
			if i < defaultPage-1 {
				if err := c.AddAlias(ctx, NewAlias{"all@bb.example", accounts[i]}); err != nil {
					t.Fatal(err)
				}
				aliases = append(aliases, accounts[i])
			}
		}
		for _, name := range []string{"x@cc.example", "y@cc.example"} {
			if err := c.AddAlias(ctx, NewAlias{name, "all@bb.example"}); err != nil {
				t.Fatal(err)
			}
			aliases = append(aliases, "all@bb.example")
		}
		var got, gotAccounts, gotAliases []string
		for _, d := range all(t, c.Domains(ctx)) {
			got = append(got, d.Name)
		}
		for _, a := range all(t, c.Accounts(ctx, "AA.example")) {
			gotAccounts = append(gotAccounts, a.Address)
		}
		for _, a := range all(t, c.Aliases(ctx, "")) {
			gotAliases = append(gotAliases, a.Target)
		}
		if !slices.Equal(got, domains) || !slices.Equal(gotAccounts, accounts) || !slices.Equal(gotAliases, aliases) {
			t.Errorf("listed are %d domains, %d accounts, %d aliases", len(got), len(gotAccounts), len(gotAliases))
		}
		for range c.Domains(ctx) {
			break // a list may be left
		}
		if n := len(all(t, c.Accounts(ctx, "bb.example"))); n != 0 {
			t.Errorf("%d accounts of a domain without any", n)
		}
		for _, err := range c.Accounts(ctx, "a b") {
			refused(t, "accounts of no domain", err, mail.Invalid, "not a domain")
		}
	})
}

// Broken requests get an answer that says what would be right.
func TestRequests(t *testing.T) {
	var log bytes.Buffer
	h := newHandler(t, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for _, c := range []struct {
		method, path, body string
		status             int
		kind               mail.Kind
		text               string
	}{
		{"POST", "/v1/domains", `{"name":"example.org"}`, 201, "", `"name":"example.org"`},
		{"POST", "/v1/domains", ``, 400, mail.Invalid, "empty"},
		{"POST", "/v1/domains", `{"nane":"x"}`, 400, mail.Invalid, "unknown field"},
		{"POST", "/v1/domains", `{"name":"x"} {}`, 400, mail.Invalid, "something follows"},
		{"POST", "/v1/domains", `{"name":7}`, 400, mail.Invalid, "JSON object"},
		{"POST", "/v1/domains", `[`, 400, mail.Invalid, "JSON object"},
		{"POST", "/v1/domains", `{"name":"` + strings.Repeat("x", MaxRequest) + `"}`, 413, mail.TooLarge, "at most"},
		{"POST", "/v1/domains", `{"name":"example.org"}`, 409, mail.Exists, "there already"},
		{"GET", "/v1/domains/Example.ORG./dns", ``, 200, "", `{"items":[{"name":"example.org","type":"MX","value":"10 mail.example.org.",`},
		{"GET", "/v1/domains/example.com/dns", ``, 404, mail.NotFound, "not a domain of this server"},
		{"GET", "/v1/domains?limit=0", ``, 400, mail.Invalid, "from 1 to 1000"},
		{"GET", "/v1/domains?limit=1001", ``, 400, mail.Invalid, "from 1 to 1000"},
		{"GET", "/v1/domains?limit=1", ``, 200, "", `"next":"example.org"`},
		{"GET", "/v1/accounts?after=x", ``, 400, mail.Invalid, "not an address"},
		{"GET", "/v1/aliases?after=x", ``, 400, mail.Invalid, "next"},
		{"GET", "/v1/accounts", ``, 200, "", `"items":[]`},
		{"GET", "/v1/accounts/x", ``, 400, mail.Invalid, "not an address"},
		{"GET", "/v1/accounts/x@example.org", ``, 404, mail.NotFound, "no account"},
		{"DELETE", "/v1/accounts/x@example.org", ``, 404, mail.NotFound, "no account"},
		{"PUT", "/v1/accounts/x@example.org/password", `{"password":"a secret that is not logged"}`, 404, mail.NotFound, "no account"},
		{"PATCH", "/v1/accounts", `{}`, 404, mail.NotFound, "no PATCH /v1/accounts"},
		{"GET", "/", ``, 404, mail.NotFound, "admin-api.md"},
		{"GET", "/debug/pprof/cmdline", ``, 200, "", ""},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var e Error
		json.Unmarshal(w.Body.Bytes(), &e)
		if w.Code != c.status || e.Kind != c.kind || !strings.Contains(w.Body.String(), c.text) || c.kind != "" && e.Error == "" {
			t.Errorf("%s %s %.60s: %d %s", c.method, c.path, c.body, w.Code, w.Body)
		}
	}
	if strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), "method=PUT path=/v1/accounts/x@example.org/password status=404") {
		t.Errorf("logged is %s", &log)
	}
}

// docs/operations/admin-api.md lists every request, and no others.
func TestDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../../docs/operations/admin-api.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	routes := new(handler).routes()
	for pattern := range routes {
		if !strings.Contains(text, "| `"+pattern+"` |") {
			t.Errorf("%s is not documented", pattern)
		}
	}
	if n := strings.Count(text, " /v1/"); n != len(routes) {
		t.Errorf("%d requests are documented, there are %d", n, len(routes))
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	for _, k := range []mail.Kind{mail.Other, mail.Invalid, mail.NotFound, mail.Exists, mail.Denied, mail.OverQuota, mail.TooLarge,
		mail.Limit, mail.Conflict, mail.Disabled, mail.Gone, mail.Unavailable} {
		if kindStatus[k] < 400 {
			t.Errorf("%q has the status %d", k, kindStatus[k])
		}
	}
}

func TestSocket(t *testing.T) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"name":"hello"}`) })
	for name, folder := range map[string]string{"short": t.TempDir(), "long": filepath.Join(t.TempDir(), strings.Repeat("long", 40))} {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, SocketName)
			c := Dial(path)
			if _, err := c.Domain(t.Context(), "x"); !errors.Is(err, ErrNotRunning) {
				t.Errorf("without a server: %v", err)
			}
			stop := serve(t, path, hello)
			if d, err := c.Domain(t.Context(), "x"); err != nil || d.Name != "hello" {
				t.Errorf("%+v, %v", d, err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
				t.Errorf("the socket is %v, %v", info, err)
			}
			if l, err := Listen(path); err == nil {
				l.Close()
				t.Error("two servers listen at one socket")
			}
			c.Close()
			stop()
			if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
				t.Errorf("left are %v, %v", left, err)
			}
			if _, err := c.Domain(t.Context(), "x"); !errors.Is(err, ErrNotRunning) {
				t.Errorf("after the server: %v", err)
			}
		})
	}
}

// A socket that a killed server left is replaced.
func TestSocketStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), SocketName)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(path).Domain(t.Context(), "x"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a dead socket: %v", err)
	}
	serve(t, path, http.NotFoundHandler())()
}

func TestClientErrors(t *testing.T) {
	c := Direct(http.NotFoundHandler())
	if err := c.RemoveDomain(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("an answer that is not ours: %v", err)
	}
	c = Direct(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }))
	if _, err := c.Domain(t.Context(), "x"); err == nil {
		t.Error("an answer that is not JSON is read")
	}
}

func TestVerify(t *testing.T) {
	eachClient(t, func(t *testing.T, c *Client) {
		if r, err := c.Verify(t.Context()); err != nil || !r.OK || r.Accounts != 3 {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}
