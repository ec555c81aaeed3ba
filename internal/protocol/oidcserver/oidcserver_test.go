package oidcserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	loopback = "http://127.0.0.1:7777/back?kept=1"
)

// world is a server on TLS, and a browser that follows no redirect.
type world struct {
	*doortest.Rooms
	t      *testing.T
	site   *httptest.Server
	client *http.Client

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T, change ...func(*auth.Options)) *world {
	t.Helper()
	w := &world{Rooms: doortest.Open(t, dbtest.OnSQLite, nil, change...), t: t, now: time.Unix(1800000000, 0)}
	w.site = httptest.NewUnstartedServer(nil)
	w.site.StartTLS()
	t.Cleanup(w.site.Close)
	s, err := New(Options{Issuer: w.site.URL, Auth: w.Auth, Secret: make([]byte, 32), Now: func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }})
	w.Must(err)
	w.site.Config.Handler = s.Handler()
	w.client = w.browser()
	return w
}

// browser is one with cookies of its own.
func (w *world) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	w.Must(err)
	c := *w.site.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// answered is an answer, read.
type answered struct {
	*http.Response
	body string
}

func (w *world) do(r *http.Request) answered {
	w.t.Helper()
	response, err := w.client.Do(r)
	w.Must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	w.Must(err)
	return answered{response, string(body)}
}

func (w *world) get(path string, values url.Values) answered {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, w.site.URL+path+"?"+values.Encode(), nil)
	w.Must(err)
	return w.do(r)
}

func (w *world) post(path string, values url.Values, header ...string) answered {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.site.URL+path, strings.NewReader(values.Encode()))
	w.Must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return w.do(r)
}

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ask are the parameters of a program, with some changed; nil takes one away.
func ask(changes ...string) url.Values {
	v := url.Values{"response_type": {"code"}, "client_id": {"Test Mail"}, "redirect_uri": {loopback}, "state": {"a&b=c<"}, "scope": {"mail:read mail:send contacts"},
		"code_challenge": {challenge()}, "code_challenge_method": {"S256"}}
	v.Set("client_id", "testmail")
	for i := 0; i < len(changes); i += 2 {
		if v.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			v.Del(changes[i])
		}
	}
	return v
}

var field = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// form are the hidden fields of a page, with more.
func form(page answered, more ...string) url.Values {
	v := url.Values{}
	for _, f := range field.FindAllStringSubmatch(page.body, -1) {
		v.Set(html.UnescapeString(f[1]), html.UnescapeString(f[2]))
	}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

func (w *world) signIn(page answered, login, password string) answered {
	w.t.Helper()
	return w.post("/oauth/authorize", form(page, "username", login, "password", password))
}

// question is the page that asks ann.
func (w *world) question(changes ...string) answered {
	w.t.Helper()
	page := w.signIn(w.get("/oauth/authorize", ask(changes...)), doortest.AnnAddress, doortest.AnnPassword)
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "Allow access") {
		w.t.Fatalf("the question is %s: %s", page.Status, page.body)
	}
	return page
}

// back is where a program is sent, with its parameters.
func (w *world) back(a answered) (at *url.URL, values url.Values) {
	w.t.Helper()
	if a.StatusCode != http.StatusSeeOther {
		w.t.Fatalf("not sent back: %s, %s", a.Status, a.body)
	}
	u, err := url.Parse(a.Header.Get("Location"))
	w.Must(err)
	return u, u.Query()
}

func (w *world) code() string {
	w.t.Helper()
	_, values := w.back(w.post("/oauth/consent", form(w.question(), "answer", "allow")))
	return values.Get("code")
}

func decode(t *testing.T, a answered) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%s: %q: %v", a.Status, a.body, err)
	}
	return m
}

func (w *world) exchange(code string, changes ...string) answered {
	w.t.Helper()
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"testmail"}, "redirect_uri": {loopback}, "code_verifier": {verifier}}
	for i := 0; i < len(changes); i += 2 {
		if v.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			v.Del(changes[i])
		}
	}
	return w.post("/oauth/token", v)
}

func (w *world) bearer(m map[string]any) (auth.SignIn, error) {
	token, _ := m["access_token"].(string)
	return w.Auth.Bearer(w.t.Context(), token)
}

// The whole way of a program: the page, the question, the code, tokens, the next tokens, revoked.
func TestSignIn(t *testing.T) {
	w := newWorld(t)
	page := w.get("/oauth/authorize", ask("login_hint", "ann@<x>"))
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "testmail") || !strings.Contains(page.body, `value="ann@&lt;x&gt;"`) {
		t.Fatalf("%s: %s", page.Status, page.body)
	}
	question := w.signIn(page, doortest.AnnAddress, doortest.AnnPassword)
	for _, want := range []string{"testmail", "ann@example.org", "Read your mail", "Send mail in your name", "a program on this device"} {
		if !strings.Contains(question.body, want) {
			t.Errorf("the question does not say %q: %s", want, question.body)
		}
	}
	if strings.Contains(question.body, "Change, move") {
		t.Error("the question names what was not asked for")
	}
	at, values := w.back(w.post("/oauth/consent", form(question, "answer", "allow")))
	if at.Host != "127.0.0.1:7777" || at.Path != "/back" || values.Get("kept") != "1" || values.Get("state") != "a&b=c<" || values.Get("iss") != w.site.URL || values.Get("error") != "" {
		t.Errorf("sent back to %s", at)
	}
	answer := w.exchange(values.Get("code"))
	tokens := decode(t, answer)
	if answer.StatusCode != http.StatusOK || tokens["token_type"] != "Bearer" || tokens["expires_in"] != 3600.0 || tokens["scope"] != "mail:read mail:send" ||
		answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%s: %v", answer.Status, tokens)
	}
	in, err := w.bearer(tokens)
	if err != nil || in.Account != doortest.Ann || in.Scope() != auth.ReadMail|auth.SendMail {
		t.Fatalf("%+v, %v", in, err)
	}
	next := decode(t, w.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}, "client_id": {"testmail"}}))
	if _, err := w.bearer(next); err != nil || next["refresh_token"] == tokens["refresh_token"] {
		t.Fatalf("%v, %v", next, err)
	}
	if a := w.post("/oauth/revoke", url.Values{"token": {next["refresh_token"].(string)}}); a.StatusCode != http.StatusOK {
		t.Errorf("revoke: %s", a.Status)
	}
	if _, err := w.bearer(next); err == nil {
		t.Error("revoked, and still good")
	}
	if a := w.post("/oauth/revoke", url.Values{"token": {"nonsense"}}); a.StatusCode != http.StatusOK {
		t.Errorf("an unknown token: %s", a.Status) // RFC 7009 2.2
	}
}

func TestRefused(t *testing.T) {
	w := newWorld(t)
	question := w.question()
	at, values := w.back(w.post("/oauth/consent", form(question, "answer", "refuse")))
	if at.Host != "127.0.0.1:7777" || values.Get("error") != "access_denied" || values.Get("code") != "" || values.Get("state") != "a&b=c<" || values.Get("iss") != w.site.URL {
		t.Errorf("sent back to %s", at)
	}
	if a := w.post("/oauth/consent", form(question, "answer", "allow")); a.StatusCode != http.StatusForbidden {
		t.Errorf("allowed after it was refused: %s", a.Status)
	}
	question = w.question()
	w.post("/oauth/consent", form(question, "answer", "allow"))
	if a := w.post("/oauth/consent", form(question, "answer", "allow")); a.StatusCode != http.StatusForbidden {
		t.Errorf("allowed twice: %s", a.Status)
	}
}

// A program is sent nowhere but where it may be: what is wrong is said here.
func TestNoOpenRedirect(t *testing.T) {
	w := newWorld(t)
	registered := decode(t, w.json(`{"client_name":"App","redirect_uris":["https://app.example/back","org.example.app:/back","http://localhost/in","http://[::1]/in"]}`))["client_id"].(string)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(registered, registeredPrefix))
	w.Must(err)
	changed := registeredPrefix + base64.RawURLEncoding.EncodeToString(bytes.Replace(raw, []byte("app.example"), []byte("bad.example"), 1))
	for _, c := range []struct{ client, redirect string }{
		{changed, "https://bad.example/back"}, {"testmail", "https://evil.example/"}, {"testmail", "http://evil.example/"}, {"testmail", "http://127.0.0.1@evil.example/"}, {"testmail", "http://127.0.0.1.evil.example/"},
		{"testmail", "http://user@127.0.0.1/"}, {"testmail", "http://127.0.0.1/#x"}, {"testmail", "//127.0.0.1/"}, {"testmail", "javascript:alert(1)"}, {"testmail", ""},
		{"testmail", "http://10.0.0.1/"}, {"testmail", "http://127.0.0.1\\@evil.example/"}, {"testmail", "http://127.0.0.1/\r\nX: y"}, {"testmail", "https://127.0.0.1/"},
		{registered, "https://app.example/back/"}, {registered, "https://app.example/back?x"}, {registered, "https://app.example:443/back"}, {registered, "https://APP.example/back"},
		{registered, "https://app.example.evil.example/back"}, {registered, "http://localhost:99/other"}, {registered, "http://127.0.0.1/in"}, {registered, "org.example.app:/other"},
		{registered + "x", "https://app.example/back"}, {"mmreg_AAAA", "https://app.example/back"}, {"", loopback}, {"two words", loopback}, {strings.Repeat("x", 201), loopback},
	} {
		for _, a := range []answered{w.get("/oauth/authorize", ask("client_id", c.client, "redirect_uri", c.redirect)), w.get("/oauth/authorize", ask("client_id", c.client, "redirect_uri", c.redirect, "response_type", "x")),
			w.post("/oauth/authorize", ask("client_id", c.client, "redirect_uri", c.redirect))} {
			if a.StatusCode != http.StatusBadRequest || a.Header.Get("Location") != "" {
				t.Errorf("%s at %q: %s, to %q", c.client, c.redirect, a.Status, a.Header.Get("Location"))
			}
		}
	}
	for _, redirect := range []string{"https://app.example/back", "org.example.app:/back", "http://localhost/in", "http://localhost:4711/in", "http://[::1]/in", "http://[::1]:4711/in"} {
		question := w.question("client_id", registered, "redirect_uri", redirect)
		at, values := w.back(w.post("/oauth/consent", form(question, "answer", "allow", "redirect_uri", "https://evil.example/")))
		if !strings.HasPrefix(at.String(), redirect+"?") || values.Get("code") == "" {
			t.Errorf("%s: sent back to %s", redirect, at)
		}
	}
}

// Errors that the program may know are told to it (RFC 6749 4.1.2.1).
func TestErrorsForThePrograms(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ name, value, want string }{
		{"response_type", "token", "unsupported_response_type"}, {"response_type", "", "unsupported_response_type"}, {"code_challenge", "", "invalid_request"},
		{"code_challenge", "short", "invalid_request"}, {"code_challenge_method", "plain", "invalid_request"}, {"code_challenge_method", "", "invalid_request"},
		{"scope", "calendar", "invalid_scope"}, {"prompt", "none", "login_required"}, {"response_mode", "fragment", "invalid_request"},
		{"request", "x", "request_not_supported"}, {"state", strings.Repeat("x", maxState+1), "invalid_request"},
	} {
		at, values := w.back(w.get("/oauth/authorize", ask(c.name, c.value)))
		if values.Get("error") != c.want || at.Host != "127.0.0.1:7777" || values.Get("iss") != w.site.URL || c.name != "state" && values.Get("state") == "" && !strings.Contains("response_type", c.name) {
			t.Errorf("%s=%.20s: %s", c.name, c.value, at)
		}
	}
	twice := ask()
	twice.Add("scope", "mail")
	if a := w.get("/oauth/authorize", twice); a.StatusCode != http.StatusBadRequest {
		t.Errorf("a parameter that comes twice: %s", a.Status)
	}
}

func TestTokenErrors(t *testing.T) {
	w := newWorld(t)
	code := w.code()
	for _, c := range []struct {
		name, value, want string
		status            int
	}{
		{"grant_type", "password", "unsupported_grant_type", 400}, {"grant_type", "", "unsupported_grant_type", 400}, {"code", "", "invalid_request", 400},
		{"code", "x", "invalid_grant", 400}, {"client_id", "", "invalid_request", 400}, {"client_id", "evil", "invalid_grant", 400},
		{"redirect_uri", "http://127.0.0.1/other", "invalid_grant", 400}, {"code_verifier", "", "invalid_request", 400}, {"code_verifier", challenge(), "invalid_grant", 400},
	} {
		a := w.exchange(code, c.name, c.value)
		if m := decode(t, a); m["error"] != c.want || a.StatusCode != c.status {
			t.Errorf("%s=%s: %s, %v", c.name, c.value, a.Status, m)
		}
	}
	tokens := decode(t, w.exchange(code))
	if _, err := w.bearer(tokens); err != nil {
		t.Fatalf("%v: %v", tokens, err)
	}
	// RFC 6749 4.1.2: a code is good once, and what came of it ends.
	if m := decode(t, w.exchange(code)); m["error"] != "invalid_grant" {
		t.Errorf("a code was used twice: %v", m)
	}
	if _, err := w.bearer(tokens); err == nil {
		t.Error("the tokens of a code that was used twice are good")
	}
	secret := w.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, "Authorization", "Basic dGVzdG1haWw6c2VjcmV0")
	if secret.StatusCode != http.StatusUnauthorized || decode(t, secret)["error"] != "invalid_client" || secret.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("a secret: %s, %s", secret.Status, secret.body)
	}
	if m := decode(t, w.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, "Authorization", "Basic dGVzdG1haWw6")); m["error"] != "invalid_grant" {
		t.Errorf("a name without a secret: %v", m)
	}
	if a := w.post("/oauth/token", url.Values{"x": {strings.Repeat("x", maxBody)}}); a.StatusCode != http.StatusBadRequest {
		t.Errorf("a large body: %s", a.Status)
	}
}

// No page of another site can have a form of ours sent, nor show it in a frame.
func TestForgedForms(t *testing.T) {
	w := newWorld(t)
	page := w.get("/oauth/authorize", ask())
	right := form(page, "username", doortest.AnnAddress, "password", doortest.AnnPassword)
	question := w.question()
	allow := form(question, "answer", "allow")
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		for path, values := range map[string]url.Values{"/oauth/authorize": right, "/oauth/consent": allow} {
			if a := w.post(path, values, header...); a.StatusCode != http.StatusForbidden || a.Header.Get("Location") != "" {
				t.Errorf("%v: %s says %s", header, path, a.Status)
			}
		}
	}
	changed := func(of url.Values, name, value string) url.Values {
		v := url.Values{}
		for n := range of {
			v.Set(n, of.Get(n))
		}
		v.Set(name, value)
		return v
	}
	for name, value := range map[string]string{"form": "", "state": "other", "scope": "mail", "redirect_uri": "http://127.0.0.1:1/", "client_id": "other", "code_challenge": strings.Repeat("x", 43)} {
		if a := w.post("/oauth/authorize", changed(right, name, value)); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s was changed: %s", name, a.Status)
		}
		if name == "form" || name == "state" {
			if a := w.post("/oauth/consent", changed(allow, name, value)); a.StatusCode != http.StatusForbidden {
				t.Errorf("the question's %s was changed: %s", name, a.Status)
			}
		}
	}
	mine := w.client
	w.client = w.browser() // an attacker's form, in the browser of another
	for path, values := range map[string]url.Values{"/oauth/authorize": right, "/oauth/consent": allow} {
		if a := w.post(path, values); a.StatusCode != http.StatusForbidden {
			t.Errorf("another browser: %s says %s", path, a.Status)
		}
	}
	w.client = mine
	w.mu.Lock()
	w.now = w.now.Add(formTime + time.Second)
	w.mu.Unlock()
	if a := w.post("/oauth/authorize", right); a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "too long") {
		t.Errorf("an old form: %s", a.Status)
	}
	// Shown again it is good.
	if a := w.signIn(w.post("/oauth/authorize", right), doortest.AnnAddress, doortest.AnnPassword); a.StatusCode != http.StatusOK {
		t.Errorf("the form that was shown again: %s", a.Status)
	}
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	for name, a := range map[string]answered{"page": w.get("/oauth/authorize", ask()), "question": w.question(), "error": w.get("/oauth/authorize", nil)} {
		h := a.Header
		policy := h.Get("Content-Security-Policy")
		if h.Get("X-Frame-Options") != "DENY" || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", name, h)
		}
		sum := sha256.Sum256([]byte(style.FindStringSubmatch(a.body)[1]))
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", "form-action 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %s lacks %s", name, policy, want)
			}
		}
		if strings.Contains(a.body, "<script") || strings.Contains(policy, "script-src") || strings.Contains(a.body, " style=") {
			t.Errorf("%s has a script or a style of an element", name)
		}
		if want := map[string]string{"page": " http://127.0.0.1:7777", "question": " http://127.0.0.1:7777"}[name]; !strings.HasSuffix(policy, "form-action 'self'"+want) {
			t.Errorf("%s: the policy is %s", name, policy)
		}
	}
	cookie := w.client
	w.client = w.browser()
	set := w.get("/oauth/authorize", ask()).Header.Get("Set-Cookie")
	for _, want := range []string{"__Host-", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"} {
		if !strings.Contains(set, want) || strings.Contains(set, "Domain") {
			t.Errorf("the cookie is %s", set)
		}
	}
	w.client = cookie
	if got := sourceOf("http://[::1]:80/"); got != "http:" {
		t.Errorf("the source of an IPv6 address is %s", got)
	}
}

// Guessing here counts together with guessing elsewhere.
func TestThrottled(t *testing.T) {
	w := newWorld(t, func(o *auth.Options) { o.Now = func() time.Time { return time.Unix(1800000000, 0) } })
	for i := range 10 {
		_, err := w.Auth.Verify(t.Context(), auth.Attempt{Login: doortest.AnnAddress, Password: "wrong" + string(rune('a'+i)), Protocol: "imap"})
		if err == nil {
			t.Fatal("a wrong password is right")
		}
	}
	page := w.get("/oauth/authorize", ask())
	a := w.signIn(page, doortest.AnnAddress, "wrong once more")
	if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "User name or password is wrong.") || !strings.Contains(a.body, `role="alert"`) {
		t.Fatalf("%s: %s", a.Status, a.body)
	}
	a = w.signIn(a, doortest.AnnAddress, doortest.AnnPassword)
	if a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || !strings.Contains(a.body, "Too many failed sign-ins") {
		t.Errorf("%s: %s", a.Status, a.body)
	}
	if _, err := w.Auth.Verify(t.Context(), auth.Attempt{Login: doortest.AnnAddress, Password: doortest.AnnPassword, Protocol: "imap"}); err == nil {
		t.Error("another door takes the password")
	}
}

// An account that is switched off gets no question, and its tokens nothing.
func TestSwitchedOff(t *testing.T) {
	w := newWorld(t)
	tokens := decode(t, w.exchange(w.code()))
	question := w.question()
	w.Write(doortest.Ann, func(t *tx.Tx) error { return w.Directory.SetDisabled(t, doortest.Ann, true) })
	if _, err := w.bearer(tokens); err == nil {
		t.Error("the token is good")
	}
	if m := decode(t, w.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}, "client_id": {"testmail"}})); m["error"] != "invalid_grant" {
		t.Errorf("and can be refreshed: %v", m)
	}
	if a := w.post("/oauth/consent", form(question, "answer", "allow")); a.StatusCode != http.StatusForbidden {
		t.Errorf("the question is answered: %s", a.Status)
	}
	if a := w.signIn(w.get("/oauth/authorize", ask()), doortest.AnnAddress, doortest.AnnPassword); a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "switched off") {
		t.Errorf("signed in: %s", a.Status)
	}
	if a := w.signIn(w.get("/oauth/authorize", ask()), doortest.AnnAddress, "wrong"); strings.Contains(a.body, "switched off") {
		t.Error("who does not know the password hears that the account is switched off")
	}
}

func TestAppPasswordIsRefused(t *testing.T) {
	w := newWorld(t)
	a := w.signIn(w.get("/oauth/authorize", ask()), doortest.AnnAddress, w.AddAppPassword())
	if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "app password") {
		t.Errorf("%s: %s", a.Status, a.body)
	}
}

func (w *world) json(body string) answered {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.site.URL+"/oauth/register", strings.NewReader(body))
	w.Must(err)
	return w.do(r)
}

func TestRegister(t *testing.T) {
	w := newWorld(t)
	a := w.json(`{"client_name":"Bücher <b>","redirect_uris":["https://app.example/back"],"token_endpoint_auth_method":"client_secret_basic","logo_uri":"https://x"}`)
	m := decode(t, a)
	if a.StatusCode != http.StatusCreated || m["token_endpoint_auth_method"] != "none" || m["client_name"] != "Bücher <b>" {
		t.Fatalf("%s: %v", a.Status, m)
	}
	page := w.get("/oauth/authorize", ask("client_id", m["client_id"].(string), "redirect_uri", "https://app.example/back"))
	if !strings.Contains(page.body, "Bücher &lt;b&gt;") {
		t.Errorf("%s: %s", page.Status, page.body)
	}
	for body, want := range map[string]string{
		`{}`: "invalid_redirect_uri", `x`: "invalid_client_metadata", `[]`: "invalid_client_metadata", `{"redirect_uris":"x"}`: "invalid_client_metadata",
		`{"redirect_uris":["http://app.example/"]}`:                                                 "invalid_redirect_uri",
		`{"redirect_uris":["javascript:alert(1)"]}`:                                                 "invalid_redirect_uri",
		`{"redirect_uris":["data:text/html,x"]}`:                                                    "invalid_redirect_uri",
		`{"redirect_uris":["https://a.example/#x"]}`:                                                "invalid_redirect_uri",
		`{"redirect_uris":["https://a.example; script-src *"]}`:                                     "invalid_redirect_uri",
		`{"redirect_uris":["https://a.example/","b","c","d","e","f"]}`:                              "invalid_redirect_uri",
		`{"redirect_uris":["https://a.example/` + strings.Repeat("x", maxMetadata) + `"]}`:          "invalid_client_metadata",
		`{"client_name":"` + strings.Repeat("x", 101) + `","redirect_uris":["https://a.example/"]}`: "invalid_client_metadata",
		`{"client_name":"\u202ex","redirect_uris":["https://a.example/"]}`:                          "invalid_client_metadata",
	} {
		if a := w.json(body); a.StatusCode != http.StatusBadRequest || decode(t, a)["error"] != want {
			t.Errorf("%.80s: %s, %s", body, a.Status, a.body)
		}
	}
}

func TestMetadata(t *testing.T) {
	w := newWorld(t)
	m := decode(t, w.get("/.well-known/oauth-authorization-server", nil))
	if m["issuer"] != w.site.URL || m["token_endpoint"] != w.site.URL+"/oauth/token" || m["authorization_response_iss_parameter_supported"] != true {
		t.Errorf("%v", m)
	}
	if r := decode(t, w.get("/.well-known/oauth-protected-resource", nil)); r["resource"] != w.site.URL {
		t.Errorf("%v", r)
	}
	r, _ := http.NewRequest(http.MethodOptions, w.site.URL+"/oauth/token", nil)
	if a := w.do(r); a.StatusCode != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%s: %v", a.Status, a.Header)
	}
}

func TestScopes(t *testing.T) {
	for text, want := range map[string]string{"": "mail", "mail": "mail", "mail:read": "mail:read", "mail:send mail:read": "mail:read mail:send", "mail:read mail:write mail:send": "mail",
		"urn:ietf:params:oauth:scope:mail offline_access openid": "mail", "openid": ""} {
		if got := scopeText(parseScope(text)); got != want {
			t.Errorf("%q is %q", text, got)
		}
	}
}
