package onboarding

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns/dnstest"
)

// world is a server with which all is well, until a test changes it.
type world struct {
	t       *testing.T
	dns     *dnstest.Server
	zone    string
	says    map[string]string // by the port that is connected to; "": it is silent
	policy  string
	date    time.Time
	shown   tls.Certificate
	status  int
	opened  map[string]error
	kept    bool
	signing dnstest.Option
	free    uint64
	e       Environment
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dns: dnstest.Start(t, "127.0.0.1:0"), zone: Zone(Records(facts())), kept: true, signing: dnstest.Signed, free: 100 << 30, status: 200, date: time.Now(), opened: map[string]error{}}
	w.dns.Recursive = true
	w.zone += "gmail.com. MX 5 mx.gmail.com.\nmx.gmail.com. A 192.0.2.77\nietf.org. MX 0 mail.ietf.org.\n"
	w.policy = facts().Policy.Text()
	w.says = map[string]string{"25": "220 mail.example.org ESMTP\r\n", "143": "* OK ready\r\n", "993": "* OK ready\r\n", "443": "", "192.0.2.77:25": "220 mx.gmail.com\r\n"}
	root, key := issue(t, "an authority", nil, nil, time.Now().Add(time.Hour))
	w.shown, _ = issue(t, "mail.example.org", &root, key, time.Now().Add(60*24*time.Hour))
	roots := x509.NewCertPool()
	roots.AddCert(root.Leaf)
	w.e = Environment{
		Hostname: "mail.example.org", Data: t.TempDir(), Running: true, Policy: facts().Policy, Certificate: Ordered, Directory: "https://ca.example/", Roots: roots,
		Doors:   []Door{{"smtp", ":25"}, {"imap", "0.0.0.0:143"}, {"imaps", "[::]:993"}, {"https", "127.0.0.1:443"}},
		Domains: []Domain{{"example.org", Records(facts())}}, Web: &http.Client{Transport: w}, Dial: w.dial, Now: time.Now,
		Listen: func(_ context.Context, endpoint string) error { return w.opened[endpoint] },
		Machine: Machine{Addresses: facts().Addresses, Synchronized: func() (bool, error) { return w.kept, nil },
			Disk: func(string) (uint64, uint64, error) { return w.free, 200 << 30, nil }},
	}
	if err := os.Chmod(w.e.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.e.Data, "master.key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// issue makes a certificate; without an issuer it is one that signs others and itself.
func issue(t *testing.T, name string, by *tls.Certificate, with *ecdsa.PrivateKey, until time.Time) (tls.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-100 * 24 * time.Hour), NotAfter: until, BasicConstraintsValid: true, IsCA: by == nil, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.Leaf, with
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, key
}

// dial connects to what says something at a port.
func (w *world) dial(_ context.Context, _, address string) (net.Conn, error) {
	_, port, _ := net.SplitHostPort(address)
	text, there := w.says[address]
	if !there {
		text, there = w.says[port]
	}
	if !there || strings.HasPrefix(address, "192.0.2.77") && w.says["192.0.2.77:25"] == "" {
		return nil, fmt.Errorf("dial %s: %w", address, syscall.ECONNREFUSED)
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		var nc net.Conn = far
		if port == "993" || port == "443" {
			nc = tls.Server(far, &tls.Config{Certificates: []tls.Certificate{w.shown}})
		}
		io.WriteString(nc, text)
		io.Copy(io.Discard, nc)
	}()
	return near, nil
}

// RoundTrip is the web.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	switch r.URL.Host {
	case "ca.example":
		if w.date.IsZero() {
			return nil, errors.New("no route")
		}
	case "mta-sts.example.org":
		body = w.policy
	}
	if body == "" && r.URL.Host != "ca.example" {
		return nil, errors.New("no such host")
	}
	return &http.Response{StatusCode: w.status, Status: http.StatusText(w.status), Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Content-Type": {"text/plain"}, "Date": {w.date.UTC().Format(http.TimeFormat)}}}, nil
}

func (w *world) check() Report {
	w.dns.Zone(".", w.zone, w.signing)
	w.e.Resolver = w.dns.Resolver()
	return Check(w.t.Context(), w.e)
}

func TestAllIsWell(t *testing.T) {
	r := newWorld(t).check()
	for _, f := range r.Findings {
		if f.Level != Fine {
			t.Errorf("%+v", f)
		}
	}
	if !r.OK || len(r.Findings) < 20 {
		t.Errorf("%d findings", len(r.Findings))
	}
}

// Each fault is found, told in words, and comes with a way out.
func TestFaults(t *testing.T) {
	replace := func(old, now string) func(*world) {
		return func(w *world) {
			if !strings.Contains(w.zone, old) {
				w.t.Fatalf("the zone does not have %q", old)
			}
			w.zone = strings.Replace(w.zone, old, now, 1)
		}
	}
	without := func(start string) func(*world) {
		return func(w *world) {
			var kept []string
			for line := range strings.Lines(w.zone) {
				if !strings.HasPrefix(line, start) {
					kept = append(kept, line)
				}
			}
			w.zone = strings.Join(kept, "")
		}
	}
	for _, tt := range []struct {
		change func(*world)
		level  Level
		want   string
	}{
		{func(w *world) { delete(w.says, "143") }, Problem, "imap on 0.0.0.0:143 does not answer"},
		{func(w *world) { w.says["25"] = "SSH-2.0\r\n" }, Problem, `smtp on :25 answers as something else: "SSH-2.0`},
		{func(w *world) { w.e.Running = false }, Warning, "the server is not running"},
		{func(w *world) { w.e.Running = false; w.opened[":25"] = syscall.EADDRINUSE }, Problem, "another program holds port 25"},
		{func(w *world) { w.e.Running = false; w.opened[":25"] = syscall.EACCES }, Note, "may not open the ports 25"},
		{func(w *world) { w.e.Running = false; w.opened[":25"] = errors.New("no such host") }, Problem, "no such host"},
		{func(w *world) { w.e.Hostname = "mail" }, Problem, "not a full host name"},
		{without("mail.example.org."), Problem, "mail.example.org has no address"},
		{replace("192.0.2.1", "192.168.0.1"), Warning, "which is private"},
		{replace("192.0.2.1", "127.0.0.1"), Problem, "which everybody has"},
		{func(w *world) { w.e.Machine.Addresses = nil }, Note, "not an address of this machine"},
		{without("1.2.0.192"), Problem, "192.0.2.1 has no name in the DNS"},
		{replace("PTR    mail.example.org.", "PTR    vps1.provider.example."), Warning, "is called vps1.provider.example and not mail.example.org"},
		{func(w *world) { w.dns.Fault("", dnstest.ServFail) }, Warning, "the DNS does not answer"},
		{without("example.org.       MX"), Problem, "example.org has no MX record"},
		{replace("MX     10 mail.example.org.", "MX     10 mx.other.example."), Problem, "goes to mx.other.example and not to"},
		{replace("MX     10 mail.example.org.", "MX     10 mail.example.org.\nexample.org. MX 20 mx.other.example."), Note, "goes also to mx.other.example"},
		{replace(`"v=spf1 mx -all"`, `"unrelated"`), Warning, "no SPF record"},
		{replace(`"v=spf1 mx -all"`, "\"v=spf1 mx -all\"\nexample.org. TXT \"v=spf1 -all\""), Problem, "2 SPF records"},
		{replace(`"v=spf1 mx -all"`, `"v=spf1 mx +all"`), Problem, "lets everybody send"},
		{replace(`"v=spf1 mx -all"`, `"v=spf1 ip4:198.51.100.0/24 -all"`), Warning, "does not seem to allow this server"},
		{without("rsa-a._domainkey"), Problem, "the DKIM key rsa-a._domainkey.example.org is not published"},
		{without("ed25519-b._domainkey"), Warning, "the DKIM key ed25519-b._domainkey.example.org is not published"},
		{replace(`p=yyyy"`, `p=y"`), Warning, "a part may have been lost"},
		{without("_dmarc"), Warning, "has no DMARC record"},
		{replace(`"v=DMARC1; p=quarantine"`, "\"v=DMARC1; p=none\"\n_dmarc.example.org. TXT \"v=DMARC1; p=reject\""), Problem, "2 DMARC records"},
		{without("_mta-sts"), Note, "has no MTA-STS record"},
		{func(w *world) { w.policy = "" }, Problem, "promises a policy that cannot be fetched"},
		{func(w *world) { w.policy = strings.Replace(w.policy, "mail.example.org", "mx.other.example", 1) }, Problem, "names mx.other.example and not mail.example.org"},
		{replace("v=STSv1; id=", "v=STSv1; id=0"), Warning, "has another id"},
		{replace("v=STSv1; id=", "v=STSv1; it="), Problem, "the MTA-STS record of example.org: the record has no id"},
		{without("autoconfig"), Note, "autoconfig.example.org does not exist"},
		{replace("autoconfig.example.org.         CNAME  mail.example.org.", "autoconfig.example.org. A 192.0.2.9"), Note, "autoconfig.example.org leads elsewhere"},
		{replace("3 1 1 ab", "3 1 1 cd"), Problem, "do not name the server's key"},
		{func(w *world) { w.e.Domains = nil }, Problem, "the server has no domain"},
		{func(w *world) { w.e.Roots = x509.NewCertPool() }, Problem, "mail programs will not trust the certificate"},
		{func(w *world) { w.shown, _ = issue(w.t, "mail.example.org", nil, nil, time.Now().Add(time.Hour)) }, Warning, "has not got its certificate yet"},
		{func(w *world) {
			w.e.Certificate = SelfSigned
			w.shown, _ = issue(w.t, "mail.example.org", nil, nil, time.Now().Add(time.Hour))
		}, Warning, "is self-signed"},
		{func(w *world) { w.shown, _ = issue(w.t, "other.example", nil, nil, time.Now().Add(time.Hour)) }, Problem, "not for mail.example.org but for [other.example]"},
		{func(w *world) { w.e.Now = func() time.Time { return time.Now().Add(50 * 24 * time.Hour) } }, Problem, "the clock is wrong by 1200h"},
		{func(w *world) { w.e.Now = func() time.Time { return time.Now().Add(61 * 24 * time.Hour) } }, Problem, "the certificate ended on"},
		{func(w *world) { w.date = time.Time{} }, Problem, "the certificate authority cannot be asked"},
		{func(w *world) { w.status = 503 }, Problem, "the certificate authority cannot be asked: Service Unavailable"},
		{func(w *world) { w.kept = false }, Warning, "nobody keeps the clock"},
		{func(w *world) { w.free = 100 << 20 }, Problem, "is full: 100 MiB of 200 GiB"},
		{func(w *world) { w.free = 5 << 30 }, Warning, "almost full: 5120 MiB"},
		{func(w *world) { os.Chmod(filepath.Join(w.e.Data, "master.key"), 0o644) }, Warning, "everybody on this machine may use"},
		{func(w *world) { w.e.Data += "/none" }, Problem, "there is no data folder"},
		{func(w *world) {
			w.e.ConfigFile, w.e.Secrets = filepath.Join(w.e.Data, "toml"), true
			os.WriteFile(w.e.ConfigFile, nil, 0o644)
			os.Chmod(w.e.ConfigFile, 0o644)
		}, Warning, "holds passwords, and everybody"},
		{func(w *world) { w.says["192.0.2.77:25"] = "" }, Problem, "the mail servers of others cannot be reached"},
		{func(w *world) { w.says["192.0.2.77:25"] = "554 no\r\n" }, Problem, `it says "554 no`},
		{func(w *world) { w.signing = 0 }, Note, "DANE is not used"},
		{func(w *world) { w.e.Smarthost = true }, Note, "to the smarthost"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tt.change(w)
			r := w.check()
			for _, f := range r.Findings {
				if f.Level == tt.level && strings.Contains(f.Text, tt.want) {
					if f.Level == Problem && (f.Mend == "" || r.OK) {
						t.Errorf("no way out: %+v, %v", f, r.OK)
					}
					return
				}
			}
			t.Errorf("not found in\n%+v", r.Findings)
		})
	}
}

// A file that another user owns is found: a command that ran as root leaves such.
func TestForeignFiles(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	w := newWorld(t)
	if err := os.Chown(w.e.Data, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	for _, f := range w.check().Findings {
		if strings.Contains(f.Text, "belongs to another user") && strings.HasPrefix(f.Mend, "chown -R --reference=") {
			return
		}
	}
	t.Error("not found")
}

// The SPF records that allow the server are known as such.
func TestAllowed(t *testing.T) {
	c := &domainCheck{e: &Environment{Hostname: "mail.example.org"}, name: "example.org", here: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
	for record, want := range map[string]bool{
		"v=spf1 mx -all": true, "v=spf1 +MX ~all": true, "v=spf1 a:mail.example.org -all": true, "v=spf1 ip4:192.0.2.0/24 -all": true, "v=spf1 ip4:192.0.2.1 -all": true,
		"v=spf1 include:_spf.example.net -all": true, "v=spf1 redirect=example.net": true,
		"v=spf1 a -all": false, "v=spf1 ip4:192.0.2.2 -all": false, "v=spf1 -all": false, "v=spf1 ip4:nonsense -all": false, "v=spf1 -mx ip6:2001:db8::/32 -all": false,
	} {
		if got := c.allowed(record); got != want {
			t.Errorf("%s: %v", record, got)
		}
	}
}
