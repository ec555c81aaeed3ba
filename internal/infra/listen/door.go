package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// Door is what a protocol is served through: connections in clear, in which TLS may be begun, and connections that begin with TLS
// (RFC 8314). Either kind has the limits for itself.
type Door struct {
	plain, secure *Server
	o             DoorOptions
}

// DoorOptions say how a Door runs its sessions.
type DoorOptions struct {
	Options             // but for Start and TurnAway
	TLS     *tls.Config // nil: there is no ServeTLS

	// Begin makes the session of a connection, whose handshake is still to be done where it begins with TLS.
	Begin func(ctx context.Context, c *Conn) Session
	// Refused hears of a connection that is turned away, and returns the last words to it; they are not said where it begins
	// with TLS.
	Refused func(why Refusal) (farewell string)
}

// NewDoor makes a door.
func NewDoor(o DoorOptions) *Door {
	d := &Door{o: o}
	o.Options.Start, o.Options.TurnAway = d.start, d.turnAway
	d.plain = NewServer(o.Options)
	o.Options.Start = d.startTLS
	// Nothing can be said before a handshake.
	o.Options.TurnAway = func(_ net.Conn, why Refusal) { d.o.Refused(why) }
	d.secure = NewServer(o.Options)
	return d
}

// Serve is Server.Serve for connections in clear.
func (d *Door) Serve(ctx context.Context, l net.Listener) error { return d.plain.Serve(ctx, l) }

// ServeTLS is Server.Serve for connections that begin with TLS.
func (d *Door) ServeTLS(ctx context.Context, l net.Listener) error {
	if d.o.TLS == nil {
		return errors.New(d.o.Name + ": no certificate")
	}
	return d.secure.Serve(ctx, l)
}

func (d *Door) start(ctx context.Context, nc net.Conn) Session {
	return d.o.Begin(ctx, &Conn{server: d.plain, nc: nc})
}

func (d *Door) startTLS(ctx context.Context, nc net.Conn) Session {
	conn, shown := TLS(nc, d.o.TLS)
	return d.o.Begin(ctx, &Conn{server: d.secure, nc: conn, shown: shown})
}

// turnAway says why, if the client takes it at once.
func (d *Door) turnAway(nc net.Conn, why Refusal) {
	farewell := d.o.Refused(why)
	nc.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	io.WriteString(nc, farewell)
}
