package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

const (
	dialTime     = 10 * time.Second // for one address
	maxAddresses = 6                // of a host, that are tried
)

var errInward = errors.New("it leads to no host on the internet")

// dial connects to a host, at an address that was found to be outside. It is the only way in which this package makes connections.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, err
	}
	found, err := c.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	outside := slices.DeleteFunc(found, func(a netip.Addr) bool { return !c.outside(a, uint16(port)) })
	if len(outside) == 0 {
		return nil, mail.E("fetch.Do", mail.Denied, fmt.Errorf("%.255s: %w", host, errInward))
	}
	var failed []error
	for _, a := range outside[:min(len(outside), maxAddresses)] {
		conn, err := c.dialOne(ctx, network, netip.AddrPortFrom(a, uint16(port)).String())
		if err == nil {
			return conn, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("%.255s cannot be reached: %w", host, errors.Join(failed...))
}

// addresses are those of a host, in a list of the caller's own.
func (c *Client) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	name, err := ascii(host)
	if err != nil {
		return nil, err
	}
	found, err := c.o.Addresses(ctx, name)
	return slices.Clone(found), err
}

// outside reports whether a connection to an address leaves this machine and the networks behind it.
func (c *Client) outside(a netip.Addr, port uint16) bool {
	a = a.Unmap()
	if slices.ContainsFunc(c.o.Allow, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return true
	}
	if !Public(a) {
		return false
	}
	return port == 80 || port == 443 || !slices.Contains(c.o.Own(), a)
}

func (c *Client) dialOne(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	return c.o.Dial(ctx, network, address)
}

// ownAddresses are those of this machine's interfaces.
func ownAddresses() (own []netip.Addr) {
	list, _ := net.InterfaceAddrs() // without them, Public alone decides
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr().Unmap())
		}
	}
	return own
}
