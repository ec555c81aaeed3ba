// Package dial opens the connections of the load generator's clients.
package dial

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Security says how a connection is protected.
type Security string

const (
	Plain    Security = "none"
	StartTLS Security = "starttls" // the client's package upgrades it
	TLS      Security = "tls"      // from the first byte
)

// Options of a connection. The zero value is plain TCP with no time limit.
type Options struct {
	Security Security
	// Verify checks the server's certificate. Test servers have self-signed
	// ones, and no secret of value passes, so it is off unless asked for.
	Verify  bool
	Timeout time.Duration // for each step of a dialogue; 0 is DefaultTimeout
	// From is a number of the host that connects, of a server on the loopback
	// network only: servers bound the connections of one host.
	From int
}

// DefaultTimeout is how long a client waits for a server's answer before it
// counts the connection as lost.
const DefaultTimeout = 60 * time.Second

// Wait is the time limit of one step.
func (o Options) Wait() time.Duration {
	if o.Timeout > 0 {
		return o.Timeout
	}
	return DefaultTimeout
}

// Connect opens a connection; cancelling ctx later does not close it.
func Connect(ctx context.Context, addr string, o Options) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Wait())
	defer cancel()
	conn, err := (&net.Dialer{LocalAddr: o.local(addr)}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if o.Security == TLS {
		return Upgrade(ctx, conn, addr, o)
	}
	return conn, nil
}

// local is the address that connects, nil for the system to choose: hosts of the
// loopback network have numbers in 127.0.0.0/8.
func (o Options) local(addr string) net.Addr {
	server, err := netip.ParseAddrPort(addr)
	if err != nil || !server.Addr().Is4() || !server.Addr().IsLoopback() || o.From <= 0 {
		return nil
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 1+byte(o.From>>8), byte(o.From))}
}

// Upgrade makes a TLS connection of conn, or closes it.
func Upgrade(ctx context.Context, conn net.Conn, addr string, o Options) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		conn.Close()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Wait())
	defer cancel()
	secured := tls.Client(conn, &tls.Config{ServerName: host, InsecureSkipVerify: !o.Verify})
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS with %s: %w", addr, err)
	}
	return secured, nil
}
