//go:build system

package interop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/dns/dnstest"
)

// Names that lead nowhere, back, or to too much: each message has its end or waits, and other mail goes on.
func testHostileDNS(t *testing.T, in *internet) {
	var many, large strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, "many MX 10 mx%d\n", i)
	}
	for i := range 180 {
		fmt.Fprintf(&large, "_mta-sts.large TXT \"%0250d\" \"%050d\"\n", i, i)
	}
	h := newHost(t, in, "large.hostile.example", "")
	in.zone("hostile.example", `loop CNAME loop2
loop2 CNAME loop
mxloop MX 10 loop
bogus MX 10 mx.large
mx.large A `+h.address+`
large MX 10 mx.large
lo MX 10 localhost.hostile.example.
localhost A 127.0.0.1
any MX 10 zero
zero A 0.0.0.0
odd MX 10 a\.b\000c
`+many.String()+large.String())
	in.dns.Fault("bogus.hostile.example", dnstest.Bogus)
	in.dns.Fault("silent.hostile.example", dnstest.ServFail)
	for _, name := range []string{"loop", "mxloop", "many", "bogus", "silent"} {
		in.alpha.submit(t, "ada", []string{"who@" + name + ".hostile.example"}, "to "+name, "Hello.\r\n")
	}
	for _, name := range []string{"lo", "any", "odd"} {
		in.alpha.submit(t, "ada", []string{"who@" + name + ".hostile.example"}, "to "+name, "Hello.\r\n")
	}
	in.alpha.submit(t, "ada", []string{"who@large.hostile.example"}, "to large", "Hello.\r\n")
	arrives(t, h, "who", "to large")
	for _, name := range []string{"loop", "mxloop", "many", "bogus", "silent"} {
		in.alpha.isDeferred(t, "who@"+name+".hostile.example", 0)
	}
	for _, name := range []string{"lo", "any", "odd"} {
		reported(t, in.alpha, "ada", "who@"+name+".hostile.example", "failed")
	}
}

// 500 domains that do not exist, in one message: as many failures, told in reports, and no more questions than it needs.
func testNXDOMAINStorm(t *testing.T, in *internet) {
	var to []string
	for i := range 500 {
		to = append(to, fmt.Sprintf("who@storm%d.example", i))
	}
	in.alpha.addAccount("storm")
	in.alpha.submit(t, "storm", to, "a storm", "Hello?\r\n")
	in.alpha.submit(t, "storm", []string{"pat@postfix.example"}, "through the storm", "Hello.\r\n")
	arrives(t, in.postfix, "pat", "through the storm")
	await(t, "all 500 failures are told", func() bool {
		told := 0
		for _, r := range in.alpha.inbox("storm") {
			told += strings.Count(r.text, "Final-Recipient: rfc822; who@storm")
		}
		return told == len(to)
	})
	if n := in.dns.Asked("storm7.example", "MX"); n > 3 {
		t.Errorf("one of the names was asked about %d times", n)
	}
}
