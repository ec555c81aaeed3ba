package pictures

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/infra/fetch/fetchtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
)

const (
	png = "\x89PNG\x0d\x0a\x1a\x0a0123456789"
	svg = `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
)

// world is a server of pictures, and the web that they are on.
type world struct {
	*jmapservertest.Server
	web *fetchtest.Web
	p   *Pictures

	mu   sync.Mutex
	now  time.Time
	seen []http.Header

	arrived, hold chan struct{} // of /held
}

func newWorld(t *testing.T) *world {
	w := &world{now: time.Unix(1800000000, 0), arrived: make(chan struct{}), hold: make(chan struct{})}
	w.web = fetchtest.Start(t, http.HandlerFunc(w.serve))
	w.web.Resolve("inward.example.com", "10.0.0.1")
	w.p = New(Options{Fetch: w.web.Client(t), Secret: make([]byte, 32), Now: func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }})
	w.Server = jmapservertest.Open(t, dbtest.OnSQLite, func(r *method.Registry, _ *doortest.Rooms) { w.p.Register(r) })
	return w
}

// contents are what the web has, and the kinds that it says they are of.
var contents = map[string][2]string{
	"/png": {png, "image/png"}, "/jpeg": {"\xff\xd8\xff\xe0 and so on", "text/html"}, "/gif": {"GIF89a and so on", ""}, "/webp": {"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"},
	"/avif": {"\x00\x00\x00\x20ftypavif\x00\x00", "application/octet-stream"}, "/svg": {svg, "image/svg+xml"}, "/svg-as-png": {svg, "image/png"}, "/html": {"<html><script>", "image/png"},
	"/text": {"hello", "image/png"}, "/nothing": {"", "image/png"}, "/pdf": {"%PDF-1.7", "image/png"}, "/mp4": {"\x00\x00\x00\x20ftypisom\x00\x00", "image/avif"},
	"/large": {png + strings.Repeat("x", MaxPicture), "image/png"},
}

func (w *world) serve(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.seen = append(w.seen, r.Header.Clone())
	w.mu.Unlock()
	switch c, found := contents[r.URL.Path]; {
	case found:
		out.Header().Set("Content-Type", c[1])
		out.Header().Set("Set-Cookie", "id=1")
		fmt.Fprint(out, c[0])
	case r.URL.Path == "/held":
		w.arrived <- struct{}{}
		<-w.hold
		fmt.Fprint(out, png)
	case r.URL.Path == "/inward":
		http.Redirect(out, r, "https://10.0.0.1/png", http.StatusFound)
	case r.URL.Path == "/moved":
		http.Redirect(out, r, "/png", http.StatusFound)
	default:
		http.NotFound(out, r)
	}
}

// sign is Picture/sign of one URL by Ann: its place, or "".
func (w *world) sign(url string) string {
	w.T.Helper()
	name, r := w.Call("Picture/sign", map[string]any{"accountId": doortest.Ann.String(), "urls": []string{url}})
	if name == "error" {
		w.T.Fatal(r)
	}
	place, _ := r["signed"].(map[string]any)[url].(string)
	if _, not := r["notSigned"].(map[string]any)[url]; not == (place != "") {
		w.T.Errorf("%s: %v", url, r)
	}
	return place
}

func (w *world) get(place string) *httptest.ResponseRecorder {
	out := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, place, nil)
	r.Header.Set("Cookie", "secret=1")
	r.Header.Set("Referer", "https://mail.example.org/inbox")
	r.Header.Set("Accept-Language", "de")
	w.p.Handler().ServeHTTP(out, r)
	return out
}

func TestPicture(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]struct {
		status int
		kind   string
	}{
		"/png": {200, "image/png"}, "/jpeg": {200, "image/jpeg"}, "/gif": {200, "image/gif"}, "/webp": {200, "image/webp"}, "/avif": {200, "image/avif"}, "/moved": {200, "image/png"},
		"/svg": {415, ""}, "/svg-as-png": {415, ""}, "/html": {415, ""}, "/text": {415, ""}, "/nothing": {415, ""}, "/pdf": {415, ""}, "/mp4": {415, ""},
		"/large": {413, ""}, "/missing": {502, ""}, "/inward": {403, ""},
	} {
		for _, scheme := range []string{"https", "http"} {
			if path == "/inward" && scheme == "http" {
				continue
			}
			got := w.get(w.sign(scheme + "://web.example.com" + path))
			h := got.Header()
			if got.Code != want.status || want.kind != "" && (h.Get("Content-Type") != want.kind || h.Get("Cache-Control") != "private, max-age=86400, immutable") {
				t.Errorf("%s %s: %d, %v", scheme, path, got.Code, h)
			}
			if h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("Set-Cookie") != "" || h.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: %v", path, h)
			}
			if want.kind == "" && (h.Get("Cache-Control") != "no-store" || strings.Contains(got.Body.String(), "script")) {
				t.Errorf("%s: %v, %s", path, h, got.Body)
			}
		}
	}
	for _, h := range w.seen {
		for _, name := range []string{"Cookie", "Referer", "Accept-Language", "X-Forwarded-For", "Authorization"} {
			if h.Get(name) != "" {
				t.Errorf("the picture's server saw %s: %s", name, h.Get(name))
			}
		}
	}
	if got := w.get(w.sign("https://inward.example.com/png")); got.Code != http.StatusForbidden {
		t.Errorf("inward: %d", got.Code)
	}
}

// Only what was signed is fetched, for as long as it is good.
func TestNoOpenProxy(t *testing.T) {
	w := newWorld(t)
	place, other := w.sign("https://web.example.com/png"), w.sign("https://web.example.com/gif")
	signature, url, _ := strings.Cut(strings.TrimPrefix(place, Prefix), "/")
	_, otherURL, _ := strings.Cut(strings.TrimPrefix(other, Prefix), "/")
	changed := []byte(signature)
	changed[3] ^= 1 // the account
	if place != w.sign("https://web.example.com/png") {
		t.Error("a picture has two places on one day: no cache serves")
	}
	for what, place := range map[string]string{"another URL": Prefix + signature + "/" + otherURL, "another account": Prefix + string(changed) + "/" + url, "no signature": Prefix + "x/" + url,
		"another key": New(Options{Secret: []byte("another secret, of another server"), Now: w.p.o.Now}).place(doortest.Ann, "https://web.example.com/png"), "no URL": Prefix + signature + "/", "plain": Prefix + signature + "/https%3A%2F%2Fweb.example.com%2Fpng"} {
		if got := w.get(place); got.Code != http.StatusNotFound {
			t.Errorf("%s: %d", what, got.Code)
		}
	}
	if len(w.seen) > 0 {
		t.Error("something was fetched")
	}
	w.now = w.now.Add(24 * time.Hour)
	if got := w.get(place); got.Code != http.StatusOK {
		t.Errorf("a day later: %d", got.Code)
	}
	w.now = w.now.Add(24 * time.Hour)
	if got := w.get(place); got.Code != http.StatusGone {
		t.Errorf("two days later: %d", got.Code)
	}
}

func TestSignRefuses(t *testing.T) {
	w := newWorld(t)
	for _, url := range []string{"", "cid:x", "data:image/png;base64,x", "file:///etc/passwd", "https://localhost/", "https://127.1/", "https://web.example.com:25/", "https://u:p@web.example.com/", "//web.example.com/"} {
		if place := w.sign(url); place != "" {
			t.Errorf("%q was signed", url)
		}
	}
	urls := make([]string, MaxSign+1)
	if name, r := w.Call("Picture/sign", map[string]any{"accountId": doortest.Ann.String(), "urls": urls}); name != "error" || r["type"] != string(method.RequestTooLarge) {
		t.Errorf("too many: %s, %v", name, r)
	}
	for _, args := range []string{`{"accountId":"A1","urls":["https://web.example.com/"]}`, `{"urls":7}`, `{"accountId":null}`} {
		if name, r := w.Call("Picture/sign", args); name != "error" {
			t.Errorf("%s: %v", args, r)
		}
	}
}

// An account fetches a few pictures at a time, and others go on.
func TestPerAccount(t *testing.T) {
	w := newWorld(t)
	place := w.sign("https://web.example.com/held")
	var all sync.WaitGroup
	codes := make(chan int, perAccount)
	for range perAccount {
		all.Go(func() { codes <- w.get(place).Code })
	}
	for range perAccount {
		<-w.arrived
	}
	if got := w.get(place); got.Code != http.StatusTooManyRequests {
		t.Errorf("one more: %d", got.Code)
	}
	if got := w.get(w.p.place(doortest.Bob, "https://web.example.com/png")); got.Code != http.StatusOK {
		t.Errorf("another account: %d", got.Code)
	}
	close(w.hold)
	all.Wait()
	close(codes)
	for code := range codes {
		if code != http.StatusOK {
			t.Errorf("one that waited: %d", code)
		}
	}
	if w.busy() != 0 {
		t.Error("places were not given back")
	}
}

func (w *world) busy() int {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	return w.p.fetching[doortest.Ann]
}
