package cert

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// server is a source with a clock that the test moves.
type server struct {
	t   *testing.T
	now time.Time
	log bytes.Buffer
	*Source
}

func newServer(t *testing.T) *server { return &server{t: t, now: time.Now()} }

func (s *server) options() Options {
	return Options{Logger: slog.New(slog.NewTextHandler(&s.log, nil)), Now: func() time.Time { return s.now }}
}

func (s *server) selfSigned(dir, hostname string) *server {
	s.t.Helper()
	var err error
	if s.Source, err = SelfSigned(dir, hostname, s.options()); err != nil {
		s.t.Fatal(err)
	}
	return s
}

// after moves the clock and returns the certificate that a client is then shown.
func (s *server) after(d time.Duration) tls.Certificate {
	s.t.Helper()
	s.now = s.now.Add(d)
	near, far := net.Pipe()
	defer near.Close()
	go tls.Server(far, s.Config()).Handshake()
	c := tls.Client(near, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		s.t.Fatal(err)
	}
	leaf := c.ConnectionState().PeerCertificates[0]
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, Leaf: leaf}
}

func same(a, b tls.Certificate) bool { return bytes.Equal(a.Certificate[0], b.Certificate[0]) }

func TestSelfSignedIsKeptAndRenewed(t *testing.T) {
	dir := t.TempDir()
	s := newServer(t).selfSigned(dir, "mail.example.org")
	first := s.after(0)
	for _, name := range []string{"mail.example.org", "localhost", "127.0.0.1", "::1"} {
		if err := first.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if !same(first, s.selfSigned(dir, "mail.example.org").after(24*time.Hour)) {
		t.Error("the second start made another certificate")
	}
	if same(first, s.selfSigned(dir, "mx.example.net").after(0)) {
		t.Error("the certificate is for another name")
	}
	info, err := os.Stat(filepath.Join(dir, "self-signed.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is readable by others: %v %v", info.Mode(), err)
	}

	// A server that runs and runs, and a start after that.
	first = s.after(0)
	if !same(first, s.after(lifetime-renewal-25*time.Hour)) {
		t.Error("renewed too early")
	}
	renewed := s.after(25 * time.Hour)
	if same(first, renewed) || renewed.Leaf.NotAfter.Sub(s.now) < lifetime-time.Hour {
		t.Errorf("near its end the certificate is not renewed: until %v", renewed.Leaf.NotAfter)
	}
	if !same(renewed, s.selfSigned(dir, "mx.example.net").after(0)) {
		t.Error("the renewed certificate was not kept")
	}
	if same(renewed, s.selfSigned(dir, "mx.example.net").after(lifetime)) {
		t.Error("a start shows a certificate that has ended")
	}
}

func TestEachNameOnce(t *testing.T) {
	if names := newServer(t).selfSigned(t.TempDir(), "localhost").after(0).Leaf.DNSNames; !slices.Equal(names, []string{"localhost"}) {
		t.Errorf("names %q", names)
	}
}

func TestADamagedPairIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	newServer(t).selfSigned(dir, "localhost")
	if err := os.WriteFile(filepath.Join(dir, "self-signed.key"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := SelfSigned(dir, "localhost", Options{}); err == nil || !strings.Contains(err.Error(), "remove both") {
		t.Errorf("got %v", err)
	}
	if _, err := Files(filepath.Join(dir, "none.crt"), filepath.Join(dir, "none.key"), Options{}); err == nil || !strings.Contains(err.Error(), "none.crt") {
		t.Errorf("files that are not there: %v", err)
	}
}

// pair is a certificate with its key, as an operator's program writes them.
type pair struct{ certificate, key []byte }

func newPair(t *testing.T, hostname string, now time.Time) pair {
	t.Helper()
	c, k, err := generate(hostname, now)
	if err != nil {
		t.Fatal(err)
	}
	return pair{c, k}
}

// A renewed pair is shown to new connections; one that cannot be used is logged and changes nothing.
func TestRenewedFiles(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	certificate, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	write := func(name string, content []byte) {
		t.Helper()
		if err := replace(name, content, 0o600); err != nil { // as certbot does, by a new file
			t.Fatal(err)
		}
	}
	first, second, third := newPair(t, "one.example.org", s.now), newPair(t, "two.example.org", s.now), newPair(t, "three.example.org", s.now)
	write(certificate, first.certificate)
	write(key, first.key)
	var err error
	if s.Source, err = Files(certificate, key, s.options()); err != nil {
		t.Fatal(err)
	}
	shows := func(d time.Duration, name string) {
		t.Helper()
		if leaf := s.after(d).Leaf; leaf.DNSNames[0] != name {
			t.Errorf("shown the certificate of %s, want %s", leaf.DNSNames[0], name)
		}
	}
	logged := func(n int, text string) {
		t.Helper()
		if got := strings.Count(s.log.String(), text); got != n {
			t.Errorf("%q is logged %d times, want %d:\n%s", text, got, n, &s.log)
		}
	}
	const refused = "the renewed certificate cannot be used"
	shows(0, "one.example.org")

	write(certificate, second.certificate) // its key comes a little later
	shows(lookEvery/2, "one.example.org")
	shows(lookEvery, "one.example.org")
	shows(lookEvery, "one.example.org")
	logged(1, refused)
	write(key, second.key)
	shows(lookEvery, "two.example.org")

	for _, damage := range []func(){
		func() { write(certificate, []byte("nonsense")) },
		func() { os.Remove(key) },
		func() {
			old := newPair(t, "old.example.org", s.now.Add(-lifetime-2*time.Hour))
			write(certificate, old.certificate)
			write(key, old.key)
		},
	} {
		damage()
		shows(lookEvery, "two.example.org")
		shows(lookEvery, "two.example.org")
	}
	logged(4, refused)

	if err := os.WriteFile(certificate, third.certificate, 0o600); err != nil { // in place
		t.Fatal(err)
	}
	if err := os.WriteFile(key, third.key, 0o600); err != nil {
		t.Fatal(err)
	}
	shows(lookEvery, "three.example.org")
	logged(1, `names="[three.example.org localhost]"`)
}

// The self-signed certificate is shown until there is another, which then is, and the next one after that. A connection that
// is open stays.
func TestIssued(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	var got *tls.Certificate
	var err error
	if s.Source, err = Issued(func() *tls.Certificate { return got }, dir, "mail.example.org", s.options()); err != nil {
		t.Fatal(err)
	}
	first := s.after(0)
	if !same(first, newServer(t).selfSigned(dir, "mail.example.org").after(0)) {
		t.Error("at first it is not the self-signed one")
	}
	near, far := net.Pipe()
	defer near.Close()
	server, client := tls.Server(far, s.Config()), tls.Client(near, &tls.Config{InsecureSkipVerify: true})
	go server.Handshake()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p := newPair(t, "mail.example.org", s.now)
		pair, err := tls.X509KeyPair(p.certificate, p.key)
		if err != nil {
			t.Fatal(err)
		}
		got = &pair
		if !same(pair, s.after(lookEvery)) || !same(pair, *s.Certificate()) {
			t.Error("another is shown than was got")
		}
	}
	go server.Write([]byte("still here"))
	if text, err := io.ReadAll(io.LimitReader(client, 10)); string(text) != "still here" {
		t.Errorf("the open connection has %q, %v", text, err)
	}
}

// A start with a certificate that has ended is better than none, and says so.
func TestAnEndedCertificate(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	old := newPair(t, "old.example.org", s.now.Add(-lifetime-2*time.Hour))
	certificate, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(certificate, old.certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, old.key, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Files(certificate, key, s.options()); err != nil || !strings.Contains(s.log.String(), "level=WARN") {
		t.Errorf("%v, logged %s", err, &s.log)
	}
}

// Versions of TLS that are broken are not spoken.
func TestOldVersionsAreRefused(t *testing.T) {
	config := newServer(t).selfSigned(t.TempDir(), "mx.example.org").Config()
	for version, works := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		near, far := net.Pipe()
		defer near.Close()
		go tls.Server(far, config).Handshake()
		err := tls.Client(near, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}).Handshake()
		if works != (err == nil) {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}
