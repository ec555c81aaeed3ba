// Package dial opens the connections of the load generator's clients.
package dial

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
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
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if o.Security == TLS {
		return Upgrade(ctx, conn, addr, o)
	}
	return conn, nil
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
