package outbound

import (
	"context"
	"log/slog"
	"net"
	"net/netip"

	"github.com/mailmesh/mailmesh/internal/mailflow"
)

// Outbound is the transport to other hosts.
type Outbound struct {
	opts      Options
	pool      *pool
	smarthost chan struct{} // holds something for each delivery that the smarthost has now
}

var _ mailflow.Transport = (*Outbound)(nil)

// New makes a transport. It opens no connection before it has mail to hand on.
func New(o Options) *Outbound {
	if o.Dial == nil {
		var d net.Dialer
		o.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", to.String())
		}
	}
	if o.Port == 0 {
		o.Port = 25
	}
	if o.Own == nil {
		o.Own = func(netip.Addr) bool { return false }
	}
	if o.Policy == nil {
		o.Policy = opportunistic{}
	}
	if o.Observe == nil {
		o.Observe = func(SessionKind) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Outbound{opts: o, pool: newPool(), smarthost: make(chan struct{}, maxSmarthost)}
}

// Close says goodbye on the connections that are kept. Deliveries under way go on, and keep none.
func (o *Outbound) Close() { o.pool.close() }

// maxSmarthost is how many messages the smarthost gets at a time. The queue counts by domain, and here all are one.
const maxSmarthost = 20

// opportunistic is the Policy where there is none.
type opportunistic struct{}

func (opportunistic) TLS(context.Context, mailflow.Host) mailflow.TLSRequirement {
	return mailflow.TLSRequirement{}
}

func (opportunistic) Record(mailflow.TLSSession) {}

// Deliver hands a job's message to the hosts of its domain, one after the other until nobody is left to whom another host could help.
func (o *Outbound) Deliver(ctx context.Context, j mailflow.Job) []mailflow.Attempt {
	d := newDelivery(o, j)
	if o.opts.Smarthost != nil {
		select {
		case o.smarthost <- struct{}{}:
			defer func() { <-o.smarthost }()
		case <-ctx.Done():
			d.abandon(ctx.Err())
			return d.finish()
		}
	}
	r, p := o.route(ctx, j.Domain)
	if p != nil {
		d.fail(*p)
		return d.finish()
	}
	for d.wanted() {
		h, p, more := r.next(ctx)
		if !more {
			break
		}
		if p != nil {
			d.fail(*p)
			continue
		}
		d.tryHost(ctx, h)
	}
	return d.finish()
}
