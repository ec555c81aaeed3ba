package node

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/dns/dnstest"
)

// Certificates are wanted for names that lead here, and a DNS that is down takes none away.
func TestNamesOfCertificates(t *testing.T) {
	s := dnstest.Start(t, "127.0.0.1:0")
	s.Recursive = true
	zone := func(text string) { s.Zone("example.org", "mail A 192.0.2.1\nmail AAAA 2001:db8::1\n"+text) }
	domains := []string{"example.org"}
	n := &names{hostname: "mail.example.org", led: map[string]bool{}, domains: func(_ context.Context, each func(string)) error {
		for _, d := range domains {
			each(d)
		}
		return nil
	}}
	expect := func(step string, want ...string) {
		t.Helper()
		n.resolver = s.Resolver() // that remembers nothing
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
}
