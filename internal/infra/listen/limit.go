package listen

import (
	"net"
	"net/netip"
	"sync"
)

// Limit is l with the limits of a door, for servers that run their sessions themselves, such as that of net/http: of the
// options Name, Connections, PerHost and Log count, and TurnAway where it is set. Accept returns admitted connections only; each
// counts until it is closed.
func Limit(l net.Listener, o Options) net.Listener { return &limited{l, NewServer(o)} }

type limited struct {
	net.Listener
	server *Server
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		remote := Remote(nc).Addr()
		why, ok := l.server.admission.admit(remote)
		if ok {
			l.server.noteCrowd(remote)
			return &admitted{Conn: nc, admission: &l.server.admission, remote: remote}, nil
		}
		l.server.noteRefusal(remote, why)
		if l.server.o.TurnAway != nil {
			l.server.o.TurnAway(nc, why)
		}
		nc.Close()
	}
}

// admitted is a connection that counts.
type admitted struct {
	net.Conn
	admission *admission
	remote    netip.Addr
	once      sync.Once
}

func (a *admitted) Close() error {
	err := a.Conn.Close()
	a.once.Do(func() { a.admission.release(a.remote) })
	return err
}
