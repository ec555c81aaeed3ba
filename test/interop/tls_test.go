//go:build system

package interop

import (
	"strings"
	"testing"
)

// tlsCases are domains whose host shows one thing and whose records ask for another.
var tlsCases = []struct {
	name      string
	dane      string // "good", "wrong": TLSA records
	sts       string // the mode of an MTA-STS policy
	bad       bool   // the host's certificate is for another name, and of nobody's authority
	stripped  bool   // no STARTTLS
	badPolicy bool   // the certificate of the policy's web server
	unsigned  bool   // the zone
	takes     bool   // the message must arrive
	secure    bool
}{
	{name: "nothing-asked", takes: true, secure: true},
	{name: "nothing-asked-bad-certificate", bad: true, takes: true, secure: true},
	{name: "nothing-asked-stripped", stripped: true, takes: true},
	{name: "dane", dane: "good", takes: true, secure: true},
	{name: "dane-for-a-certificate-of-nobody", dane: "good-bad", bad: true, takes: true, secure: true},
	{name: "dane-wrong", dane: "wrong"},
	{name: "dane-stripped", dane: "good", stripped: true},
	{name: "dane-wrong-unsigned", dane: "wrong", unsigned: true, takes: true, secure: true}, // the records prove nothing
	{name: "sts", sts: "enforce", takes: true, secure: true},
	{name: "sts-wrong-certificate", sts: "enforce", bad: true},
	{name: "sts-stripped", sts: "enforce", stripped: true},
	{name: "sts-testing", sts: "testing", bad: true, takes: true, secure: true},
	{name: "sts-policy-from-nobody", sts: "enforce", bad: true, badPolicy: true, takes: true, secure: true}, // RFC 8461 3.3: it is none
}

// What TLS a host shows, and what its domain asks for. What must not arrive is tried, deferred, and not taken.
func testTLS(t *testing.T, in *internet) {
	nobody := in.ca.selfSigned("other.example")
	for _, c := range tlsCases {
		in.run(t, c.name, func(t *testing.T) {
			domain := c.name + ".example"
			h := newHost(t, in, domain, "")
			h.behave(manners{stripped: c.stripped})
			if c.bad {
				h.behave(manners{stripped: c.stripped, pair: &nobody})
			}
			zone := "@ MX 10 mx\nmx A " + h.address + "\n"
			switch c.dane {
			case "good":
				zone += "_25._tcp.mx " + h.pair.tlsa() + "\n"
			case "good-bad":
				zone += "_25._tcp.mx " + nobody.tlsa() + "\n"
			case "wrong":
				zone += "_25._tcp.mx TLSA 3 1 1 " + strings.Repeat("00", 32) + "\n"
			}
			if c.sts != "" {
				p := in.ca.issue("mta-sts." + domain)
				if c.badPolicy {
					p = in.ca.selfSigned("mta-sts." + domain)
				}
				zone += in.web.policy(domain, c.sts, p)
			}
			if in.zone(domain, zone); c.unsigned {
				in.unsigned(domain, zone)
			}
			in.alpha.submit(t, "ada", []string{"who@" + domain}, "to "+domain, "Hello.\r\n")
			if !c.takes {
				in.alpha.isDeferred(t, "who@"+domain, 0)
				if got := h.transactions(""); len(got) > 0 {
					t.Errorf("it was taken, over TLS: %v", got[0].secure)
				}
				return
			}
			arrives(t, h, "who", "to "+domain)
			if got := h.transactions(""); got[0].secure != c.secure {
				t.Errorf("over TLS: %v", got[0].secure)
			}
		})
	}
}

// REQUIRETLS (RFC 8689): nobody vouches for a host without a policy, so it gets nothing, and the sender is told why. Our own
// domains have what it takes.
func testRequireTLS(t *testing.T, in *internet) {
	h := newHost(t, in, "requiretls.example", "")
	in.unsigned("requiretls.example", "@ MX 10 mx\nmx A "+h.address+"\n")
	in.alpha.submit(t, "ada", []string{"who@requiretls.example"}, "require tls", "Hello.\r\n", "MAIL:REQUIRETLS")
	if m := reported(t, in.alpha, "ada", "who@requiretls.example", "failed"); !strings.Contains(m.text, "Status: 5.7.30") {
		t.Errorf("the report:\n%s", m.text)
	}
	absent(t, h, "who", "require tls")
	in.alpha.submit(t, "ada", []string{"bob@beta.example"}, "require tls among us", "Hello.\r\n", "MAIL:REQUIRETLS")
	arrives(t, in.beta, "bob", "require tls among us")
}
