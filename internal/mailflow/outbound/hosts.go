package outbound

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/mailflow"
)

const (
	maxHosts     = 20 // of a domain
	maxAddresses = 16 // of a host
)

// host is where a message can go.
type host struct {
	mailflow.Host
	addrs     []netip.AddrPort
	smarthost *Smarthost
}

// route is the hosts of a domain, in the order in which they are tried. Those of equal preference are looked up together, when it
// is their turn: if one of them is us, none of them may be used (RFC 5321 5.1).
type route struct {
	o      *Outbound
	domain string
	named  bool
	groups [][]string // names; of one preference each

	ready   []found // of the group whose turn it is
	handed  int     // hosts that next has given out
	looping bool    // what would have followed is us
}

type found struct {
	host host
	err  error
}

// route finds out who takes mail for a domain (RFC 5321 5.1).
func (o *Outbound) route(ctx context.Context, domain string) (*route, *problem) {
	r := &route{o: o, domain: domain}
	switch {
	case o.opts.Smarthost != nil:
		s := o.opts.Smarthost
		return r, r.fixed(ctx, s.Host, s.Port, s)
	case strings.HasPrefix(domain, "["):
		return r, r.fixed(ctx, strings.TrimPrefix(strings.Trim(domain, "[]"), "IPv6:"), o.opts.Port, nil)
	}
	answer, err := o.opts.Resolver.MX(ctx, domain)
	if err == nil {
		r.named = answer.Authentic
		return r, r.group(answer.Records)
	}
	var none *dns.Error
	switch {
	case !errors.As(err, &none) || none.Reason == dns.Unavailable:
		return r, noAnswer(err)
	case none.Reason == dns.NoName:
		return r, noDomain(domain)
	}
	// RFC 5321 5.1: without MX records the domain itself is its host.
	r.named = none.Authentic
	return r, r.group([]dns.MX{{Host: domain}})
}

// fixed is the route that needs no MX: to an address literal (RFC 5321 4.1.3), or to the smarthost.
func (r *route) fixed(ctx context.Context, name string, port uint16, s *Smarthost) *problem {
	h := host{Host: mailflow.Host{Domain: r.domain, Name: strings.ToLower(name)}, smarthost: s}
	h.Canonical = h.Name
	addrs := []netip.Addr{}
	if addr, err := netip.ParseAddr(name); err == nil {
		addrs = append(addrs, addr)
	} else if answer, err := r.o.opts.Resolver.Addresses(ctx, h.Name); err == nil {
		addrs, h.Canonical, h.Resolved = answer.Records, answer.Name, answer.Authentic
	} else {
		return noAnswer(err) // a smarthost that is not found is our mistake, and mail waits until it is mended
	}
	if s == nil && r.o.opts.Own(addrs[0].Unmap()) {
		return loop(r.domain)
	}
	if h.addrs = usable(addrs, port); len(h.addrs) == 0 {
		return noAddress(name)
	}
	r.ready = []found{{host: h}}
	return nil
}

// group sorts the hosts into those of equal preference, each group in an order of its own every time (RFC 5321 5.1: to spread
// the load), and leaves out ourselves and all that are not better than we are.
func (r *route) group(records []dns.MX) *problem {
	hosts := slices.DeleteFunc(slices.Clone(records), func(m dns.MX) bool { return m.Host == "" })
	if len(hosts) == 0 {
		return nullMX(r.domain)
	}
	slices.SortStableFunc(hosts, func(a, b dns.MX) int { return int(a.Preference) - int(b.Preference) })
	for len(hosts) > 0 && len(r.groups) < maxHosts {
		n := 1
		for n < len(hosts) && hosts[n].Preference == hosts[0].Preference {
			n++
		}
		var names []string
		for _, m := range hosts[:n] {
			if strings.EqualFold(m.Host, r.o.opts.Hostname) {
				r.looping = true
			}
			names = append(names, m.Host)
		}
		if r.looping {
			break
		}
		rand.Shuffle(n, func(i, j int) { names[i], names[j] = names[j], names[i] })
		r.groups = append(r.groups, names[:min(n, maxHosts)])
		hosts = hosts[n:]
	}
	if len(r.groups) == 0 {
		return loop(r.domain)
	}
	return nil
}

// next returns the next host, or why it cannot be used. more is false behind the last one.
func (r *route) next(ctx context.Context) (h host, p *problem, more bool) {
	for len(r.ready) == 0 {
		if len(r.groups) == 0 || r.handed >= maxHosts {
			return host{}, nil, false
		}
		names := r.groups[0]
		r.groups = r.groups[1:]
		r.ready = r.lookUp(ctx, names)
		if slices.ContainsFunc(r.ready, func(f found) bool { return r.isOwn(f.host) }) {
			r.ready, r.groups = nil, nil
			if r.handed == 0 {
				r.handed++
				return host{}, loop(r.domain), true
			}
		}
	}
	f := r.ready[0]
	r.ready = r.ready[1:]
	r.handed++
	switch {
	case f.err != nil && dns.NotFound(f.err), f.err == nil && len(f.host.addrs) == 0:
		return f.host, noAddress(f.host.Name), true
	case f.err != nil:
		return f.host, noAnswer(f.err), true
	}
	return f.host, nil, true
}

func (r *route) isOwn(h host) bool {
	return h.smarthost == nil && slices.ContainsFunc(h.addrs, func(a netip.AddrPort) bool { return r.o.opts.Own(a.Addr()) })
}

// lookUp finds the addresses of some hosts, all at the same time.
func (r *route) lookUp(ctx context.Context, names []string) []found {
	all := make([]found, len(names))
	one := func(i int) {
		f := &all[i]
		f.host.Host = mailflow.Host{Domain: r.domain, Name: names[i], Canonical: names[i], Named: r.named}
		answer, err := r.o.opts.Resolver.Addresses(ctx, names[i])
		if f.err = err; err != nil {
			return
		}
		f.host.Canonical, f.host.Resolved = answer.Name, answer.Authentic
		f.host.addrs = usable(answer.Records, r.o.opts.Port)
	}
	if len(names) == 1 {
		one(0)
		return all
	}
	var wait sync.WaitGroup
	for i := range names {
		wait.Go(func() { one(i) })
	}
	wait.Wait()
	return all
}

// usable leaves out what is no address of a host, and lets the two kinds alternate, IPv6 first (RFC 8305 4).
func usable(addrs []netip.Addr, port uint16) []netip.AddrPort {
	var six, four, out []netip.AddrPort
	for _, a := range addrs {
		a = a.Unmap()
		if a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			continue
		}
		if a.Is4() {
			four = append(four, netip.AddrPortFrom(a, port))
		} else {
			six = append(six, netip.AddrPortFrom(a, port))
		}
	}
	for i := range max(len(six), len(four)) {
		if i < len(six) {
			out = append(out, six[i])
		}
		if i < len(four) {
			out = append(out, four[i])
		}
	}
	return out[:min(len(out), maxAddresses)]
}
