package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	dialTime     = 10 * time.Second // for one address
	maxAddresses = 6                // of a host, that are tried
)

// DialContext connects to a host by its name, trying its addresses in turn, as an http.Transport wants it: what is asked for
// on the way is asked as everything else here is, and nothing else on the machine has a say.
func (r *Resolver) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return r.dialOne(ctx, network, address)
	}
	answer, err := r.Addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, a := range answer.Records[:min(len(answer.Records), maxAddresses)] {
		conn, err := r.dialOne(ctx, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return conn, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("%s cannot be reached: %w", host, errors.Join(failed...))
}

func (r *Resolver) dialOne(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	return r.dial(ctx, network, address)
}
