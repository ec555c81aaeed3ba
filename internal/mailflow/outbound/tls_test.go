package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
)

var errBadCertificate = errors.New("the certificate is for somebody else")

func verified(err error) mailflow.TLSRequirement {
	return mailflow.TLSRequirement{Level: mailflow.TLSVerified, ID: "verified", Verify: func(tls.ConnectionState) error { return err }}
}

// The one host of the domain has TLS, good or bad, and the policy asks for what it asks for.
func TestTLS(t *testing.T) {
	ok := func(*fakeHost) {}
	stripped := func(h *fakeHost) { h.tls = nil }
	refuses := func(h *fakeHost) { h.says["STARTTLS"] = "454 4.7.0 not now" }
	garbage := func(h *fakeHost) {
		h.does["STARTTLS"] = func(nc net.Conn) { nc.Write([]byte("220 go on\r\nnot a handshake\r\n")) }
	}
	breaks := func(h *fakeHost) { h.tls = &tls.Config{} } // no certificate
	hangs := func(h *fakeHost) {
		h.does["STARTTLS"] = func(nc net.Conn) { nc.Write([]byte("220 go on\r\n")); hang(nc) }
	}
	encrypted := mailflow.TLSRequirement{Level: mailflow.TLSEncrypted, ID: "encrypted"}
	testMode := verified(errBadCertificate)
	testMode.Level = mailflow.TLSOpportunistic
	refused := mailflow.TLSRequirement{Level: mailflow.TLSRefused, Refusal: mail.Reply{Code: 451, Enhanced: mail.EnhancedCode{4, 7, 5}, Text: "not this one"}}

	const clear, secure = "relayed in clear", "relayed under TLS"
	for name, c := range map[string]struct {
		need    mailflow.TLSRequirement
		host    func(*fakeHost)
		want    string
		records []string // each "secure" or "clear", and what was wrong
	}{
		"opportunistic":                    {mailflow.TLSRequirement{}, ok, secure, []string{"secure"}},
		"opportunistic, not offered":       {mailflow.TLSRequirement{}, stripped, clear, []string{"clear"}},
		"opportunistic, refused":           {mailflow.TLSRequirement{}, refuses, clear, []string{"clear STARTTLS was refused"}},
		"opportunistic, no handshake":      {mailflow.TLSRequirement{}, breaks, clear, []string{"clear the TLS handshake failed"}},
		"opportunistic, never a handshake": {mailflow.TLSRequirement{}, hangs, clear, []string{"clear the TLS handshake failed"}},
		"opportunistic, injected":          {mailflow.TLSRequirement{}, garbage, clear, []string{"clear STARTTLS"}},
		"encrypted":                        {encrypted, ok, secure, []string{"secure"}},
		"encrypted, not offered":           {encrypted, stripped, "!deferred 451 4.7.5", []string{"clear the host does not offer STARTTLS"}},
		"verified":                         {verified(nil), ok, secure, []string{"secure"}},
		"verified, wrong certificate":      {verified(errBadCertificate), ok, "!deferred 451 4.7.5", []string{"secure the certificate is for somebody else"}},
		"verified, not offered":            {verified(nil), stripped, "!deferred 451 4.7.5", []string{"clear the host does not offer STARTTLS"}},
		"verified, refused":                {verified(nil), refuses, "!deferred 451 4.7.5", []string{"clear STARTTLS was refused"}},
		"verified, no handshake":           {verified(nil), breaks, "!deferred 451 4.7.5", []string{"clear the TLS handshake failed"}},
		"verified, never a handshake":      {verified(nil), hangs, "!deferred 451 4.7.5", []string{"clear the TLS handshake failed"}},
		"testing, wrong certificate":       {testMode, ok, secure, []string{"secure the certificate is for somebody else"}},
		"testing, not offered":             {testMode, stripped, clear, []string{"clear the host does not offer STARTTLS"}},
		"refused":                          {refused, ok, "!deferred 451 4.7.5", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newInternet(t)
				n.domain("them.example", "10 mx.them.example")
				h := n.host(tlsHost("mx.them.example"), "192.0.2.1")
				c.host(h)
				n.need["mx.them.example"] = c.need
				a := n.outbound().Deliver(t.Context(), job("them.example", "bob"))
				switch c.want {
				case clear, secure:
					want(t, a, "relayed 250 2.6.0"+byFirst)
					if len(h.got) != 1 || (h.secure == 1) != (c.want == secure) {
						t.Errorf("%d messages came, %d under TLS", len(h.got), h.secure)
					}
				default:
					want(t, a, c.want+" by us.example")
					if slices.ContainsFunc(h.commands, func(line string) bool { return strings.HasPrefix(line, "MAIL") }) {
						t.Errorf("it was told of the message: %q", h.commands)
					}
				}
				checkRecords(t, n.records, c.records)
			})
		})
	}
}

func checkRecords(t *testing.T, got []mailflow.TLSSession, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("recorded are %+v", got)
	}
	for i, r := range got {
		said := "clear"
		if r.Secure {
			said = "secure"
		}
		if r.Err != nil {
			said += " " + r.Err.Error()
		}
		if !strings.HasPrefix(said, want[i]) || (r.Err == nil) != !strings.Contains(want[i], " ") || r.Helo != "mx.them.example" || r.Host.Name != "mx.them.example" {
			t.Errorf("recorded is %q, helo %q, want %q", said, r.Helo, want[i])
		}
	}
}

// RFC 8689 3: a message may ask to go without; with REQUIRETLS that does not hold.
func TestTLSRequiredNo(t *testing.T) {
	for content, sent := range map[string]bool{
		"TLS-Required: No\r\n\r\n":                                         true,
		"Subject: x\r\ntls-required : \tNO\r\nX: y\r\n\r\n":                true,
		"X: " + strings.Repeat("y", 9000) + "\r\nTLS-Required: no\r\n\r\n": true,
		"TLS-Required: Yes\r\n\r\n":                                        false,
		"Subject: x\r\n\r\nTLS-Required: No\r\n":                           false,
		"Subject: x\n\nTLS-Required: No\r\n":                               false,
		"":                                                                 false,
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newInternet(t)
			n.domain("them.example", "10 mx.them.example")
			h := n.host(tlsHost("mx.them.example"), "192.0.2.1")
			n.need["mx.them.example"] = verified(errBadCertificate)
			j := withContent(job("them.example", "bob"), content)
			o := n.outbound()
			o.Deliver(t.Context(), j)
			if (len(h.got) == 1) != sent {
				t.Errorf("%.40q: %d messages came", content, len(h.got))
			}
			j.Envelope.RequireTLS = true
			want(t, o.Deliver(t.Context(), j), "failed 550 5.7.10 by us.example")
		})
	}
}

func TestRequireTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newInternet(t)
		n.domain("them.example", "10 mx.them.example")
		h := n.host(tlsHost("mx.them.example"), "192.0.2.1")
		j := job("them.example", "bob")
		j.Envelope.RequireTLS = true
		o := n.outbound()
		want(t, o.Deliver(t.Context(), j), "failed 550 5.7.10 by us.example") // nothing says whom to trust
		n.need["mx.them.example"] = verified(nil)
		want(t, o.Deliver(t.Context(), j), "failed 550 5.7.30"+byFirst)
		breaks := plainHost(h.name)
		breaks.tls = &tls.Config{}
		n.hosts[n.addrs["mx.them.example"][0]] = breaks
		want(t, n.outbound().Deliver(t.Context(), j), "!deferred 451 4.7.5 by us.example") // it may be the network
		n.hosts[n.addrs["mx.them.example"][0]] = h
		h.offers = append(h.offers, "REQUIRETLS")
		want(t, n.outbound().Deliver(t.Context(), j), "relayed 250 2.6.0"+byFirst)
		if !slices.ContainsFunc(h.commands, func(line string) bool { return strings.HasSuffix(line, " REQUIRETLS") }) {
			t.Errorf("said was %q", h.commands)
		}
	})
}

func roots() *x509.CertPool {
	pool := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(listentest.Certificate().Certificate[0])
	if err != nil {
		panic(err)
	}
	pool.AddCert(leaf)
	return pool
}

// certificateName is a name that the certificate of the tests is valid for.
func certificateName(t *testing.T) string {
	leaf, err := x509.ParseCertificate(listentest.Certificate().Certificate[0])
	if err != nil || len(leaf.DNSNames) == 0 {
		t.Fatalf("%v, names %v", err, leaf.DNSNames)
	}
	return leaf.DNSNames[0]
}

func TestSmarthost(t *testing.T) {
	good := certificateName(t)
	for name, c := range map[string]struct {
		host  string
		addr  string
		set   func(*fakeHost, *Smarthost)
		want  string
		clear bool
	}{
		"STARTTLS":               {good, "192.0.2.1", func(*fakeHost, *Smarthost) {}, "relayed 250 2.6.0", false},
		"TLS at once":            {good, "192.0.2.1", func(h *fakeHost, s *Smarthost) { h.early, s.TLS = true, true }, "relayed 250 2.6.0", false},
		"another's certificate":  {"other.example", "192.0.2.1", func(*fakeHost, *Smarthost) {}, "!deferred 451 4.7.5", false},
		"and TLS at once":        {"other.example", "192.0.2.1", func(h *fakeHost, s *Smarthost) { h.early, s.TLS = true, true }, "!deferred 451 4.7.5", false},
		"no TLS":                 {good, "192.0.2.1", func(h *fakeHost, _ *Smarthost) { h.tls = nil }, "!deferred 451 4.7.5", false},
		"no TLS on this machine": {"127.0.0.1", "127.0.0.1", func(h *fakeHost, _ *Smarthost) { h.tls = nil }, "relayed 250 2.6.0", true},
		"wrong password":         {good, "192.0.2.1", func(h *fakeHost, _ *Smarthost) { h.says["AUTH"] = "535 5.7.8 no" }, "!deferred 451 4.7.8", false},
		"it wants us to sign in": {good, "192.0.2.1", func(h *fakeHost, _ *Smarthost) { h.says["MAIL"] = "530 5.7.0 sign in" }, "!deferred 530 5.7.0", false},
		"the message is refused": {good, "192.0.2.1", func(h *fakeHost, _ *Smarthost) { h.says["end"] = "554 5.7.1 spam" }, "failed 554 5.7.1", false},
		"it is us":               {good, "192.0.2.1", func(h *fakeHost, _ *Smarthost) { h.name = "us.example" }, "!deferred 451 4.7.8", false},
		"it is not there":        {good, "192.0.2.1", func(h *fakeHost, _ *Smarthost) { h.says["greeting"] = "554 5.7.1 no" }, "!deferred 451 4.7.8", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newInternet(t)
				h := tlsHost(c.host)
				h.offers = append(h.offers, "AUTH PLAIN")
				n.host(h, c.addr)
				s := &Smarthost{Host: c.host, Port: 587, Username: "ann", Password: "secret"}
				c.set(h, s)
				a := n.outbound(func(o *Options) { o.Smarthost, o.Roots = s, roots() }).Deliver(t.Context(), job("them.example", "bob"))
				by := a[0].Event.By
				a[0].Event.By = "x"
				want(t, a, c.want+" by x")
				if a[0].Event.Kind == mail.EventRelayed && (len(h.got) != 1 || !strings.Contains(by, c.addr) || (h.secure == 1) == c.clear) {
					t.Errorf("%d messages came by %q, %d under TLS", len(h.got), by, h.secure)
				}
				if sent := slices.ContainsFunc(h.commands, func(line string) bool { return strings.HasPrefix(line, "AUTH") }); sent && h.tls == nil && !c.clear {
					t.Error("the password was sent in clear")
				}
				if len(n.records) > 0 {
					t.Error("a session with the smarthost was recorded")
				}
			})
		})
	}
}

// A smarthost that DNS does not know keeps mail, and bounces none.
func TestSmarthostNotFound(t *testing.T) {
	n := newInternet(t)
	o := n.outbound(func(o *Options) { o.Smarthost = &Smarthost{Host: "nosuch.example", Port: 587} })
	want(t, o.Deliver(t.Context(), job("them.example", "bob")), "!deferred 451 4.4.3 by us.example")
}

// However many domains there is mail for, the smarthost is one host.
func TestSmarthostIsNotOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newInternet(t)
		h := n.host(plainHost("127.0.0.1"), "127.0.0.1")
		h.does["DATA"] = hang
		o := n.outbound(func(o *Options) { o.Smarthost = &Smarthost{Host: "127.0.0.1", Port: 25} })
		ctx, cancel := context.WithCancel(t.Context())
		var delivering sync.WaitGroup
		for range 3 * maxSmarthost {
			delivering.Go(func() {
				if a := o.Deliver(ctx, job("them.example", "bob")); a[0].Event.Kind != mail.EventDeferred {
					t.Errorf("%+v", a)
				}
			})
		}
		synctest.Wait()
		if got := h.connections(); got != maxSmarthost {
			t.Errorf("%d connections at a time", got)
		}
		cancel()
		delivering.Wait()
	})
}
