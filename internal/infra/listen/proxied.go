package listen

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A proxy sends its header before anything else, so it is there at once; a connection that has none soon never will.
const (
	headerPatience = 5 * time.Second
	maxHeaders     = 1000 // connections whose header is waited for
)

// Proxies are load balancers that say whose connections they pass on.
type Proxies struct {
	Networks []netip.Prefix // where they are

	// Header reads what they say, and no more. Where it does not know the client, a proxy speaks for itself.
	Header func(net.Conn) (client, server netip.AddrPort, known bool, err error)

	Name string // of the door, for the log
	Log  *slog.Logger
}

// Behind is l behind proxies: a connection from one of them is accepted when its header was read, and then has the addresses
// that the header names; one without a header is closed. Connections from elsewhere are what they are, and a header that
// comes over them is what their client says first.
func Behind(l net.Listener, p Proxies) net.Listener {
	if len(p.Networks) == 0 {
		return l
	}
	b := &behind{Listener: l, proxies: p, accepted: make(chan accepted), closed: make(chan struct{}), waiting: make(chan struct{}, maxHeaders)}
	go b.run()
	return b
}

// behind accepts in a goroutine of its own, so that no connection waits for the header of another.
type behind struct {
	net.Listener
	proxies  Proxies
	accepted chan accepted
	waiting  chan struct{} // one for each header that is waited for
	refused  warning

	closed chan struct{}
	once   sync.Once
}

type accepted struct {
	nc  net.Conn
	err error
}

func (b *behind) Accept() (net.Conn, error) {
	select {
	case a := <-b.accepted:
		return a.nc, a.err
	case <-b.closed:
		return nil, net.ErrClosed
	}
}

func (b *behind) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

// run ends when the listener is closed.
func (b *behind) run() {
	for {
		nc, err := b.Listener.Accept()
		switch {
		case err != nil:
			if !b.pass(accepted{err: err}) || errors.Is(err, net.ErrClosed) {
				return
			}
		case !b.isProxy(nc):
			b.pass(accepted{nc: nc})
		default:
			select {
			case b.waiting <- struct{}{}:
				go b.read(nc)
			default:
				b.refuse(nc, errors.New("too many connections of proxies have sent no header yet"))
			}
		}
	}
}

// pass gives what came to Accept, and reports whether somebody took it.
func (b *behind) pass(a accepted) bool {
	select {
	case b.accepted <- a:
		return true
	case <-b.closed:
		if a.nc != nil {
			a.nc.Close()
		}
		return false
	}
}

func (b *behind) isProxy(nc net.Conn) bool {
	addr := Remote(nc).Addr().Unmap().WithZone("")
	for _, n := range b.proxies.Networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// read reads a header and passes the connection on.
func (b *behind) read(nc net.Conn) {
	defer func() { <-b.waiting }()
	nc.SetReadDeadline(time.Now().Add(headerPatience))
	client, server, known, err := b.proxies.Header(nc)
	if err == nil {
		err = nc.SetReadDeadline(time.Time{})
	}
	if err != nil {
		b.refuse(nc, err)
		return
	}
	if known {
		nc = &proxied{nc, net.TCPAddrFromAddrPort(client), net.TCPAddrFromAddrPort(server)}
	}
	b.pass(accepted{nc: nc})
}

func (b *behind) refuse(nc net.Conn, why error) {
	defer nc.Close()
	if count, ok := b.refused.due(); ok {
		b.proxies.Log.Warn(b.proxies.Name+": a proxy's connection has no good PROXY header and is closed; look at listen.proxies and at what the proxy is told to send",
			"proxy", Remote(nc).Addr(), "err", why, "count", count)
	}
}

// proxied is a connection with the addresses that a proxy has told.
type proxied struct {
	net.Conn
	client, server net.Addr
}

func (p *proxied) RemoteAddr() net.Addr { return p.client }
func (p *proxied) LocalAddr() net.Addr  { return p.server }

// NetConn is the connection itself.
func (p *proxied) NetConn() net.Conn { return p.Conn }
