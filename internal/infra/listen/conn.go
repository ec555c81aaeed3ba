package listen

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Conn is a connection as the session of a Door holds it. One goroutine reads and one writes, which may be the same; only
// Drain, IsDraining and Abort may be called by others.
type Conn struct {
	server *Server           // whose connection it is; nil in tests
	shown  *x509.Certificate // to this client; nil without TLS, or when it is not known

	mu      sync.Mutex // guards what follows
	nc      net.Conn
	by      Deadline // of the read under way; nil: there is none
	until   time.Time
	drained time.Time // since when the session is to end; zero: it is not
}

// NewConn makes a Conn that belongs to no Server: WaitUntil cannot be asked.
func NewConn(nc net.Conn) *Conn { return &Conn{nc: nc} }

// NetConn is the connection itself: that of TLS, once it has begun.
func (c *Conn) NetConn() net.Conn { return c.nc }

// WaitUntil is the Server's.
func (c *Conn) WaitUntil(begun time.Time, patience time.Duration) time.Time {
	return c.server.WaitUntil(begun, patience)
}

// A Deadline says until when a client is waited for, and what it means that this moment has passed; the zero time ends the wait
// at once. drained is since when the session is to end, zero while it is not. It is asked when a wait begins, when a moment that
// it named has passed, so that waits can be taken in steps (see Server.WaitUntil), and by Drain, from another goroutine.
type Deadline func(drained time.Time) (until time.Time, late error)

// Read reads from what the connection carries: itself, or what decompresses it. It returns the error of a Deadline that has
// passed.
func (c *Conn) Read(p []byte, from io.Reader, by Deadline) (int, error) {
	for {
		if err := c.beginRead(by); err != nil {
			return 0, err
		}
		n, err := from.Read(p)
		// A timeout before its time is a fault that crypto/tls keeps and returns from each Read.
		if passed := c.endRead(); passed && n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		return n, err
	}
}

func (c *Conn) beginRead(by Deadline) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, late := by(c.drained)
	if !until.After(time.Now()) {
		return late
	}
	c.by, c.until = by, until
	return c.nc.SetReadDeadline(until)
}

// endRead reports whether the deadline of the read has passed.
func (c *Conn) endRead() (passed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by = nil
	return !time.Now().Before(c.until)
}

// Drain asks the session to end: a read that is under way has the deadline from now on that its Deadline gives a session that is
// to end, and so have those to come.
func (c *Conn) Drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.drained.IsZero() {
		c.drained = now
	}
	if c.by == nil {
		return
	}
	if c.until, _ = c.by(c.drained); c.until.Before(now) {
		c.until = now
	}
	c.nc.SetReadDeadline(c.until)
}

// IsDraining reports whether the session is to end.
func (c *Conn) IsDraining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.drained.IsZero()
}

// Close ends the connection in good order.
func (c *Conn) Close() error { return c.current().Close() }

// Abort ends the connection at once.
func (c *Conn) Abort() { Abort(c.current()) }

func (c *Conn) current() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nc
}

// TLS is the state of TLS, nil without it.
func (c *Conn) TLS() *tls.ConnectionState {
	tc, ok := c.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	state := tc.ConnectionState()
	return &state
}

// Shown is the certificate that the client was shown, nil where that is not known (see TLS).
func (c *Conn) Shown() *x509.Certificate { return c.shown }

// IsPrivate reports whether nobody else hears what the client says: it comes over TLS, or from this machine.
func (c *Conn) IsPrivate() bool {
	return c.TLS() != nil || Remote(c.nc).Addr().Unmap().IsLoopback()
}

// Handshake completes TLS of a connection that began with it, and does nothing with others.
func (c *Conn) Handshake(patience time.Duration) error {
	tc, ok := c.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	return c.handshake(tc, patience)
}

// StartTLS makes TLS of a connection in clear. What was read already is the beginning of the handshake.
func (c *Conn) StartTLS(config *tls.Config, read []byte, patience time.Duration) error {
	tc, shown := TLS(Unread(c.nc, read), config)
	c.shown = shown
	return c.handshake(tc, patience)
}

func (c *Conn) handshake(tc *tls.Conn, patience time.Duration) error {
	tc.SetDeadline(time.Now().Add(patience))
	err := tc.Handshake()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nc = tc
	if err == nil {
		err = tc.SetDeadline(time.Time{})
	}
	return err
}

// Unread is a connection of which something was read too early: it is read again.
func Unread(nc net.Conn, read []byte) net.Conn {
	if len(read) == 0 {
		return nc
	}
	return &early{nc, read}
}

type early struct {
	net.Conn
	read []byte
}

// NetConn is the connection itself.
func (c *early) NetConn() net.Conn { return c.Conn }

func (c *early) Read(p []byte) (int, error) {
	if len(c.read) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.read)
	c.read = c.read[n:]
	return n, nil
}
