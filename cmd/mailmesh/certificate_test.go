package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cert/pebbletest"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/infra/dns/dnstest"
)

func freePort(t *testing.T) int { return pebbletest.FreePort(t) }

// running is a server of its own process.
type running struct {
	t      *testing.T
	config string // file
	cmd    *exec.Cmd
	log    bytes.Buffer
	doors  map[string]any
}

// serveWith runs the server with a configuration file until it is stopped.
func serveWith(t *testing.T, config string, environ ...string) *running {
	t.Helper()
	dir := t.TempDir()
	file, ready := filepath.Join(dir, "mailmesh.toml"), filepath.Join(dir, "ready.json")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, config: file, cmd: program(t, "serve", "--config", file, "--ready-file", ready)}
	r.cmd.Env = append(r.cmd.Env, environ...)
	r.cmd.Stderr = &r.log
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(ready)
		if err == nil {
			if err := json.Unmarshal(text, &r.doors); err != nil {
				t.Fatal(err)
			}
			return r
		}
		if time.Since(begun) > time.Minute {
			r.cmd.Process.Kill()
			r.cmd.Wait()
			t.Fatalf("the server is not ready after a minute:\n%s", &r.log)
		}
	}
}

func (r *running) stop() {
	r.t.Helper()
	if err := errors.Join(r.cmd.Process.Signal(os.Interrupt), r.cmd.Wait()); err != nil {
		r.t.Errorf("%v\n%s", err, &r.log)
	}
}

// shown is the certificate that a door shows to who asks for a name.
func (r *running) shown(door, name string) *x509.Certificate {
	r.t.Helper()
	c, err := tls.Dial("tcp", r.doors[door].(string), &tls.Config{InsecureSkipVerify: true, ServerName: name})
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

// ordered waits until a server has its certificate from the authority.
func (r *running) ordered(name string) *x509.Certificate {
	r.t.Helper()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if c := r.shown("imaps", name); strings.Contains(c.Issuer.CommonName, "Pebble") {
			return c
		}
		if time.Since(begun) > time.Minute {
			r.cmd.Process.Kill()
			r.cmd.Wait()
			r.t.Fatalf("no certificate after a minute:\n%s", &r.log)
		}
	}
}

// The server gets its certificate, shows it at every door without a restart, and has it at once when it is started again. Until
// then it shows a self-signed one.
func TestOrderedCertificate(t *testing.T) {
	const hostname = "mail.mailmesh.test"
	for _, challenge := range []string{"http-01", "dns-01"} {
		t.Run(challenge, func(t *testing.T) {
			t.Parallel()
			web := freePort(t)
			names := dnstest.Start(t, "127.0.0.1:0")
			names.Zone("mailmesh.test", "mail A 127.0.0.1\n")
			names.Key("mailmesh", []byte("secret secret secret"))
			more := ""
			authority := pebbletest.Start(t, pebbletest.Options{HTTPPort: web, DNS: names.Addr().String()})
			if challenge == "dns-01" {
				key := filepath.Join(t.TempDir(), "key")
				text := fmt.Sprintf("key mailmesh { algorithm hmac-sha256; secret %q; };", base64.StdEncoding.EncodeToString([]byte("secret secret secret")))
				if err := os.WriteFile(key, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				more = fmt.Sprintf("dns_server = %q\ndns_key = %q\n", names.Addr(), key)
			}
			free := `["127.0.0.1:0"]`
			config := fmt.Sprintf("hostname = %q\ndata = %q\n[acme]\ndirectory = %q\n%s[listen]\nhttp = [\"127.0.0.1:%d\"]\n", hostname, t.TempDir(), authority.Directory, more, web)
			for _, door := range []string{"smtp", "lmtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s", "https", "metrics"} {
				config += door + " = " + free + "\n"
			}
			start := func() *running { return serveWith(t, config, "SSL_CERT_FILE="+authority.RootsFile) }
			first := start()
			got := first.ordered(hostname)
			for _, door := range []string{"https", "pop3s"} {
				if !first.shown(door, hostname).Equal(got) {
					t.Errorf("%s shows another certificate", door)
				}
			}
			first.stop()
			if !strings.Contains(first.log.String(), "names=\"["+hostname+" localhost]\"") {
				t.Error("it did not begin with a self-signed certificate")
			}
			second := start()
			if !second.shown("imaps", hostname).Equal(got) {
				t.Error("after a restart the certificate is another")
			}
			second.stop()
		})
	}
}

// Nodes on one database have one another's certificates: one answers the authority for another, and one that comes later shows
// what is there at once.
func TestNodesShareCertificates(t *testing.T) {
	t.Parallel()
	web := freePort(t)
	names := dnstest.Start(t, "127.0.0.1:0")
	names.Zone("mailmesh.test", "one A 127.0.0.1\ntwo A 127.0.0.1\n")
	authority := pebbletest.Start(t, pebbletest.Options{HTTPPort: web, DNS: names.Addr().String()})
	database, master := dbtest.PostgresURL(t, nil), []byte("a master key has 32 bytes, no mo")
	start := func(hostname string, httpPort int) *running {
		data := t.TempDir()
		if err := os.WriteFile(filepath.Join(data, "master.key"), master, 0o600); err != nil {
			t.Fatal(err)
		}
		config := fmt.Sprintf("hostname = %q\ndata = %q\ndatabase = %q\n[acme]\ndirectory = %q\n[listen]\nhttp = [\"127.0.0.1:%d\"]\n", hostname, data, database, authority.Directory, httpPort)
		for _, door := range []string{"smtp", "lmtp", "submissions", "submission", "imap", "imaps", "pop3", "pop3s", "https", "cluster", "metrics"} {
			config += door + " = [\"127.0.0.1:0\"]\n"
		}
		return serveWith(t, config, "SSL_CERT_FILE="+authority.RootsFile)
	}
	two := start("two.mailmesh.test", web) // the authority comes to this one, whatever it asks
	defer two.stop()
	one := start("one.mailmesh.test", freePort(t))
	defer one.stop()
	got := one.ordered("one.mailmesh.test")
	two.ordered("two.mailmesh.test")
	later := start("one.mailmesh.test", freePort(t))
	defer later.stop()
	if !later.shown("imaps", "one.mailmesh.test").Equal(got) {
		t.Error("a node that came later shows another certificate")
	}
}

// What programs ask at the web doors, of a server that runs.
func TestWebDoors(t *testing.T) {
	config := fmt.Sprintf("hostname = \"mail.example.org\"\ndata = %q\n[listen]\n", t.TempDir())
	for _, door := range []string{"smtp", "lmtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s", "http", "https", "metrics"} {
		config += door + " = [\"127.0.0.1:0\"]\n"
	}
	r := serveWith(t, config)
	defer r.stop()
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			door := map[string]string{"80": "http", "443": "https"}[address[strings.LastIndex(address, ":")+1:]]
			return new(net.Dialer).DialContext(ctx, "tcp", r.doors[door].(string))
		}},
	}
	for url, want := range map[string]string{
		"http://mail.example.org/x":                           "308 https://mail.example.org/x",
		"https://mail.example.org/":                           "200 ",
		"https://mta-sts.example.org/.well-known/mta-sts.txt": "404 ",
		"http://mail.example.org/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=ann@example.com": "404 ",
		"https://mail.example.org/.well-known/autoconfig/mail/../config":                                   "307 ",
		"https://mail.example.org/" + strings.Repeat("x", 1000):                                            "404 ",
	} {
		answer, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if got := fmt.Sprintf("%d %s", answer.StatusCode, answer.Header.Get("Location")); !strings.HasPrefix(got, want) {
			t.Errorf("%.100s: %s, want %s", url, got, want)
		}
	}
}
