package onboarding

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
)

// checkHost sees whether the server's name leads to this machine, and its addresses back to the name.
func checkHost(ctx context.Context, e *Environment) []Finding {
	l := list{area: "dns " + e.Hostname}
	if !strings.Contains(e.Hostname, ".") {
		l.add(Problem, `set hostname = "mail.example.org"`, "%s is not a full host name: other mail servers will not take mail from it", e.Hostname)
		return l.findings
	}
	found, err := e.Resolver.Addresses(ctx, e.Hostname)
	switch {
	case dns.NotFound(err):
		mend := "set its A or AAAA record"
		if len(e.Machine.Addresses) > 0 {
			mend += fmt.Sprintf("; an address of this machine is %v", e.Machine.Addresses[0])
		}
		l.add(Problem, mend, "%s has no address: nobody finds the server", e.Hostname)
		return l.findings
	case err != nil:
		l.silent(err)
		return l.findings
	}
	for _, a := range found.Records {
		l.address(ctx, e, a)
	}
	return l.findings
}

// silent tells of a DNS that does not answer.
func (l *list) silent(err error) {
	l.add(Warning, "look at /etc/resolv.conf, and whether DNS works on this machine at all", "the DNS does not answer: %v", err)
}

func (l *list) address(ctx context.Context, e *Environment, a netip.Addr) {
	switch {
	case a.IsLoopback():
		l.add(Problem, "give it the address under which others reach this machine", "%s leads to %v, which everybody has", e.Hostname, a)
		return
	case a.IsPrivate():
		l.add(Warning, "give it the address under which others reach this machine, unless only a private network is to", "%s leads to %v, which is private", e.Hostname, a)
	case slices.Contains(e.Machine.Addresses, a):
		l.add(Fine, "", "%s leads to %v, which is this machine", e.Hostname, a)
	default:
		l.add(Note, "behind a router that forwards the ports it is as it should be", "%s leads to %v, which is not an address of this machine", e.Hostname, a)
	}
	if e.Running {
		l.reach(ctx, e, a)
	}
	if !a.IsPrivate() {
		l.back(ctx, e, a)
	}
}

// reach tries the way that mail from others takes, as far as that can be tried from here.
func (l *list) reach(ctx context.Context, e *Environment, a netip.Addr) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	at := netip.AddrPortFrom(a, 25)
	nc, err := e.Dial(ctx, "tcp", at.String())
	if err != nil {
		l.add(Warning, "look for a firewall, here and at your provider, that keeps port 25 closed; some routers cannot be reached from inside: try from elsewhere",
			"no connection from here to %v: %v", at, err)
		return
	}
	nc.Close()
	l.add(Fine, "", "port 25 can be reached at %v, from this machine at least", a)
}

// back looks at the name of an address: many servers refuse mail from one without.
func (l *list) back(ctx context.Context, e *Environment, a netip.Addr) {
	mend := fmt.Sprintf("whoever gave you the address sets its PTR record (reverse DNS), to %s", e.Hostname)
	found, err := e.Resolver.PTR(ctx, a)
	switch {
	case dns.NotFound(err):
		l.add(Problem, mend, "%v has no name in the DNS: others will refuse your mail", a)
	case err != nil:
		l.silent(err)
	case !slices.ContainsFunc(found.Records, func(name string) bool { return strings.EqualFold(name, e.Hostname) }):
		l.add(Warning, mend, "%v is called %s and not %s: some will refuse your mail", a, strings.Join(found.Records, ", "), e.Hostname)
	default:
		l.add(Fine, "", "%v is called %s", a, e.Hostname)
	}
}
