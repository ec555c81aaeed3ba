package webclient

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/zstd"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

var script = strings.Repeat("say('hello'); ", 1000)

var built = fstest.MapFS{
	"index.html": {Data: []byte("<!doctype html><title>page</title>")}, "frame.html": {Data: []byte("<!doctype html>")}, "sw.js": {Data: []byte("// worker")},
	"assets/index-abc.js": {Data: []byte(script)}, "assets/font-abc.woff2": {Data: []byte(script)}, "icons/m.svg": {Data: []byte("<svg/>")},
	"manifest.webmanifest": {Data: []byte("{}")}, ".vite/manifest.json": {Data: []byte("{}")},
}

// site is the door on rooms of its own.
type site struct {
	*doortest.Rooms
	handler http.Handler
	server  *Server
	signed  []mail.Kind // what the observer was told, "" for who has signed in
}

func (s *site) SignedIn()                  { s.signed = append(s.signed, "") }
func (s *site) SignInFailed(why mail.Kind) { s.signed = append(s.signed, why) }

func open(t testing.TB) *site {
	t.Helper()
	s := &site{Rooms: doortest.Open(t, dbtest.OnSQLite, nil)}
	var err error
	s.server, err = New(Options{Files: built, Auth: s.Auth, Observer: s, Trusted: func(host string) bool { return host == "mail.example.org" }})
	s.Must(err)
	mux := http.NewServeMux()
	for _, p := range Patterns {
		mux.Handle(p, s.server.Handler())
	}
	s.handler = mux
	return s
}

// ours is what a browser says of a request of our own pages.
var ours = map[string]string{"Origin": "https://mail.example.org", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}

func request(method, path, body string, header map[string]string, cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host, r.TLS = "mail.example.org", &tls.ConnectionState{}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	if body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func (s *site) do(method, path, body string, header map[string]string, cookies ...*http.Cookie) *http.Response {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, request(method, path, body, header, cookies...))
	return w.Result()
}

func text(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const ann = `{"login":"` + doortest.AnnAddress + `","password":"` + doortest.AnnPassword + `"}`

func (s *site) signIn(t testing.TB, body string) *http.Cookie {
	t.Helper()
	answer := s.do("POST", "/session", body, ours)
	if answer.StatusCode != http.StatusOK || len(answer.Cookies()) != 1 {
		t.Fatalf("%s: %s", answer.Status, text(t, answer.Body))
	}
	return answer.Cookies()[0]
}

func TestFiles(t *testing.T) {
	s := open(t)
	for path, want := range map[string]struct {
		status            int
		kind, cache, text string
	}{
		"/":                       {200, "text/html; charset=utf-8", "no-cache", "<title>page"},
		"/mail":                   {200, "text/html; charset=utf-8", "no-cache", "<title>page"},
		"/mail/inbox/T1?x=y":      {200, "text/html; charset=utf-8", "no-cache", "<title>page"},
		"/frame.html":             {200, "text/html; charset=utf-8", "no-cache", "<!doctype"},
		"/sw.js":                  {200, "text/javascript; charset=utf-8", "no-cache", "worker"},
		"/manifest.webmanifest":   {200, "application/manifest+json", "no-cache", "{}"},
		"/assets/index-abc.js":    {200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "hello"},
		"/icons/m.svg":            {200, "image/svg+xml", "public, max-age=86400", "svg"},
		"/assets/":                {404, "text/plain; charset=utf-8", "no-store", ""},
		"/assets/nothing.js":      {404, "text/plain; charset=utf-8", "no-store", ""},
		"/assets/../.vite/x":      {404, "", "", ""},
		"/.vite/manifest.json":    {404, "", "", ""},
		"/assets/..%2findex.html": {404, "text/plain; charset=utf-8", "no-store", ""},
	} {
		answer := s.do("GET", path, "", nil)
		got := text(t, answer.Body)
		if answer.StatusCode >= 300 && answer.StatusCode < 400 { // the mux cleans a path
			continue
		}
		h := answer.Header
		if answer.StatusCode != want.status || !strings.Contains(got, want.text) || want.kind != "" && (h.Get("Content-Type") != want.kind || h.Get("Cache-Control") != want.cache) {
			t.Errorf("%s: %s, %v, %.40q", path, answer.Status, h, got)
		}
	}
	if got := s.do("GET", "/sw.js", "", nil).Header.Get("Service-Worker-Allowed"); got != "/" {
		t.Errorf("the worker is allowed %q", got)
	}
	if answer := s.do("POST", "/", "x", nil); answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", answer.Status)
	}
	for name := range map[string]bool{"index.html": true, "frame.html": true} {
		less := maps.Clone(built)
		delete(less, name)
		if _, err := New(Options{Files: less, Auth: s.Auth}); err == nil {
			t.Errorf("a client without %s is served", name)
		}
	}
}

// Every answer is protected; the frame alone may stand in a frame, and has no scripts.
func TestPolicies(t *testing.T) {
	s := open(t)
	for _, path := range []string{"/", "/mail/x", "/frame.html", "/sw.js", "/assets/index-abc.js", "/assets/none", "/session"} {
		h := s.do("GET", path, "", nil).Header
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": hsts} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		policy := h.Get("Content-Security-Policy")
		scripts := strings.Contains(policy, "script-src 'self'")
		if !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "base-uri 'none'") || strings.Contains(policy, "eval") ||
			path != "/frame.html" && (strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'")) {
			t.Errorf("%s: %s", path, policy)
		}
		if path == "/frame.html" && (scripts || strings.Contains(policy, "allow-scripts") || !strings.Contains(policy, "sandbox allow-same-origin") ||
			!strings.Contains(policy, "frame-ancestors 'self'") || strings.Contains(policy, "http")) {
			t.Errorf("the frame: %s", policy)
		}
	}
	r := request("GET", "/", "", nil)
	r.Host = "localhost:8443"
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Header().Get("Strict-Transport-Security") != "" {
		t.Error("a certificate that nobody trusts is made the only way")
	}
}

func TestCompression(t *testing.T) {
	s := open(t)
	const path = "/assets/index-abc.js"
	for accepted, want := range map[string]string{"": "", "gzip": "gzip", "gzip, deflate, br, zstd": "zstd", "GZIP;q=0.5": "gzip", "zstd;q=0, gzip": "gzip", "gzip;q=0": "", "gzip;q=x": "", "br": "",
		"gzip;q=0.000, zstd;q=0.0": ""} {
		answer := s.do("GET", path, "", map[string]string{"Accept-Encoding": accepted})
		body := []byte(text(t, answer.Body))
		coding := answer.Header.Get("Content-Encoding")
		if coding != want || answer.Header.Get("Vary") != "Accept-Encoding" || want != "" && len(body) > len(script)/10 {
			t.Errorf("%q: %q, %d bytes", accepted, coding, len(body))
		}
		var got []byte
		switch coding {
		case "gzip":
			r, err := gzip.NewReader(bytes.NewReader(body))
			s.Must(err)
			got = []byte(text(t, r))
		case "zstd":
			r, err := zstd.NewReader(nil)
			s.Must(err)
			got, err = r.DecodeAll(body, nil)
			s.Must(err)
			r.Close()
		default:
			got = body
		}
		if string(got) != script {
			t.Errorf("%q: it is another file", accepted)
		}
		again := s.do("GET", path, "", map[string]string{"Accept-Encoding": accepted, "If-None-Match": `"x", W/` + answer.Header.Get("ETag")})
		if again.StatusCode != http.StatusNotModified || text(t, again.Body) != "" {
			t.Errorf("%q: what the browser has: %s", accepted, again.Status)
		}
	}
	if answer := s.do("GET", "/assets/font-abc.woff2", "", map[string]string{"Accept-Encoding": "gzip"}); answer.Header.Get("Content-Encoding") != "" {
		t.Error("a font is compressed twice")
	}
	if answer := s.do("HEAD", path, "", nil); answer.StatusCode != 200 || answer.Header.Get("Content-Length") != "14000" {
		t.Errorf("HEAD: %s, %v", answer.Status, answer.Header)
	}
}

func TestSignIn(t *testing.T) {
	s := open(t)
	c := s.signIn(t, ann)
	if c.Name != "__Host-mailmesh" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 {
		t.Errorf("the cookie is %v", c)
	}
	who := s.do("GET", "/session", "", ours, c)
	if got := text(t, who.Body); who.StatusCode != 200 || got != `{"login":"`+doortest.AnnAddress+`"}` || len(who.Cookies()) != 0 {
		t.Errorf("%s: %s", who.Status, got)
	}
	kept := s.signIn(t, strings.Replace(ann, "}", `,"keep":true}`, 1))
	if kept.MaxAge < 80*24*3600 {
		t.Errorf("a cookie to keep is %v", kept)
	}
	if again := s.do("GET", "/session", "", ours, kept).Cookies(); len(again) != 1 || again[0].MaxAge != kept.MaxAge || again[0].Value != kept.Value {
		t.Errorf("asked for, it is %v", again)
	}
	out := s.do("DELETE", "/session", "", ours, c)
	if out.StatusCode != http.StatusNoContent || len(out.Cookies()) != 1 || out.Cookies()[0].MaxAge != -1 {
		t.Errorf("signed out: %s, %v", out.Status, out.Cookies())
	}
	after := s.do("GET", "/session", "", ours, c)
	if after.StatusCode != http.StatusUnauthorized || after.Header.Get("WWW-Authenticate") != "" || after.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("after that: %s, %v", after.Status, after.Header)
	}
	// A browser that signs in anew had one session, and has one.
	second := s.do("POST", "/session", ann, ours, kept)
	if second.StatusCode != 200 || s.do("GET", "/session", "", ours, kept).StatusCode != http.StatusUnauthorized {
		t.Error("the session that the browser had before stands")
	}
	if len(s.signed) != 3 {
		t.Errorf("observed %q", s.signed)
	}
}

func TestRefusedSignIns(t *testing.T) {
	s := open(t)
	app := s.AddAppPassword()
	for name, tt := range map[string]struct {
		body   string
		header map[string]string
		status int
	}{
		"wrong password": {`{"login":"` + doortest.AnnAddress + `","password":"wrong"}`, ours, 401},
		"nobody":         {`{"login":"nobody@example.org","password":"x"}`, ours, 401},
		"nothing":        {`{}`, ours, 401},
		"app password":   {`{"login":"` + doortest.AnnAddress + `","password":"` + app + `"}`, ours, 401},
		"no JSON":        {`login=x`, ours, 400},
		"a form":         {`login=x`, with(ours, "Content-Type", "application/x-www-form-urlencoded"), 400},
		"text":           {ann, with(ours, "Content-Type", "text/plain"), 400},
		"more members":   {`{"login":"x","password":"y","admin":true}`, ours, 400},
		"too large":      {`{"login":"` + strings.Repeat("x", maxBody) + `"}`, ours, 413},
		"another site":   {ann, with(ours, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"), 403},
		"another host":   {ann, with(ours, "Sec-Fetch-Site", "same-site", "Origin", "https://www.example.org"), 403},
		"who knows":      {ann, nil, 403},
	} {
		answer := s.do("POST", "/session", tt.body, tt.header)
		var p problem
		s.Must(json.Unmarshal([]byte(text(t, answer.Body)), &p))
		if answer.StatusCode != tt.status || p.Status != tt.status || p.Detail == "" || len(answer.Cookies()) != 0 || answer.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %s, %+v", name, answer.Status, p)
		}
	}
	s.Write(doortest.Bob, func(t *tx.Tx) error { return s.Directory.SetDisabled(t, doortest.Bob, true) })
	if answer := s.do("POST", "/session", `{"login":"`+doortest.BobAddress+`","password":"`+doortest.BobPassword+`"}`, ours); answer.StatusCode != http.StatusForbidden {
		t.Errorf("switched off: %s", answer.Status)
	}
	for i := range 40 {
		answer := s.do("POST", "/session", `{"login":"`+doortest.AnnAddress+`","password":"guess `+strings.Repeat("x", i)+`"}`, ours)
		if answer.StatusCode == http.StatusTooManyRequests {
			if answer.Header.Get("Retry-After") == "" {
				t.Error("how long to wait is not said")
			}
			return
		}
	}
	t.Error("nobody slows guesses down")
}

func with(header map[string]string, more ...string) map[string]string {
	h := maps.Clone(header)
	for i := 0; i < len(more); i += 2 {
		if h[more[i]] = more[i+1]; more[i+1] == "" {
			delete(h, more[i])
		}
	}
	return h
}

// A cookie counts for requests of our own pages, and for nothing that becomes a script.
func TestCookieCounts(t *testing.T) {
	s := open(t)
	c := s.signIn(t, ann)
	socket := map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "https://mail.example.org"}
	for name, tt := range map[string]struct {
		method string
		header map[string]string
		counts bool
	}{
		"fetch":                      {"POST", ours, true},
		"fetch, get":                 {"GET", with(ours, "Origin", ""), true},
		"picture":                    {"GET", with(ours, "Origin", "", "Sec-Fetch-Dest", "image"), true},
		"opened":                     {"GET", map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}, true},
		"posted from nowhere":        {"POST", map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}, false},
		"origin alone":               {"POST", map[string]string{"Origin": "https://mail.example.org"}, true},
		"nothing is said":            {"GET", nil, false},
		"another site":               {"POST", with(ours, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"), false},
		"another site, get":          {"GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, false},
		"another host of the domain": {"POST", with(ours, "Sec-Fetch-Site", "same-site", "Origin", "https://www.example.org"), false},
		"another origin alone":       {"POST", map[string]string{"Origin": "https://evil.example"}, false},
		"a sandbox":                  {"POST", map[string]string{"Origin": "null"}, false},
		"http":                       {"POST", map[string]string{"Origin": "http://mail.example.org"}, false},
		"another port":               {"POST", map[string]string{"Origin": "https://mail.example.org:444"}, false},
		"script":                     {"GET", with(ours, "Sec-Fetch-Dest", "script"), false},
		"worker":                     {"GET", with(ours, "Sec-Fetch-Dest", "serviceworker"), false},
		"style":                      {"GET", with(ours, "Sec-Fetch-Dest", "style"), false},
		"frame":                      {"GET", with(ours, "Sec-Fetch-Dest", "iframe"), false},
		"object":                     {"GET", with(ours, "Sec-Fetch-Dest", "object"), false},
		"socket":                     {"GET", socket, true},
		"socket of another site":     {"GET", with(socket, "Origin", "https://evil.example"), false},
		"socket of another, claimed": {"GET", with(socket, "Origin", "https://evil.example", "Sec-Fetch-Site", "same-origin"), false},
		"socket of none":             {"GET", with(socket, "Origin", ""), false},
	} {
		r := request(tt.method, "/jmap/api", "", tt.header, c)
		if !s.server.Sent(r) {
			t.Fatal("the cookie is not seen")
		}
		in, err := s.server.SignedIn(t.Context(), r)
		if (err == nil) != tt.counts || err == nil && in.Account != doortest.Ann || err != nil && !mail.Is(err, mail.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Write(doortest.Ann, func(t *tx.Tx) error { return s.Directory.SetDisabled(t, doortest.Ann, true) })
	if _, err := s.server.SignedIn(t.Context(), request("POST", "/jmap/api", "", ours, c)); !mail.Is(err, mail.Disabled) {
		t.Errorf("switched off: %v", err)
	}
}

func TestChangePassword(t *testing.T) {
	s := open(t)
	mine, other := s.signIn(t, ann), s.signIn(t, ann)
	change := func(old, new string, header map[string]string) int {
		return s.do("POST", "/session/password", `{"old":"`+old+`","new":"`+new+`"}`, header, mine).StatusCode
	}
	for name, tt := range map[string]struct {
		old, new string
		header   map[string]string
		want     int
	}{
		"wrong":        {"wrong", "another password", ours, 403},
		"short":        {doortest.AnnPassword, "short", ours, 400},
		"another site": {doortest.AnnPassword, "another password", with(ours, "Sec-Fetch-Site", "cross-site"), 403},
	} {
		if got := change(tt.old, tt.new, tt.header); got != tt.want {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := change(doortest.AnnPassword, "another password", ours); got != 200 {
		t.Fatalf("changed: %d", got)
	}
	if a, b := s.do("GET", "/session", "", ours, mine), s.do("GET", "/session", "", ours, other); a.StatusCode != 200 || b.StatusCode != 401 {
		t.Errorf("then: %s and %s", a.Status, b.Status)
	}
	if answer := s.do("POST", "/session/password", `{"old":"x","new":"y"}`, ours); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a cookie: %s", answer.Status)
	}
}

func TestBrowserName(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0":                                                                  "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36":                         "Chrome on Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1": "Safari on an iPhone",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15":                   "Safari on a Mac",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36":                          "Chrome on ChromeOS",
		"curl/8.5":                  "A browser",
		"":                          "A browser",
		strings.Repeat("x", 100000): "A browser",
	} {
		if got := browserName(agent); got != want {
			t.Errorf("%.60s: %q", agent, got)
		}
	}
}
