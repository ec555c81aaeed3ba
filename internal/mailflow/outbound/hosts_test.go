package outbound

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
)

var unavailable = &dns.Error{Name: "x", Type: "MX", Reason: dns.Unavailable, Err: errors.New("SERVFAIL")}

// walk lists the hosts of a domain, and the code of the problem with each that has one. Names of one letter stand for x.example.
func walk(t *testing.T, o *Outbound, domain string) string {
	r, p := o.route(t.Context(), domain)
	if p != nil {
		return p.reply.Enhanced.String()
	}
	var all []string
	for {
		h, p, more := r.next(t.Context())
		switch {
		case !more:
			return strings.Join(all, " ")
		case p != nil:
			all = append(all, p.reply.Enhanced.String())
		default:
			all = append(all, strings.TrimSuffix(h.Name, ".example"))
		}
	}
}

func TestRoute(t *testing.T) {
	n := newInternet(t)
	for name, addrs := range map[string]string{
		"a": "192.0.2.1", "b": "192.0.2.2 2001:db8::2", "c": "192.0.2.3", "us": "192.0.2.98", "mirror": "192.0.2.4 192.0.2.99", "implicit": "192.0.2.5",
		"nowhere": "0.0.0.0 224.0.0.1 255.255.255.255 :: fe80::1 ::ffff:0.0.0.0", "self": "192.0.2.99",
	} {
		for a := range strings.FieldsSeq(addrs) {
			n.addrs[name+".example"] = append(n.addrs[name+".example"], netip.MustParseAddr(a))
		}
	}
	n.errs["broken.example"] = unavailable
	n.domain("null.example", "0 ")
	n.domain("nullish.example", "0 ", "10 a.example")
	o := n.outbound()
	for _, c := range []struct{ mx, want string }{
		{"20 b, 10 a, 30 c", "a b c"},
		{"10 missing, 20 a", "5.4.4 a"},
		{"10 broken, 20 a", "4.4.3 a"},
		{"10 nowhere", "5.4.4"},
		{"10 a, 20 us, 30 b", "a"},
		{"10 US, 20 a", "5.4.6"},
		{"10 a, 20 mirror, 20 b, 30 c", "a"},
		{"10 mirror, 10 a, 20 b", "5.4.6"},
		{"10 missing, 20 mirror", "5.4.4"},
	} {
		var hosts []string
		for h := range strings.SplitSeq(c.mx, ", ") {
			hosts = append(hosts, h+".example")
		}
		n.domain("them.example", hosts...)
		if got := walk(t, o, "them.example"); got != c.want {
			t.Errorf("%s: %q, not %q", c.mx, got, c.want)
		}
	}
	for domain, want := range map[string]string{
		"implicit.example": "implicit", "nosuch.example": "5.1.2", "broken.example": "4.4.3", "null.example": "5.1.10", "nullish.example": "a",
		"self.example": "5.4.6", "[192.0.2.1]": "192.0.2.1", "[IPv6:2001:db8::7]": "2001:db8::7", "[192.0.2.99]": "5.4.6", "[0.0.0.0]": "5.4.4",
	} {
		if got := walk(t, o, domain); got != want {
			t.Errorf("%s: %q, not %q", domain, got, want)
		}
	}
}

func TestEqualPreferenceIsShuffled(t *testing.T) {
	n := newInternet(t)
	n.domain("them.example", "10 a.example", "10 b.example", "5 c.example")
	for _, name := range []string{"a", "b", "c"} {
		n.host(plainHost(name+".example"), "192.0.2.1")
	}
	o := n.outbound()
	seen := map[string]bool{}
	for range 100 {
		seen[walk(t, o, "them.example")] = true
	}
	if len(seen) != 2 || !seen["c a b"] || !seen["c b a"] {
		t.Errorf("seen are %v", seen)
	}
}

func TestManyHosts(t *testing.T) {
	n := newInternet(t)
	var hosts []string
	for i := range 200 {
		hosts = append(hosts, "10 host"+string(rune('a'+i%26))+string(rune('a'+i/26))+".example")
	}
	n.domain("them.example", hosts...)
	if got := strings.Fields(walk(t, n.outbound(), "them.example")); len(got) != maxHosts {
		t.Errorf("%d hosts", len(got))
	}
}

func TestUsable(t *testing.T) {
	var in []netip.Addr
	for a := range strings.FieldsSeq("192.0.2.1 192.0.2.2 ::ffff:192.0.2.3 2001:db8::1 ff02::1") {
		in = append(in, netip.MustParseAddr(a))
	}
	var got []string
	for _, a := range usable(in, 25) {
		got = append(got, a.String())
	}
	if want := strings.Fields("[2001:db8::1]:25 192.0.2.1:25 192.0.2.2:25 192.0.2.3:25"); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if got := usable(slices.Repeat(in, 20), 25); len(got) != maxAddresses {
		t.Errorf("%d addresses", len(got))
	}
}

func TestWhatDNSSays(t *testing.T) {
	n := newInternet(t)
	n.domain("null.example", "0 ")
	n.errs["broken.example"] = unavailable
	o := n.outbound()
	want(t, o.Deliver(t.Context(), job("null.example", "bob", "carol")), "failed 556 5.1.10 by us.example", "failed 556 5.1.10 by us.example")
	want(t, o.Deliver(t.Context(), job("broken.example", "bob")), "!deferred 451 4.4.3 by us.example")
	want(t, o.Deliver(t.Context(), job("nosuch.example", "bob")), "failed 550 5.1.2 by us.example")
	n.domain("us2.example", "10 us.example")
	want(t, o.Deliver(t.Context(), job("us2.example", "bob")), "failed 554 5.4.6 by us.example")
}
