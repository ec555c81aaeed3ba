package node

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/mailflow/outbound"
)

// openOutbound makes the transport to other domains.
func (r *rooms) openOutbound(cfg config.Config, log *slog.Logger, m *meters) error {
	o := outbound.Options{Hostname: cfg.Hostname, Own: newOwnAddresses(cfg.Listen.SMTP.Strings()).have, Resolver: r.resolver, Policy: r.tlsPolicies, Log: log,
		Observe: func(k outbound.SessionKind) { m.outboundSessions.Add(1, string(k)) }}
	smarthost, err := cfg.Outbound.Host()
	if err != nil {
		return err
	}
	if s := smarthost; s != nil {
		o.Smarthost = &outbound.Smarthost{Host: s.Host, Port: s.Port, TLS: s.TLS, Username: s.Username, Password: s.Password}
	}
	r.outbound = outbound.New(o)
	r.closers = append(r.closers, func() error { r.outbound.Close(); return nil })
	return nil
}

// ownAddresses are those at which our SMTP door answers.
type ownAddresses struct {
	fixed    map[netip.Addr]bool
	anywhere bool // the door listens at every address of the machine

	mu     sync.Mutex
	asked  time.Time
	system map[netip.Addr]bool
}

// ownAddressesAge is after how long the machine is asked again which addresses it has.
const ownAddressesAge = time.Minute

func newOwnAddresses(endpoints []string) *ownAddresses {
	o := &ownAddresses{fixed: map[netip.Addr]bool{}}
	for _, e := range endpoints {
		host, _, _ := net.SplitHostPort(e)
		switch addr, err := netip.ParseAddr(host); {
		case host == "", err == nil && addr.IsUnspecified():
			o.anywhere = true
		case err == nil:
			o.fixed[addr.Unmap()] = true
		}
	}
	return o
}

// have reports whether a host at addr is us. All of 127.0.0.0/8 leads to a door that listens everywhere.
func (o *ownAddresses) have(addr netip.Addr) bool {
	if !o.anywhere || o.fixed[addr] {
		return o.fixed[addr]
	}
	if addr.IsLoopback() {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.asked) > ownAddressesAge {
		o.asked, o.system = time.Now(), systemAddresses()
	}
	return o.system[addr]
}

func systemAddresses() map[netip.Addr]bool {
	found := map[netip.Addr]bool{}
	all, _ := net.InterfaceAddrs() // without them, a loop is still found by name and by what we say in EHLO
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok {
				found[addr.Unmap()] = true
			}
		}
	}
	return found
}
