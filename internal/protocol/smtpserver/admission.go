package smtpserver

import (
	"net"
	"net/netip"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// admission counts open connections, in all and by host.
type admission struct {
	max, maxPerHost int

	mu    sync.Mutex
	total int
	hosts map[netip.Prefix]int
}

// admit counts one connection in, or says why not. A connection without an address (Unix socket) has no host.
func (a *admission) admit(remote netip.Addr) (refusal mail.Reply, ok bool) {
	host := hostOf(remote)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.total >= a.max {
		return tooManyConnections, false
	}
	if host.IsValid() && a.hosts[host] >= a.maxPerHost {
		return tooManyFromHost, false
	}
	a.total++
	if host.IsValid() {
		a.hosts[host]++
	}
	return mail.Reply{}, true
}

func (a *admission) release(remote netip.Addr) {
	host := hostOf(remote)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total--
	if !host.IsValid() {
		return
	}
	if a.hosts[host]--; a.hosts[host] == 0 {
		delete(a.hosts, host)
	}
}

// hostOf is what counts as one host: an IPv4 address, or the /64 that one IPv6 subscriber has whole.
func hostOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, _ := addr.Prefix(bits) // invalid for an invalid address
	return prefix
}

// addrPort is the address of an Internet connection, invalid for others.
func addrPort(a net.Addr) netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return ap
}
