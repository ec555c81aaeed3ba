package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

const (
	dialDelay = 250 * time.Millisecond // RFC 8305 5: before the next address is tried beside the one before it
	dialTime  = 30 * time.Second       // for all addresses
)

var errNoAddress = errors.New("all its addresses have been tried")

type dialed struct {
	nc  net.Conn
	to  netip.AddrPort
	err error
}

// connect opens a connection to the first of the addresses that answers (RFC 8305 5).
func (o *Outbound) connect(ctx context.Context, addrs []netip.AddrPort) (net.Conn, netip.AddrPort, error) {
	if len(addrs) == 0 {
		return nil, netip.AddrPort{}, errNoAddress
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	if len(addrs) == 1 {
		nc, err := o.opts.Dial(ctx, addrs[0])
		return nc, addrs[0], err
	}
	results := make(chan dialed, len(addrs))
	next, open := 0, 0
	begin := func() {
		to := addrs[next]
		next, open = next+1, open+1
		go func() {
			nc, err := o.opts.Dial(ctx, to)
			results <- dialed{nc, to, err}
		}()
	}
	begin()
	delay := time.NewTicker(dialDelay)
	defer delay.Stop()
	var failed error
	for open > 0 {
		select {
		case r := <-results:
			if open--; r.err == nil {
				go closeLate(results, open)
				return r.nc, r.to, nil
			}
			failed = r.err
			if next < len(addrs) {
				begin()
				delay.Reset(dialDelay)
			}
		case <-delay.C:
			if next < len(addrs) {
				begin()
			}
		}
	}
	return nil, netip.AddrPort{}, failed
}

// closeLate closes the connections that came second.
func closeLate(results <-chan dialed, n int) {
	for range n {
		if r := <-results; r.err == nil {
			r.nc.Close()
		}
	}
}
