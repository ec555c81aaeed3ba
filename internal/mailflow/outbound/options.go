package outbound

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"

	"github.com/mailmesh/mailmesh/internal/mailflow"
)

// Policy says what TLS a host needs. Its methods are called by many goroutines.
type Policy interface {
	// TLS is asked for every delivery before a host is connected to, so what it looks up it keeps for a while. Where it cannot
	// find out what it must know, it returns TLSRefused with a 4yz Refusal.
	TLS(ctx context.Context, h mailflow.Host) mailflow.TLSRequirement
	// Record is told of every session, once, and returns at once.
	Record(s mailflow.TLSSession)
}

// Options of New.
type Options struct {
	Hostname string // what we say in EHLO, and one of the names by which a loop is found
	// Own reports whether an address leads to this server, so that mail which DNS sends there is found to go in a circle.
	Own func(netip.Addr) bool

	Policy    Policy     // nil: opportunistic TLS for all
	Smarthost *Smarthost // nil: hosts are found in DNS

	// Dial opens a TCP connection; nil: the net package's. Port is that of the hosts that DNS names; 0: 25.
	Dial func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	Port uint16
	// TLS is what handshakes begin with: roots, versions. nil: the library's defaults.
	TLS *tls.Config

	Log *slog.Logger
}

// Smarthost is a host that takes our mail for all domains.
type Smarthost struct {
	Host string // a name, or an address
	Port uint16
	// TLS from the first byte (RFC 8314); else STARTTLS is demanded. Either way the certificate must be valid for Host. A
	// smarthost on this machine, named by a loopback address, needs no TLS.
	TLS                bool
	Username, Password string // "": without signing in
}
