package acme

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mailmesh/mailmesh/internal/infra/cert"
	"github.com/mailmesh/mailmesh/internal/infra/cert/certtest"
	"github.com/mailmesh/mailmesh/internal/infra/cert/pebbletest"
)

// quick lets a test see what takes hours.
var quick = pace{names: 20 * time.Millisecond, renew: 50 * time.Millisecond, window: 1.0 / 3, order: 20 * time.Second, pause: 50 * time.Millisecond}

// door is the HTTP door of all managers of a test; the one that is set answers.
type door struct {
	port int
	mu   sync.Mutex
	m    *Manager
}

func openDoor(t *testing.T) *door {
	d := &door{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.port = l.Addr().(*net.TCPAddr).Port
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		m := d.m
		d.mu.Unlock()
		if m == nil || !m.Answer(w, r) {
			http.NotFound(w, r)
		}
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return d
}

// only wants a certificate for one name. Tests beside each other take different ones: the library has one list of what is
// under way for the whole process.
func only(name string) func(context.Context) ([]string, error) {
	return func(context.Context) ([]string, error) { return []string{name}, nil }
}

// start runs a manager until the test ends or the returned function is called.
func (d *door) start(t *testing.T, o Options) (m *Manager, stop func()) {
	t.Helper()
	if o.pace == (pace{}) {
		o.pace = quick
	}
	o.HTTP = (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: d.port}).String()
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.m = m
	d.mu.Unlock()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { m.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		m.Close()
	})
	t.Cleanup(stop)
	return m, stop
}

// until waits for something that comes by itself.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begun := time.Now(); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("after half a minute: %s", what)
		}
	}
}

func wait(t *testing.T, m *Manager, name string, not *tls.Certificate) (c *tls.Certificate) {
	t.Helper()
	until(t, "no certificate for "+name, func() bool {
		c = m.Certificate(name)
		return c != nil && (not == nil || !bytes.Equal(c.Certificate[0], not.Certificate[0]))
	})
	return c
}

// A certificate is got, checked by whoever knows the authority, and used by the next process and the next node.
func TestIssue(t *testing.T) {
	t.Parallel()
	const name = "issue.example.org"
	d := openDoor(t)
	p := pebbletest.Start(t, pebbletest.Options{HTTPPort: d.port})
	o := Options{Names: only(name), Storage: new(certtest.Memory), Directory: p.Directory, Roots: p.Roots}
	first, stop := d.start(t, o)
	planned, err := first.Key(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	got := wait(t, first, name, nil)
	between := x509.NewCertPool()
	for _, der := range got.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		between.AddCert(c)
	}
	if _, err := got.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: p.Issues, Intermediates: between}); err != nil {
		t.Error(err)
	}
	if first.Certificate("other.example.org") != nil {
		t.Error("there is a certificate for another name")
	}
	if key, err := first.Key(t.Context(), name); err != nil || !key.(*ecdsa.PublicKey).Equal(got.Leaf.PublicKey) || !key.(*ecdsa.PublicKey).Equal(planned) {
		t.Errorf("the key is another than was said (%v)", err)
	}
	stop()

	o.Roots = x509.NewCertPool() // the authority is not trusted, and so cannot be asked
	for range 2 {
		again, _ := d.start(t, o)
		if c := wait(t, again, name, nil); !bytes.Equal(c.Certificate[0], got.Certificate[0]) {
			t.Error("another process has another certificate")
		}
	}
}

// Two nodes that start together order once, and either answers the authority.
func TestTwoNodesOrderOnce(t *testing.T) {
	t.Parallel()
	const name = "two.example.org"
	d := openDoor(t)
	p := pebbletest.Start(t, pebbletest.Options{HTTPPort: d.port})
	o := Options{Names: only(name), Storage: new(certtest.Memory), Directory: p.Directory, Roots: p.Roots}
	one, _ := d.start(t, o)
	two, _ := d.start(t, o)
	if a, b := wait(t, one, name, nil), wait(t, two, name, nil); !bytes.Equal(a.Certificate[0], b.Certificate[0]) {
		t.Error("two certificates were ordered")
	}
}

// A renewed certificate has the same key and is shown to who comes then; a session under the old one goes on. The other node
// has it without ordering.
func TestRenew(t *testing.T) {
	t.Parallel()
	const name = "renew.example.org"
	d := openDoor(t)
	p := pebbletest.Start(t, pebbletest.Options{HTTPPort: d.port, Validity: time.Minute})
	var log lines
	o := Options{Names: only(name), Storage: new(certtest.Memory), Directory: p.Directory, Roots: p.Roots, Logger: slog.New(slog.NewTextHandler(&log, nil)), pace: quick}
	o.pace.window = 0.97
	m, _ := d.start(t, o)
	old := wait(t, m, name, nil)
	now := time.Now()
	source, err := cert.Issued(func() *tls.Certificate { return m.Certificate(name) }, t.TempDir(), name, cert.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	session := dial(t, source)
	if !bytes.Equal(session.ConnectionState().PeerCertificates[0].Raw, old.Certificate[0]) {
		t.Error("it is not shown")
	}
	other, _ := d.start(t, o)
	renewed := wait(t, m, name, old)
	if !renewed.Leaf.PublicKey.(*ecdsa.PublicKey).Equal(old.Leaf.PublicKey) {
		t.Error("the renewed certificate has another key")
	}
	now = now.Add(11 * time.Second)
	if c := dial(t, source).ConnectionState().PeerCertificates[0]; bytes.Equal(c.Raw, old.Certificate[0]) {
		t.Error("the old certificate is still shown")
	}
	if _, err := session.Write([]byte("still here")); err != nil {
		t.Errorf("the open session: %v", err)
	}
	wait(t, other, name, old)
	if !strings.Contains(log.String(), `"acme: certificate obtained" name=renew.example.org renewal=true`) {
		t.Errorf("logged:\n%s", log.String())
	}
}

// dial opens a TLS connection to the source, whose other end reads.
func dial(t *testing.T, source *cert.Source) *tls.Conn {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	go func() {
		server := tls.Server(far, source.Config())
		for buffer := make([]byte, 100); ; {
			if _, err := server.Read(buffer); err != nil {
				return
			}
		}
	}()
	c := tls.Client(near, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

// What cannot be had is tried again, and keeps nobody else's waiting; names come and go.
func TestNamesComeAndGo(t *testing.T) {
	t.Parallel()
	const name = "come.example.org"
	d := openDoor(t)
	p := pebbletest.Start(t, pebbletest.Options{HTTPPort: d.port})
	var log lines
	var mu sync.Mutex
	names := []string{"not a name", name}
	o := Options{Names: only(name), Storage: new(certtest.Memory), Directory: p.Directory, Roots: p.Roots, Logger: slog.New(slog.NewTextHandler(&log, nil)), pace: quick}
	o.pace.order = 2 * time.Second
	o.Names = func(context.Context) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(names), nil
	}
	m, _ := d.start(t, o)
	wait(t, m, name, nil)
	until(t, "it is not tried again", func() bool {
		return strings.Count(log.String(), "there is no certificate, it will be tried again") >= 2
	})
	mu.Lock()
	names = []string{"mta-sts.example.net"}
	mu.Unlock()
	wait(t, m, "mta-sts.example.net", nil)
	until(t, "what nobody wants is still there", func() bool { return m.Certificate(name) == nil })
}

// An authority whose own certificate nobody vouches for is not asked.
func TestAnUnknownAuthority(t *testing.T) {
	t.Parallel()
	const name = "unknown.example.org"
	d := openDoor(t)
	p := pebbletest.Start(t, pebbletest.Options{HTTPPort: d.port})
	var log lines
	d.start(t, Options{Names: only(name), Storage: new(certtest.Memory), Directory: p.Directory, Roots: x509.NewCertPool(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	until(t, "nothing is wrong", func() bool {
		return strings.Contains(log.String(), "the authority gave no certificate") && strings.Contains(log.String(), "certificate signed by unknown authority")
	})
}

// Who asks for a proof that is not under way gets none.
func TestStrangersQuestions(t *testing.T) {
	d := openDoor(t)
	m, _ := d.start(t, Options{Names: func(context.Context) ([]string, error) { return nil, nil }, Storage: new(certtest.Memory), Directory: "https://127.0.0.1:1/dir"})
	for _, path := range []string{"/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", "/.well-known/acme-challenge/", "/.well-known/acme-challenge/../../x", "/"} {
		w := httptest.NewRecorder()
		if m.Answer(w, httptest.NewRequest("GET", "http://mail.example.org"+path, nil)) || w.Body.Len() > 0 {
			t.Errorf("%s is answered %q", path, w.Body)
		}
	}
}

// What the library says keeps its values, and weighs less.
func TestTheLogOfTheLibrary(t *testing.T) {
	var log lines
	logger := zap.New(&core{handler: slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})}).With(zap.String("a", "b"))
	logger.Warn("not shown")
	logger.Error("something", zap.Int("n", 3), zap.Error(context.Canceled))
	if got := log.String(); !strings.Contains(got, `level=INFO msg="acme: something" a=b n=3 error="context canceled"`) || strings.Contains(got, "not shown") {
		t.Errorf("logged %s", got)
	}
}

// lines is a log that several goroutines write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
