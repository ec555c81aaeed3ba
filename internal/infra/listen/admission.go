package listen

import (
	"net"
	"net/netip"
	"sync"
)

// Refusal is why a connection is turned away.
type Refusal string

const (
	TooMany         Refusal = "too many connections"
	TooManyFromHost Refusal = "too many connections from one host"
)

// crowdedShare is the part of a crowded door that one host may hold: this fraction of PerHost.
const crowdedShare = 10

// admission counts open connections, in all and by host.
type admission struct {
	max, maxPerHost int

	mu    sync.Mutex
	total int
	hosts map[netip.Prefix]int
}

// admit counts one connection in, or says why not. A connection without an address (Unix socket) has no host.
func (a *admission) admit(remote netip.Addr) (Refusal, bool) {
	host := hostOf(remote)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.total >= a.max {
		return TooMany, false
	}
	if host.IsValid() && a.hosts[host] >= a.hostLimit() {
		return TooManyFromHost, false
	}
	a.total++
	if host.IsValid() {
		a.hosts[host]++
	}
	return "", true
}

// hostLimit is how many connections one host may have. What is left of a crowded door is not for those who crowd it: else
// a few hosts could fill it.
func (a *admission) hostLimit() int {
	if a.isCrowded() {
		return max(1, a.maxPerHost/crowdedShare)
	}
	return a.maxPerHost
}

// isCrowded reports whether more than three quarters of the places are taken.
func (a *admission) isCrowded() bool { return 4*a.total > 3*a.max }

func (a *admission) crowded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.isCrowded()
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

// Remote is the address of an Internet connection's other end, invalid for others.
func Remote(nc net.Conn) netip.AddrPort { return addrPort(nc.RemoteAddr()) }

// Local is the address of an Internet connection's end here, invalid for others.
func Local(nc net.Conn) netip.AddrPort { return addrPort(nc.LocalAddr()) }

func addrPort(a net.Addr) netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return ap
}
