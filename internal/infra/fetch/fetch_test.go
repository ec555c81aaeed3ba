package fetch_test

import (
	"compress/gzip"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/fetch"
	"github.com/mailmesh/mailmesh/internal/infra/fetch/fetchtest"
	"github.com/mailmesh/mailmesh/internal/mail"
)

func hello(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("hello")) }

func TestDo(t *testing.T) {
	web := fetchtest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.Method+" "+r.Host+" "+r.Header.Get("X-Own")+" "+r.Header.Get("Cookie"))
		w.WriteHeader(http.StatusTeapot)
		w.Write([]byte("hello"))
	}))
	c := web.Client(t)
	for range 2 {
		got, err := c.Do(t.Context(), fetch.Request{Method: http.MethodPost, URL: web.URL("/a"), Header: http.Header{"x-own": {"1"}}, Body: []byte("x")})
		if err != nil || got.Status != http.StatusTeapot || string(got.Body) != "hello" || got.Header.Get("X-Seen") != "POST web.example.com 1 " || got.URL.Path != "/a" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if dialed := web.Dialed(); !slices.Equal(dialed, []string{"192.31.196.1:443"}) {
		t.Errorf("connections went to %v: one is enough", dialed)
	}
}

// Nothing is sent to an address that is not outside, whichever way a URL, a name or a redirect leads there.
func TestTurnedInward(t *testing.T) {
	var target string
	web := fetchtest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) }))
	// A recursive resolver has followed aliases: a CNAME to a private name looks like this.
	web.Resolve("loop.example.com", "127.0.0.1")
	web.Resolve("cloud.example.com", "169.254.169.254", "::ffff:169.254.169.254")
	web.Resolve("six.example.com", "::1", "fd00::1", "64:ff9b::10.0.0.1", "2002:a00:1::")
	web.Resolve("zero.example.com", "0.0.0.0", "::")
	c := web.Client(t)
	for _, host := range []string{"loop.example.com", "cloud.example.com", "six.example.com", "zero.example.com", "10.0.0.1", "127.0.0.1", "[::1]",
		"[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "0.0.0.0", "[fc00::1]", "169.254.169.254"} {
		_, err := c.Do(t.Context(), fetch.Request{URL: "https://" + host + "/", Plain: true})
		if !mail.Is(err, mail.Denied) {
			t.Errorf("%s: %v", host, err)
		}
		if _, err := c.HTTP().Get("https://" + host + "/"); err == nil {
			t.Errorf("%s was reached by HTTP", host)
		}
	}
	if dialed := web.Dialed(); len(dialed) > 0 {
		t.Fatalf("connections went to %v", dialed)
	}
	for _, to := range []string{"https://loop.example.com/", "https://10.0.0.1/", "https://[::1]/", "https://2130706433/", "https://localhost/",
		"https://web.example.com:25/", "file:///etc/passwd", "https://u@web.example.com/", "http://web.example.com/"} {
		target = to
		if _, err := c.Do(t.Context(), fetch.Request{URL: web.URL("/"), Redirects: 3}); !mail.Is(err, mail.Denied) && !mail.Is(err, mail.Invalid) {
			t.Errorf("a redirect to %s: %v", to, err)
		}
	}
	if dialed := web.Dialed(); len(dialed) != 1 {
		t.Errorf("connections went to %v", dialed)
	}
}

// DNS that answers otherwise the second time changes nothing: the address that was judged is the one that is connected to.
func TestRebinding(t *testing.T) {
	web := fetchtest.Start(t, http.HandlerFunc(hello))
	o := web.Options()
	asked := 0
	o.Addresses = func(context.Context, string) ([]netip.Addr, error) {
		asked++
		return []netip.Addr{netip.MustParseAddr([]string{"192.31.196.7", "127.0.0.1"}[min(asked-1, 1)])}, nil
	}
	c := fetch.New(o)
	defer c.Close()
	if _, err := c.Do(t.Context(), fetch.Request{URL: web.URL("/")}); err != nil {
		t.Fatal(err)
	}
	if dialed := web.Dialed(); asked != 1 || !slices.Equal(dialed, []string{"192.31.196.7:443"}) {
		t.Errorf("asked %d times, connections went to %v", asked, dialed)
	}
	c.Close()
	if _, err := c.Do(t.Context(), fetch.Request{URL: web.URL("/")}); !mail.Is(err, mail.Denied) {
		t.Errorf("the name has turned inward: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	web := fetchtest.Start(t, http.HandlerFunc(hello))
	web.Resolve("mixed.example.com", "10.0.0.1", "192.31.196.2", "::1")
	web.Resolve("own.example.com", "192.31.196.99")
	web.Resolve("none.example.com")
	web.Resolve("intranet.example.com", "10.1.2.3")
	o := web.Options()
	o.Own = func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("192.31.196.99")} }
	o.Allow = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	c := fetch.New(o)
	defer c.Close()
	for url, want := range map[string]mail.Kind{"https://mixed.example.com/": "", "https://own.example.com/": "", "https://own.example.com:8443/": mail.Denied,
		"https://none.example.com/": mail.Unavailable, "https://intranet.example.com/": "", "https://10.2.0.1/": mail.Denied} {
		if _, err := c.Do(t.Context(), fetch.Request{URL: url}); mail.KindOf(err) != want || (err == nil) != (want == "") {
			t.Errorf("%s: %v", url, err)
		}
	}
	dialed := web.Dialed()
	slices.Sort(dialed)
	if !slices.Equal(dialed, []string{"10.1.2.3:443", "192.31.196.2:443", "192.31.196.99:443"}) {
		t.Errorf("connections went to %v", dialed)
	}
}

func TestLimits(t *testing.T) {
	release := make(chan struct{})
	web := fetchtest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/said":
			w.Header().Set("Content-Length", "100")
			w.Write(make([]byte, 100))
		case "/unsaid":
			for range 100 {
				w.Write(make([]byte, 1))
				w.(http.Flusher).Flush()
			}
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(make([]byte, 10<<20))
			z.Close()
		case "/header":
			w.Header().Set("X-Large", strings.Repeat("x", 100<<10))
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/stall":
			w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	}))
	defer close(release)
	c := web.Client(t)
	for path, want := range map[string]mail.Kind{"/said": mail.TooLarge, "/unsaid": mail.TooLarge, "/packed": mail.TooLarge, "/header": mail.Unavailable,
		"/loop": mail.Limit, "/stall": mail.Unavailable} {
		r := fetch.Request{URL: web.URL(path), MaxBytes: 99, Redirects: 5}
		if path == "/stall" {
			r.Time = 50 * time.Millisecond
		}
		if got, err := c.Do(t.Context(), r); !mail.Is(err, want) || got.Body != nil || (got.Status == http.StatusOK) != (want == mail.TooLarge) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if got, err := c.Do(t.Context(), fetch.Request{URL: web.URL("/said"), MaxBytes: 100}); err != nil || len(got.Body) != 100 {
		t.Errorf("what is exactly as large as allowed: %v", err)
	}
	if got, err := c.Do(t.Context(), fetch.Request{URL: web.URL("/loop")}); err != nil || got.Status != http.StatusFound {
		t.Errorf("a redirect that is not followed: %+v, %v", got, err)
	}
}

// A place that is taken is given back, and who finds none waits no longer than it may take.
func TestParallel(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	web := fetchtest.Start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-release }))
	o := web.Options()
	o.Parallel = 1
	c := fetch.New(o)
	defer c.Close()
	done := make(chan error)
	go func() { _, err := c.Do(t.Context(), fetch.Request{URL: web.URL("/")}); done <- err }()
	<-arrived
	if _, err := c.Do(t.Context(), fetch.Request{URL: web.URL("/"), Time: time.Millisecond}); !mail.Is(err, mail.Unavailable) {
		t.Errorf("with no place left: %v", err)
	}
	release <- struct{}{}
	if err := <-done; err != nil {
		t.Error(err)
	}
	go func() { <-arrived; release <- struct{}{} }()
	if _, err := c.Do(t.Context(), fetch.Request{URL: web.URL("/")}); err != nil {
		t.Errorf("the place was not given back: %v", err)
	}
}

// What belongs to one host is not shown to the next.
func TestRedirected(t *testing.T) {
	var seen http.Header
	web := fetchtest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "other.example.com" {
			seen = r.Header.Clone()
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "id", Value: "1", Domain: "example.com"})
		http.Redirect(w, r, "https://other.example.com/", http.StatusFound)
	}))
	got, err := web.Client(t).Do(t.Context(), fetch.Request{URL: web.URL("/secret?id=1"), Header: http.Header{"Authorization": {"x"}}, Redirects: 1})
	if err != nil || got.URL.Host != "other.example.com" {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, name := range []string{"Authorization", "Referer", "Cookie"} {
		if seen.Get(name) != "" {
			t.Errorf("the second host saw %s: %s", name, seen.Get(name))
		}
	}
}

// A certificate of another name, or of nobody known, is refused.
func TestCertificates(t *testing.T) {
	web := fetchtest.Start(t, http.HandlerFunc(hello))
	if _, err := web.Client(t).Do(t.Context(), fetch.Request{URL: "https://elsewhere.example.org/"}); !mail.Is(err, mail.Unavailable) {
		t.Errorf("another name: %v", err)
	}
	o := web.Options()
	o.Roots = nil
	if _, err := fetch.New(o).Do(t.Context(), fetch.Request{URL: web.URL("/")}); !mail.Is(err, mail.Unavailable) {
		t.Errorf("an unknown certificate: %v", err)
	}
}

// No proxy that the environment names is asked: it would resolve names itself.
func TestNoProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	web := fetchtest.Start(t, http.HandlerFunc(hello))
	if _, err := web.Client(t).Do(t.Context(), fetch.Request{URL: web.URL("/")}); err != nil {
		t.Error(err)
	}
}

// The addresses of a host are tried one after the other.
func TestNextAddress(t *testing.T) {
	web := fetchtest.Start(t, http.HandlerFunc(hello))
	web.Resolve(fetchtest.Host, "192.31.196.1", "192.31.196.2")
	o := web.Options()
	dial := o.Dial
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "192.31.196.1:") {
			return nil, errors.New("refused")
		}
		return dial(ctx, network, address)
	}
	c := fetch.New(o)
	defer c.Close()
	if _, err := c.Do(t.Context(), fetch.Request{URL: web.URL("/")}); err != nil {
		t.Error(err)
	}
}
