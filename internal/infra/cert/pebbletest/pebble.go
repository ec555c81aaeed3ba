// Package pebbletest runs Pebble, the certificate authority that Let's Encrypt has for tests, for one test.
package pebbletest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Options say how the authority works.
type Options struct {
	HTTPPort int           // where it asks for http-01
	DNS      string        // the resolver it asks; "": one that says 127.0.0.1 for every name
	Validity time.Duration // of its certificates; 0: five years
}

// Pebble is a running authority.
type Pebble struct {
	Directory string         // URL
	RootsFile string         // PEM file of what its own certificate is checked with
	Roots     *x509.CertPool // the same
	Issues    *x509.CertPool // what its certificates are checked with
}

// FreePort is a TCP port of the loopback address that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Start starts it, until the test ends. A test on a machine without it is skipped.
func Start(t testing.TB, o Options) *Pebble {
	t.Helper()
	for _, program := range []string{"pebble", "pebble-challtestsrv"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is not installed (test/setup does it): %v", program, err)
			}
			t.Skipf("%s is not installed: make setup", program)
		}
	}
	dir := t.TempDir()
	p := &Pebble{RootsFile: filepath.Join(dir, "roots.pem")}
	p.certify(t, dir)
	if o.DNS == "" {
		o.DNS = address(FreePort(t))
		run(t, dir, "pebble-challtestsrv", "-dns01", o.DNS, "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", address(FreePort(t)), "-defaultIPv6", "")
	}
	if o.Validity == 0 {
		o.Validity = 5 * 365 * 24 * time.Hour
	}
	listen, manage := address(FreePort(t)), address(FreePort(t))
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": manage, "certificate": filepath.Join(dir, "server.pem"),
		"privateKey": filepath.Join(dir, "server.key"), "httpPort": o.HTTPPort, "tlsPort": FreePort(t), "certificateValidityPeriod": int(o.Validity.Seconds()),
	}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "pebble.json"), config)
	run(t, dir, "pebble", "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", o.DNS)
	p.Directory = "https://" + listen + "/dir"
	p.get(t, p.Directory)
	p.Issues = x509.NewCertPool()
	if !p.Issues.AppendCertsFromPEM(p.get(t, "https://"+manage+"/roots/0")) {
		t.Fatal("pebble has no root")
	}
	return p
}

func address(port int) string {
	return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String()
}

// run starts a program, which is killed when the test ends. Of one that failed the test shows what it said.
func run(t testing.TB, dir, name string, args ...string) {
	t.Helper()
	log, err := os.CreateTemp(dir, name+".*.log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=5")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s said:\n%s", name, text)
		}
	})
}

// get asks the authority, and waits until it answers.
func (p *Pebble) get(t testing.TB, url string) []byte {
	t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.Roots}}}
	defer client.CloseIdleConnections()
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		answer, err := client.Get(url)
		if err == nil {
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatal(err)
		}
	}
}

// certify makes the authority's own certificate, which is its own root.
func (p *Pebble) certify(t testing.TB, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "pebble's own"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, filepath.Join(dir, "server.pem"), certificate)
	write(t, filepath.Join(dir, "server.key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
	write(t, p.RootsFile, certificate)
	p.Roots = x509.NewCertPool()
	p.Roots.AppendCertsFromPEM(certificate)
}

func write(t testing.TB, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
