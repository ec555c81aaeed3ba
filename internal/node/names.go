package node

import (
	"context"
	"net/netip"
	"slices"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/protocol/webserver"
)

// names finds what there should be certificates for: the server's own name, and the hosts below its domains whose DNS leads
// here. Of others an authority could not see that they are ours, and it counts failed orders. It is not for concurrent use.
type names struct {
	hostname string
	resolver addresses
	domains  func(ctx context.Context, each func(domain string)) error
	led      map[string]bool // hosts that led here when last there was an answer
}

// addresses is what names asks the DNS for.
type addresses interface {
	Addresses(ctx context.Context, host string) (dns.Answer[netip.Addr], error)
}

func newNames(n *Node) *names {
	return &names{hostname: n.cfg.Hostname, resolver: n.rooms.resolver, domains: n.rooms.eachDomain, led: map[string]bool{}}
}

// wanted lists the names that there should be certificates for now.
func (n *names) wanted(ctx context.Context) ([]string, error) {
	here, failed := n.resolver.Addresses(ctx, n.hostname)
	list := []string{n.hostname}
	err := n.domains(ctx, func(domain string) {
		for _, prefix := range webserver.Prefixes {
			host := prefix + "." + domain
			if n.look(ctx, host, here.Records, failed); n.led[host] {
				list = append(list, host)
			}
		}
	})
	return list, err
}

// look notes whether a host leads here. Where the DNS does not answer for now, what is known stays.
func (n *names) look(ctx context.Context, host string, here []netip.Addr, failed error) {
	found, err := n.resolver.Addresses(ctx, host)
	if dns.Temporary(failed) || dns.Temporary(err) {
		return
	}
	if slices.ContainsFunc(found.Records, func(a netip.Addr) bool { return slices.Contains(here, a) }) {
		n.led[host] = true
	} else {
		delete(n.led, host)
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
