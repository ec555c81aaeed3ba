package outbound

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/netip"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp/client"
)

// Resolver asks DNS; *dns.Resolver is one.
type Resolver interface {
	MX(ctx context.Context, domain string) (dns.Answer[dns.MX], error)
	Addresses(ctx context.Context, host string) (dns.Answer[netip.Addr], error)
}

// Policy says what TLS a host needs. Its methods are called by many goroutines.
type Policy interface {
	// TLS is asked for every delivery before a host is connected to, so what it looks up it keeps for a while. Where it cannot
	// find out what it must know, it returns TLSRefused with a 4yz Refusal.
	TLS(ctx context.Context, h mailflow.Host) mailflow.TLSRequirement
	// Record is told of every session, once, and returns at once.
	Record(s mailflow.TLSSession)
}

// SessionKind is what a message went over, or did not.
type SessionKind string

const (
	SessionSecure SessionKind = "tls"    // a new connection, under TLS
	SessionClear  SessionKind = "clear"  // a new connection in clear
	SessionReused SessionKind = "reused" // a connection that was kept
	SessionFailed SessionKind = "failed" // no connection, or one that was of no use
)

// Options of New.
type Options struct {
	Hostname string // what we say in EHLO, and the name by which a loop is found
	// Own reports whether a host at this address is us, so that mail which DNS sends there is found to go in a circle. nil: none is.
	Own func(netip.Addr) bool

	Resolver  Resolver
	Policy    Policy     // nil: opportunistic TLS for all
	Smarthost *Smarthost // nil: hosts are found in DNS

	// Dial opens a TCP connection; nil: the net package's. Port is that of the hosts that DNS names; 0: 25.
	Dial  func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	Port  uint16
	Roots *x509.CertPool // whom a smarthost's certificate must come from; nil: the system's
	Times client.Times

	Log     *slog.Logger
	Observe func(SessionKind) // may be nil
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
