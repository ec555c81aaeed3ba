package node

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/protocol/webserver"
)

// names finds what there should be certificates for: the server's own name, and the hosts below its domains whose DNS leads
// here. Of others an authority could not see that they are ours, and it counts failed orders. It is not for concurrent use.
type names struct {
	hostname string
	resolver addresses
	domains  func(ctx context.Context, each func(domain string)) error
	now      func() time.Time
	known    map[string]*lead
}

// lead is whether a host leads here.
type lead struct {
	here bool
	next time.Time     // it is looked at again
	wait time.Duration // before that
}

// How often a host is looked at, when it was just set up and later, and how long one round may take: a DNS that hardly answers
// must not keep the other names from theirs.
const (
	lookFirst = time.Minute
	lookLater = 10 * time.Minute
	lookRound = 30 * time.Second
)

// addresses is what names asks the DNS for.
type addresses interface {
	Addresses(ctx context.Context, host string) (dns.Answer[netip.Addr], error)
}

func newNames(n *Node) *names {
	return &names{hostname: n.cfg.Hostname, resolver: n.rooms.resolver, domains: n.rooms.eachDomain, now: time.Now, known: map[string]*lead{}}
}

// wanted lists the names that there should be certificates for now.
func (n *names) wanted(ctx context.Context) ([]string, error) {
	round, cancel := context.WithTimeout(ctx, lookRound)
	defer cancel()
	here, failed := n.resolver.Addresses(round, n.hostname)
	list, seen := []string{n.hostname}, map[string]*lead{}
	err := n.domains(ctx, func(domain string) {
		for _, prefix := range webserver.Prefixes {
			host := prefix + "." + domain
			l := n.known[host]
			if l == nil {
				l = &lead{wait: lookFirst / 2}
			}
			if !dns.Temporary(failed) {
				n.look(round, host, l, here.Records)
			}
			if seen[host] = l; l.here {
				list = append(list, host)
			}
		}
	})
	if err == nil {
		n.known = seen // without those of domains that have gone
	}
	return list, err
}

// look notes whether a host leads here, when it is time to. Where the DNS does not answer for now, what is known stays.
func (n *names) look(ctx context.Context, host string, l *lead, here []netip.Addr) {
	now := n.now()
	if now.Before(l.next) {
		return
	}
	found, err := n.resolver.Addresses(ctx, host)
	if !dns.Temporary(err) {
		l.here = slices.ContainsFunc(found.Records, func(a netip.Addr) bool { return slices.Contains(here, a) })
	}
	if ctx.Err() == nil { // else it had no time
		l.wait = min(2*l.wait, lookLater)
		l.next = now.Add(l.wait)
	}
}

// eachDomain calls each with the domains that are switched on.
func (r *rooms) eachDomain(ctx context.Context, each func(domain string)) error {
	for after := ""; ; {
		page, err := r.provision.Domains(ctx, after, 100)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, d := range page {
			if after = d.Name; !d.Disabled {
				each(d.Name)
			}
		}
	}
}
