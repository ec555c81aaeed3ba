//go:build system

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/infra/dns/dnstest"
)

// internet is all there is.
type internet struct {
	dns     *dnstest.Server
	ca      *authority
	dir     string // that every user may enter
	unbound *process
	web     *web
	hosts   int               // made so far
	reverse map[string]string // PTR records by zone

	alpha, beta, gamma *mailmesh
	postfix            *postfix
}

// newInternet makes all of it.
func newInternet(t *testing.T) *internet {
	t.Helper()
	in := newGround(t)
	in.web = newWeb(t, in)
	in.alpha = newMailmesh(t, in, "alpha.example", "192.0.2.11", "ada")
	in.alpha.run("", "account", "set", "ada@alpha.example", "--max-recipients=-1", "--max-strangers=-1")
	in.beta = newMailmesh(t, in, "beta.example", "192.0.2.12", "bob")
	in.gamma = newMailmesh(t, in, "gamma.example", "192.0.2.13", "gil")
	in.postfix = newPostfix(t, in, "postfix.example", "192.0.2.20", "pat", "påt")
	return in
}

// newGround makes the wire and its names.
func newGround(t *testing.T) *internet {
	t.Helper()
	if os.Getenv(inside) == "" {
		missing(t, "namespaces and port 25 need root")
	}
	dir, err := os.MkdirTemp("", "interop-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	in := &internet{reverse: map[string]string{}, dir: dir, ca: newAuthority(t, dir)}
	in.address(t, "192.0.2.53")
	in.dns = dnstest.Start(t, "192.0.2.53:53")
	in.dns.Zone(".", "@ NS ns.\nns. A 192.0.2.53\n", dnstest.Signed)
	in.zone("example", "")
	in.startUnbound(t)
	return in
}

// address puts one of the test's own hosts on the wire.
func (in *internet) address(t *testing.T, address string) {
	t.Helper()
	run(t, "ip", "addr", "add", address+"/32", "dev", "internet")
	t.Cleanup(func() { exec.Command("ip", "addr", "del", address+"/32", "dev", "internet").Run() })
}

// zone serves a signed zone.
func (in *internet) zone(origin, text string) {
	in.dns.Zone(origin, "@ NS ns.\n"+text, dnstest.Signed)
}

// publish serves a domain with what the program says that it needs, and gives its addresses their names.
func (in *internet) publish(domain, records string) {
	own := ""
	for line := range strings.Lines(records) {
		owner, _, _ := strings.Cut(line, " ")
		switch {
		case strings.HasSuffix(owner, ".in-addr.arpa."):
			in.reverse["2.0.192.in-addr.arpa"] += line
		case strings.HasSuffix(owner, ".ip6.arpa."):
			in.reverse["8.b.d.0.1.0.0.2.ip6.arpa"] += line
		default:
			own += line
		}
	}
	in.zone(domain, own)
	for zone, records := range in.reverse {
		in.zone(zone, records)
	}
}

// unsigned serves one that is not.
func (in *internet) unsigned(origin, text string) {
	in.dns.Zone(origin, "@ NS ns.\n"+text)
}

// startUnbound starts Debian's resolver, which trusts our root and keeps nothing: tests change zones.
func (in *internet) startUnbound(t *testing.T) {
	t.Helper()
	in.address(t, "192.0.2.54")
	write := func(name, text string) string {
		path := filepath.Join(in.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	hints := write("root.hints", ". 60 IN NS ns.\nns. 60 IN A 192.0.2.53\n")
	anchor := write("root.key", in.dns.Anchor(".")+"\n")
	conf := write("unbound.conf", fmt.Sprintf(`server:
  interface: 192.0.2.54
  outgoing-interface: 192.0.2.54
  access-control: 192.0.2.0/24 allow
  do-daemonize: no
  use-syslog: no
  logfile: ""
  log-servfail: yes
  username: ""
  chroot: ""
  directory: %q
  pidfile: ""
  root-hints: %q
  trust-anchor-file: %q
  module-config: "validator iterator"
  local-zone: "2.0.192.in-addr.arpa." nodefault
  local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
  aggressive-nsec: no
  infra-host-ttl: 1
  do-ip6: no
remote-control:
  control-enable: no
`, in.dir, hints, anchor))
	// The machines are other processes; this one's resolver is the same.
	cmd := exec.Command(tool(t, "unbound"), "-c", conf)
	in.unbound = start(t, cmd, func() bool { return listens("192.0.2.54:53") })
}

// resolver asks unbound, as every machine does.
func (in *internet) resolver() *dns.Resolver { return dns.New(dns.Options{}) }

// TestInternet runs all cases in one internet: it takes seconds to build.
func TestInternet(t *testing.T) {
	in := newInternet(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *internet)
	}{
		{"names", testNames},
		{"from-postfix", testFromPostfix},
		{"bounce-from-postfix", testBounceFromPostfix},
		{"crowd-from-postfix", testCrowdFromPostfix},
		{"utf8-from-postfix", testUTF8FromPostfix},
		{"large-from-postfix", testLargeFromPostfix},
		{"check", testCheck},
		{"to-postfix", testToPostfix},
		{"signed", testSigned},
		{"among-us", testAmongUs},
		{"utf8-to-postfix", testUTF8ToPostfix},
		{"utf8-to-ascii", testUTF8ToASCII},
		{"idn", testIDN},
		{"large-to-postfix", testLargeToPostfix},
		{"crowd-to-postfix", testCrowdToPostfix},
		{"bounce-to-postfix", testBounceToPostfix},
		{"nowhere", testNowhere},
		{"success-reports", testSuccessReports},
		{"tls", testTLS},
		{"requiretls", testRequireTLS},
		{"greylisted", testGreylisted},
		{"deferred-for-an-hour", testDeferredForAnHour},
		{"hangs", testHangs},
		{"long-replies", testLongReplies},
		{"unplugged", testUnplugged},
		{"second-host", testSecondHost},
		{"delayed", testDelayed},
		{"hostile-dns", testHostileDNS},
		{"nxdomain-storm", testNXDOMAINStorm},
		{"forwarded", testForwarded},
		{"circle", testCircle},
		{"group", testGroup},
		{"smarthost", testSmarthost},
		{"operator", testOperator},
		{"no-relay", testNoRelay},
		{"no-relay-for-users", testNoRelayForUsers},
	} {
		in.run(t, c.name, func(t *testing.T) { c.test(t, in) })
	}
}

// run runs a case, which the machines then tell what goes wrong on them.
func (in *internet) run(t *testing.T, name string, test func(t *testing.T)) {
	machines := []*machine{in.alpha.machine, in.beta.machine, in.gamma.machine, in.postfix.machine}
	t.Run(name, func(t *testing.T) {
		for _, m := range machines {
			defer func(old *testing.T) { m.t = old }(m.t)
			m.t = t
		}
		defer func() {
			if t.Failed() {
				in.tellWaiting(t)
			}
		}()
		test(t)
	})
}

// tellWaiting says what mail waits for, everywhere.
func (in *internet) tellWaiting(t *testing.T) {
	for _, m := range []*mailmesh{in.alpha, in.beta, in.gamma} {
		list, err := m.try("", "queue", "list")
		t.Logf("the queue of %s (%v):\n%s", m.name, err, list)
	}
}

// The ground that the rest stands on: unbound validates our zones, and our resolver believes it.
func testNames(t *testing.T, in *internet) {
	in.zone("signed.example", "@ MX 10 mx\nmx A 192.0.2.99\n_25._tcp.mx TLSA 3 1 1 "+strings.Repeat("ab", 32)+"\nwww CNAME mx.plain.example.\n*.wild A 192.0.2.98\n")
	in.unsigned("plain.example", "@ MX 10 mx\nmx A 192.0.2.97\n")
	r := in.resolver()
	ctx := t.Context()

	mx, err := r.MX(ctx, "signed.example")
	if err != nil || !mx.Authentic || fmt.Sprint(mx.Records) != "[{mx.signed.example 10}]" {
		t.Errorf("MX: %+v, %v", mx, err)
	}
	tlsa, err := r.TLSA(ctx, "_25._tcp.mx.signed.example")
	if err != nil || !tlsa.Authentic || len(tlsa.Records) != 1 {
		t.Errorf("TLSA: %+v, %v", tlsa, err)
	}
	for name, want := range map[string]string{"mx.signed.example": "192.0.2.99 true", "x.wild.signed.example": "192.0.2.98 true",
		"mx.plain.example": "192.0.2.97 false", "www.signed.example": "192.0.2.97 false"} {
		answer, err := r.Addresses(ctx, name)
		if err != nil || len(answer.Records) != 1 || fmt.Sprint(answer.Records[0], answer.Authentic) != want {
			t.Errorf("%s: %+v, %v", name, answer, err)
		}
	}
	if alias, err := r.CNAME(ctx, "www.signed.example"); err != nil || !alias.Authentic {
		t.Errorf("the alias itself is signed: %+v, %v", alias, err)
	}
	for name, authentic := range map[string]bool{"_25._tcp.none.signed.example": true, "none.example": true, "_25._tcp.mx.plain.example": false} {
		_, err := r.TLSA(ctx, name)
		if e, ok := err.(*dns.Error); !ok || !dns.NotFound(err) || e.Authentic != authentic {
			t.Errorf("TLSA %s: %v", name, err)
		}
	}
	in.dns.Fault("bogus.signed.example", dnstest.Bogus)
	in.zone("signed.example", "bogus A 192.0.2.1\n")
	if answer, err := r.Addresses(ctx, "bogus.signed.example"); !dns.Temporary(err) {
		t.Errorf("a forged answer: %+v, %v", answer, err)
	}
	in.dns.Fault("silent.plain.example", dnstest.ServFail)
	if answer, err := r.MX(ctx, "silent.plain.example"); !dns.Temporary(err) {
		t.Errorf("a server that fails: %+v, %v", answer, err)
	}
}
