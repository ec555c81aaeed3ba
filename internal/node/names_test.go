package node

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/dns/dnstest"
	"github.com/mailmesh/mailmesh/internal/protocol/webserver"
)

// A host is looked at after a minute, and less and less often.
func TestNamesAreLookedAtSeldom(t *testing.T) {
	s := dnstest.Start(t, "127.0.0.1:0")
	s.Recursive = true
	s.Zone("example.org", "mail A 192.0.2.1\n")
	now := time.Now()
	n := &names{hostname: "mail.example.org", now: func() time.Time { return now }, known: map[string]*lead{},
		domains: func(_ context.Context, each func(string)) error { each("example.org"); return nil }}
	var asked []int
	for minute := range 31 {
		n.resolver = s.Resolver()
		before := s.Asked("mta-sts.example.org", "A")
		if _, err := n.wanted(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.Asked("mta-sts.example.org", "A") > before {
			asked = append(asked, minute)
		}
		now = now.Add(time.Minute)
	}
	if want := []int{0, 1, 3, 7, 15, 25}; !slices.Equal(asked, want) {
		t.Errorf("asked at %v, want %v", asked, want)
	}
}

// Ports are told as others reach them.
func TestPorts(t *testing.T) {
	cfg := config.Default()
	cfg.Hostname = "mail.example.org"
	for _, tt := range []struct {
		https config.Endpoints
		want  int
	}{{nil, 0}, {config.Endpoints{":443"}, 443}, {config.Endpoints{"127.0.0.1:8443"}, 443}, {config.Endpoints{"[::1]:1", "192.0.2.1:8443"}, 8443}} {
		cfg.Listen.HTTPS = tt.https
		if got := httpsPort(cfg); got != tt.want {
			t.Errorf("%v: %d", tt.https, got)
		}
	}
	cfg.Listen.IMAP, cfg.Listen.POP3, cfg.Listen.POP3S = config.Endpoints{"localhost:143"}, nil, config.Endpoints{"0.0.0.0:1995"}
	want := []webserver.Service{{Protocol: "imap", Port: 993, TLS: true}, {Protocol: "pop3", Port: 1995, TLS: true}, {Protocol: "smtp", Port: 465, TLS: true}, {Protocol: "smtp", Port: 587}}
	if got := services(cfg); !slices.Equal(got, want) {
		t.Errorf("services: %v", got)
	}
	cfg.Hostname, cfg.Listen.HTTPS = "localhost", config.Endpoints{"127.0.0.1:1443"} // the demo
	if got := httpsPort(cfg); got != 1443 {
		t.Errorf("the demo: %d", got)
	}
}

// Certificates are wanted for names that lead here, and a DNS that is down takes none away.
func TestNamesOfCertificates(t *testing.T) {
	s := dnstest.Start(t, "127.0.0.1:0")
	s.Recursive = true
	zone := func(text string) { s.Zone("example.org", "mail A 192.0.2.1\nmail AAAA 2001:db8::1\n"+text) }
	domains := []string{"example.org"}
	now := time.Now()
	n := &names{hostname: "mail.example.org", now: func() time.Time { return now }, known: map[string]*lead{}, domains: func(_ context.Context, each func(string)) error {
		for _, d := range domains {
			each(d)
		}
		return nil
	}}
	expect := func(step string, want ...string) {
		t.Helper()
		n.resolver = s.Resolver() // that remembers nothing
		now = now.Add(lookLater)
		got, err := n.wanted(t.Context())
		for i := range want {
			want[i] += ".example.org"
		}
		if slices.Sort(got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %s, %v", step, strings.Join(got, " "), err)
		}
	}
	zone("")
	expect("nothing is set", "mail")
	zone("mta-sts CNAME mail\nautoconfig AAAA 2001:db8::1\nautodiscover A 192.0.2.99\n")
	expect("two lead here", "autoconfig", "mail", "mta-sts")
	s.Fault("mta-sts.example.org", dnstest.ServFail)
	expect("no answer for one", "autoconfig", "mail", "mta-sts")
	s.Fault("", dnstest.ServFail)
	expect("no answer at all", "autoconfig", "mail", "mta-sts")
	s.Fault("", dnstest.None)
	s.Fault("mta-sts.example.org", dnstest.None)
	zone("mta-sts CNAME mail\n")
	expect("one was taken away", "mail", "mta-sts")
	domains = nil
	expect("the domain was removed", "mail")
	if len(n.known) > 0 {
		t.Errorf("it is remembered: %v", n.known)
	}
}
