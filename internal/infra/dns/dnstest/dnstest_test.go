package dnstest

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
)

const world = `
@     MX   10 mx
mx    A    192.0.2.1
*.any TXT  "wild"
deep.empty.under TXT "x"
www   CNAME host.example.net.
`

func start(t *testing.T) *Server {
	s := Start(t, "127.0.0.1:0")
	s.Recursive = true
	s.Zone(".", "", Signed)
	s.Zone("example.org", world, Signed)
	s.Zone("example.net", "host TXT \"plain\"\n")
	s.Zone("sub.example.org", "@ TXT \"sub\"\n", Signed)
	return s
}

func TestAnswers(t *testing.T) {
	s := start(t)
	r := s.Resolver()
	for _, c := range []struct {
		name, want string
		authentic  bool
	}{
		{"x.any.example.org", "wild", true},
		{"sub.example.org", "sub", true},
		{"host.example.net", "plain", false},
		{"www.example.org", "plain", false}, // the alias is signed, what it leads to is not
		{"empty.under.example.org", "no data", true},
		{"mx.example.org", "no data", true},
		{"none.example.org", "no name", true},
		{"none.example.net", "no name", false},
	} {
		answer, err := r.TXT(t.Context(), c.name)
		got, authentic := strings.Join(answer.Records, "|"), answer.Authentic
		var e *dns.Error
		if errors.As(err, &e) {
			got, authentic = map[dns.Reason]string{dns.NoName: "no name", dns.NoData: "no data", dns.Unavailable: "unavailable"}[e.Reason], e.Authentic
		}
		if got != c.want || authentic != c.authentic {
			t.Errorf("%s: %s, authentic %v", c.name, got, authentic)
		}
	}
	if n := s.Asked("sub.example.org", "TXT"); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestFaults(t *testing.T) {
	s := start(t)
	for fault, want := range map[Fault]string{Silence: "no answer in time", ServFail: "SERVFAIL", Refuse: "REFUSED", WrongID: "no answer in time",
		Noise: "no answer in time", Cut: "cut off", Bogus: "SERVFAIL"} {
		s.Fault("mx.example.org", fault)
		r := dns.New(dns.Options{Servers: []netip.AddrPort{s.Addr()}, Timeout: 50 * time.Millisecond, Attempts: 1})
		if _, err := r.Addresses(t.Context(), "mx.example.org"); !dns.Temporary(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("fault %d: %v", fault, err)
		}
	}
	s.Fault("mx.example.org", None)
	if _, err := s.Resolver().Addresses(t.Context(), "mx.example.org"); err != nil {
		t.Error(err)
	}
	s.Hold(true)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r := s.Resolver()
	if _, err := r.MX(ctx, "example.org"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	s.Hold(false)
	if _, err := r.MX(t.Context(), "example.org"); err != nil {
		t.Error(err)
	}
}

func TestUpdates(t *testing.T) {
	s := start(t)
	s.Recursive = false
	secret := []byte("a secret that both sides have")
	s.Key("acme", secret)
	u := &dns.Updater{Server: s.Addr().String(), KeyName: "acme", Secret: secret}
	const name = "_acme-challenge.mx.sub.example.org"
	texts := func() string {
		answer, err := s.Resolver().TXT(t.Context(), name)
		if err != nil && !dns.NotFound(err) {
			t.Error(err)
		}
		return strings.Join(answer.Records, "|")
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	must(u.AddTXT(t.Context(), name, "one", time.Minute))
	must(u.AddTXT(t.Context(), name+".", "two", time.Minute))
	if got := texts(); got != "one|two" {
		t.Errorf("after two additions %q", got)
	}
	must(u.RemoveTXT(t.Context(), name, "one"))
	must(u.RemoveTXT(t.Context(), name, "never"))
	if got := texts(); got != "two" {
		t.Errorf("after a removal %q", got)
	}
	must(u.RemoveTXT(t.Context(), name, "two"))
	if got := texts(); got != "" {
		t.Errorf("after the last removal %q", got)
	}
	for _, c := range []struct {
		updater          dns.Updater
		name, text, want string
	}{
		{dns.Updater{KeyName: "acme", Secret: []byte("another")}, name, "x", "in the zone sub.example.org. at " + s.Addr().String() + ": NOTAUTH"},
		{dns.Updater{KeyName: "nobody", Secret: secret}, name, "x", "NOTAUTH"},
		{*u, "bücher.example", "x", "U-labels"},
		{*u, name, `a "quote"`, "without quotes"},
		{*u, name, strings.Repeat("x", 256), "at most 255"},
	} {
		c.updater.Server = u.Server
		if err := c.updater.AddTXT(t.Context(), c.name, c.text, time.Minute); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	s.Fault(name, Silence)
	u.Timeout = 20 * time.Millisecond
	if err := u.AddTXT(t.Context(), name, "x", time.Minute); err == nil || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("a silent server: %v", err)
	}
	other := Start(t, "127.0.0.1:0")
	u.Server, u.Timeout = other.Addr().String(), 0
	if err := u.AddTXT(t.Context(), name, "x", time.Minute); err == nil || !strings.Contains(err.Error(), "no zone") {
		t.Errorf("a server of other zones: %v", err)
	}
}
