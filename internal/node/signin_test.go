package node_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/node"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// browser is one that follows no redirect, on the HTTPS door of a node.
type browser struct {
	t    testing.TB
	http *http.Client
	base string
}

func newBrowser(t testing.TB, n *nodetest.Node) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t, &http.Client{Transport: transport, Jar: jar, CheckRedirect: stay}, "https://" + n.Doors["https"]}
}

func (b *browser) do(method, path string, form url.Values, header ...string) (*http.Response, string) {
	b.t.Helper()
	r, err := http.NewRequest(method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response, string(body)
}

func (b *browser) object(method, path string, form url.Values, header ...string) (v map[string]any) {
	b.t.Helper()
	response, body := b.do(method, path, form, header...)
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		b.t.Fatalf("%s: %s: %s", path, response.Status, body)
	}
	return v
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// fill are a page's hidden fields with more.
func fill(page string, more ...string) url.Values {
	v := url.Values{}
	for _, f := range hidden.FindAllStringSubmatch(page, -1) {
		v.Set(html.UnescapeString(f[1]), html.UnescapeString(f[2]))
	}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

// letIn has an account let a program in, and returns its access token.
func (b *browser) letIn(a node.DemoAccount, scope string) string {
	b.t.Helper()
	const verifier, back = "a verifier that nobody knows, of 43 characters", "http://127.0.0.1:9/back"
	sum := sha256.Sum256([]byte(verifier))
	ask := url.Values{"response_type": {"code"}, "client_id": {"test"}, "redirect_uri": {back}, "scope": {scope}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
		"code_challenge_method": {"S256"}}
	_, page := b.do("GET", "/oauth/authorize?"+ask.Encode(), nil)
	_, page = b.do("POST", "/oauth/authorize", fill(page, "username", a.Address, "password", a.Password))
	response, body := b.do("POST", "/oauth/consent", fill(page, "answer", "allow"))
	at, err := url.Parse(response.Header.Get("Location"))
	if err != nil || at.Query().Get("code") == "" {
		b.t.Fatalf("%s: %s, %s", response.Status, at, body)
	}
	tokens := b.object("POST", "/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {at.Query().Get("code")}, "client_id": {"test"}, "redirect_uri": {back}, "code_verifier": {verifier}})
	token, _ := tokens["access_token"].(string)
	return token
}

// A program finds the sign-in page by being refused, gets a token there, and reads mail by it and nothing more, until the session is
// revoked.
func TestSignInPage(t *testing.T) {
	cfg := nodetest.Config(t)
	n := nodetest.Start(t, cfg, nil)
	b := newBrowser(t, n)
	refused, _ := b.do("GET", "/.well-known/jmap", nil)
	if c := refused.Header.Values("WWW-Authenticate"); refused.StatusCode != http.StatusUnauthorized || len(c) != 2 || !strings.Contains(c[0], "/.well-known/oauth-protected-resource") {
		t.Fatalf("%s: %q", refused.Status, c)
	}
	resource := b.object("GET", "/.well-known/oauth-protected-resource", nil)
	server := b.object("GET", "/.well-known/oauth-authorization-server", nil)
	if issuer := server["issuer"].(string); resource["authorization_servers"].([]any)[0] != issuer || server["token_endpoint"] != issuer+"/oauth/token" {
		t.Errorf("%v, %v", resource, server)
	}
	token := b.letIn(n.Accounts[0], "mail:read")
	session := b.object("GET", "/.well-known/jmap", nil, "Authorization", "Bearer "+token)
	if session["username"] != n.Accounts[0].Address {
		t.Fatalf("%v", session)
	}
	account := session["primaryAccounts"].(map[string]any)["urn:ietf:params:jmap:mail"].(string)
	call := func(name, args string) string {
		text := `{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[["` + name + `",{"accountId":"` + account + `",` + args + `},"0"]]}`
		r, err := http.NewRequest("POST", b.base+"/jmap/api", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := b.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if got := call("Mailbox/get", `"ids":null`); !strings.Contains(got, `"inbox"`) {
		t.Errorf("reading: %s", got)
	}
	if got := call("Mailbox/set", `"create":{"c":{"name":"x"}}`); !strings.Contains(got, "forbidden") {
		t.Errorf("writing without the scope: %s", got)
	}
	admin, done, err := node.OpenAdmin(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	for s, err := range admin.Sessions(t.Context(), n.Accounts[0].Address) {
		if err != nil || s.Client != "test" || !slices.Equal(s.Scope, []string{"read"}) {
			t.Fatalf("%+v, %v", s, err)
		}
		if err := admin.RevokeSession(t.Context(), n.Accounts[0].Address, s.ID); err != nil {
			t.Fatal(err)
		}
	}
	if after, _ := b.do("GET", "/.well-known/jmap", nil, "Authorization", "Bearer "+token); after.StatusCode != http.StatusUnauthorized {
		t.Errorf("revoked, and %s", after.Status)
	}
}

// A session says who the user is among principals, and whose each account is (RFC 9670 1.5).
func TestSessionNamesPrincipals(t *testing.T) {
	n := nodetest.Start(t, nodetest.Config(t), nil)
	b := newBrowser(t, n)
	credentials := base64.StdEncoding.EncodeToString([]byte(n.Accounts[0].Address + ":" + n.Accounts[0].Password))
	session := b.object("GET", "/.well-known/jmap", nil, "Authorization", "Basic "+credentials)
	own := session["primaryAccounts"].(map[string]any)["urn:ietf:params:jmap:principals"].(string)
	has := session["accounts"].(map[string]any)[own].(map[string]any)["accountCapabilities"].(map[string]any)
	who := has["urn:ietf:params:jmap:principals"].(map[string]any)["currentUserPrincipalId"]
	owner := has["urn:ietf:params:jmap:principals:owner"].(map[string]any)
	if who == "" || owner["principalId"] != who || owner["accountIdForPrincipal"] != own {
		t.Errorf("%v", has)
	}
	for _, uri := range []string{"https://mailmesh.org/jmap/unsubscribe", "https://mailmesh.org/jmap/pictures"} {
		if has[uri] == nil {
			t.Errorf("the account has no %s", uri)
		}
	}
}
