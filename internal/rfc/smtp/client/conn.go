package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Times are how long the steps may take. The zero Times are those that RFC 5321 4.5.3.2 asks for at least.
type Times struct {
	Greeting time.Duration // 5 min (4.5.3.2.1)
	Command  time.Duration // each reply to EHLO, MAIL, RCPT, STARTTLS, AUTH, RSET: 5 min (4.5.3.2.2 and .3)
	Data     time.Duration // the reply to DATA: 2 min (4.5.3.2.4)
	Block    time.Duration // a write of up to 64 KiB: 3 min (4.5.3.2.5)
	End      time.Duration // the reply to the end of the content: 10 min (4.5.3.2.6)
	TLS      time.Duration // a handshake: 1 min; the standard has no number
	Message  time.Duration // a whole transaction, besides a second for each 16 KiB of its content: 30 min
	Quit     time.Duration // 5 s: nobody waits for the reply to QUIT
}

func (t Times) orDefault() Times {
	for _, of := range []struct {
		is      *time.Duration
		without time.Duration
	}{
		{&t.Greeting, 5 * time.Minute}, {&t.Command, 5 * time.Minute}, {&t.Data, 2 * time.Minute}, {&t.Block, 3 * time.Minute},
		{&t.End, 10 * time.Minute}, {&t.TLS, time.Minute}, {&t.Message, 30 * time.Minute}, {&t.Quit, 5 * time.Second},
	} {
		if *of.is == 0 {
			*of.is = of.without
		}
	}
	return t
}

// messageRate is how fast content must go on the whole, in bytes a second.
const messageRate = 16 << 10

// Options of New.
type Options struct {
	Hostname string // what we say in EHLO
	Times    Times
}

// Conn is a connection to a server. It belongs to one goroutine.
type Conn struct {
	opts    Options
	nc      net.Conn
	r       *bufio.Reader
	out     []byte // waits to be written
	offered extensions
	helo    string
	tls     *tls.ConnectionState
	dirty   bool // a transaction has begun and not ended: RSET goes before the next
	sent    int  // transactions that were begun
}

// New makes the client's end of nc, over which nothing has gone yet.
func New(nc net.Conn, o Options) *Conn {
	o.Times = o.Times.orDefault()
	c := &Conn{opts: o, nc: nc, r: bufio.NewReaderSize(nc, maxReplyLine)}
	if secure, ok := nc.(*tls.Conn); ok {
		state := secure.ConnectionState()
		c.tls = &state
	}
	return c
}

// RefusedError says that the server refused a command without which nothing goes on.
type RefusedError struct {
	Command string // "the connection", "EHLO", "STARTTLS", "AUTH"
	Reply   mail.Reply
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s was refused: %v", e.Command, e.Reply)
}

// Greet reads the greeting and says EHLO, or HELO where EHLO is not known (RFC 5321 3.2).
func (c *Conn) Greet() error {
	greeting, err := c.read(c.opts.Times.Greeting)
	if err != nil {
		return fmt.Errorf("waiting for the greeting: %w", err)
	}
	if greeting.code != 220 {
		return &RefusedError{"the connection", greeting.mail()}
	}
	return c.hello()
}

func (c *Conn) hello() error {
	r, err := c.command("EHLO " + c.opts.Hostname)
	if err == nil && r.code/100 == 5 && r.code != 521 { // RFC 7504: 521 means that there is no mail here at all
		r, err = c.command("HELO " + c.opts.Hostname)
		r.lines = r.lines[:min(1, len(r.lines))] // nothing is offered
	}
	if err != nil {
		return fmt.Errorf("EHLO: %w", err)
	}
	if r.code != 250 {
		return &RefusedError{"EHLO", r.mail()}
	}
	c.helo, _, _ = strings.Cut(strings.TrimSpace(r.lines[0]), " ")
	c.offered = parseExtensions(r.lines[1:])
	return nil
}

// StartTLS secures the connection (RFC 3207) and says EHLO again. After a *RefusedError the connection goes on in clear.
func (c *Conn) StartTLS(ctx context.Context, config *tls.Config) error {
	r, err := c.command("STARTTLS")
	if err != nil {
		return fmt.Errorf("STARTTLS: %w", err)
	}
	if r.code != 220 {
		return &RefusedError{"STARTTLS", r.mail()}
	}
	if c.r.Buffered() > 0 {
		// RFC 3207 5: what came before TLS could have been put there by anybody, and must not be read as if it came under it.
		return fmt.Errorf("STARTTLS: %w: something follows the reply in clear", ErrReply)
	}
	secure := tls.Client(c.nc, config)
	ctx, cancel := context.WithTimeout(ctx, c.opts.Times.TLS)
	defer cancel()
	c.nc.SetDeadline(time.Time{})
	if err := secure.HandshakeContext(ctx); err != nil {
		return &HandshakeError{err}
	}
	state := secure.ConnectionState()
	c.nc, c.tls = secure, &state
	c.r.Reset(secure)
	return c.hello()
}

// HandshakeError is the error of a TLS handshake.
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string { return "the TLS handshake failed: " + e.Err.Error() }
func (e *HandshakeError) Unwrap() error { return e.Err }

// Offers reports whether the server offers an extension, by its keyword in capitals.
func (c *Conn) Offers(keyword string) bool { return c.offered.has(keyword) }

// Limits returns what the server says of its limits.
func (c *Conn) Limits() Limits { return c.offered.limits() }

// Helo is what the server calls itself in its answer to EHLO.
func (c *Conn) Helo() string { return c.helo }

// TLS is the state of TLS, nil without it.
func (c *Conn) TLS() *tls.ConnectionState { return c.tls }

// Sent is how many transactions were begun.
func (c *Conn) Sent() int { return c.sent }

// Quit says goodbye and closes, without waiting for the reply: what we sent has been answered for.
func (c *Conn) Quit() error {
	c.nc.SetDeadline(time.Now().Add(c.opts.Times.Quit))
	_, err := c.nc.Write([]byte("QUIT\r\n"))
	return errors.Join(err, c.nc.Close())
}

// Close closes the connection at once.
func (c *Conn) Close() error { return c.nc.Close() }

// command sends one command and reads its reply.
func (c *Conn) command(line string) (reply, error) {
	c.out = append(append(c.out[:0], line...), '\r', '\n')
	if err := c.flush(); err != nil {
		return reply{}, err
	}
	return c.read(c.opts.Times.Command)
}

// read reads one reply, which has to be there as a whole within limit.
func (c *Conn) read(limit time.Duration) (reply, error) {
	c.nc.SetReadDeadline(time.Now().Add(limit))
	return readReply(c.r)
}

// flush writes what waits.
func (c *Conn) flush() error {
	c.nc.SetWriteDeadline(time.Now().Add(c.opts.Times.Block))
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	return err
}
