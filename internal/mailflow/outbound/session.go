package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp/client"
)

// session is a connection to a host that is ready for messages.
type session struct {
	key    key
	conn   *client.Conn
	nc     net.Conn
	to     netip.AddrPort
	by     string // "mx1.example.net [192.0.2.1]"
	begun  time.Time
	reused bool
	timer  *time.Timer // while it is in the pool
}

// more reports whether the host takes another message on this connection (RFC 9422: MAILMAX).
func (s *session) more() bool {
	limit := maxMessages
	if mail := s.conn.Limits().Mail; mail > 0 {
		limit = min(limit, mail)
	}
	return s.conn.Sent() < limit
}

// during runs do, and breaks off what it waits for when ctx ends.
func (s *session) during(ctx context.Context, do func() error) error {
	stop := context.AfterFunc(ctx, func() { s.conn.Close() })
	err := do()
	if !stop() && ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	return err
}

// opening is a session on its way.
type opening struct {
	o           *Outbound
	host        *host
	requirement mailflow.TLSRequirement
	clear       bool // TLS was tried and cannot be had, and need not
	err         error
}

// open connects to one of a host's addresses, greets, secures and signs in. tried is the address.
func (o *Outbound) open(ctx context.Context, h *host, need mailflow.TLSRequirement) (s *session, tried netip.AddrPort, p *problem) {
	op := &opening{o: o, host: h, requirement: need}
	addrs := h.addrs
	for {
		s, tried, p = op.try(ctx, addrs)
		if s != nil {
			if s.conn.TLS() != nil {
				o.opts.Observe(SessionSecure)
			} else {
				o.opts.Observe(SessionClear)
			}
			return s, tried, nil
		}
		o.opts.Observe(SessionFailed)
		if !op.clear || !tried.IsValid() {
			return nil, tried, p
		}
		addrs = []netip.AddrPort{tried} // RFC 7435: the same address again, in clear
	}
}

// try makes one connection. With op.clear set on return, and no session, the same is to be tried in clear.
func (op *opening) try(ctx context.Context, addrs []netip.AddrPort) (*session, netip.AddrPort, *problem) {
	again := op.clear
	op.clear = false
	nc, to, err := op.o.connect(ctx, addrs)
	if err != nil {
		if to.IsValid() && len(addrs) == 1 {
			return nil, to, unreachable(by(op.host.Name, to.Addr()), err)
		}
		return nil, netip.AddrPort{}, unreachable(op.host.Name, err)
	}
	s := &session{nc: nc, to: to, by: by(op.host.Name, to.Addr()), begun: time.Now(), key: key{op.host.Name, op.requirement.ID}}
	if op.host.smarthost != nil {
		err = op.toSmarthost(ctx, s, to)
	} else {
		err = op.toHost(ctx, s, again)
	}
	if err != nil {
		s.nc.Close()
		return nil, to, op.problem(s, err)
	}
	return s, to, nil
}

func by(name string, addr netip.Addr) string {
	if name == addr.String() {
		return "[" + name + "]"
	}
	return fmt.Sprintf("%s [%v]", name, addr)
}

var errLoop = errors.New("it says that it is us")

// insecureError is what keeps a host from having the TLS it needs. broken says that it may have had it all the same: the network failed.
type insecureError struct {
	err    error
	broken bool
}

func (e insecureError) Error() string { return e.err.Error() }
func (e insecureError) Unwrap() error { return e.err }

func (op *opening) problem(s *session, err error) *problem {
	var bad insecureError
	switch {
	case errors.Is(err, errLoop) && op.host.smarthost == nil:
		return loop(op.host.Domain)
	case errors.As(err, &bad):
		return insecure(s.by, bad.err, op.host.RequireTLS && !bad.broken && op.host.smarthost == nil)
	}
	p := broken(s.by, err)
	if op.host.smarthost != nil && (!p.temporary() || errors.Is(err, errLoop)) {
		// The smarthost refuses us, not the message: that is for the operator to mend, and mail waits.
		p = ours(451, 4, 7, 8, "the smarthost %s: %v", s.by, err)
		p.destination = true
	}
	return p
}

func (op *opening) options() client.Options {
	return client.Options{Hostname: op.o.opts.Hostname, Times: op.o.opts.Times}
}

// toHost greets a host of DNS, and secures the connection as the requirement says. The session is recorded.
func (op *opening) toHost(ctx context.Context, s *session, clear bool) error {
	s.conn = client.New(s.nc, op.options())
	if err := s.during(ctx, s.conn.Greet); err != nil {
		return err
	}
	if strings.EqualFold(s.conn.Helo(), op.o.opts.Hostname) {
		return errLoop
	}
	if clear {
		return nil
	}
	err := op.secure(ctx, s)
	var bad insecureError
	seen := err
	if errors.As(err, &bad) {
		seen = bad.err
	} else if err == nil {
		seen = op.err
	}
	op.o.opts.Policy.Record(mailflow.TLSSession{Host: op.host.Host, Requirement: op.requirement, Helo: s.conn.Helo(),
		Local: listen.Local(s.nc).Addr(), Remote: listen.Remote(s.nc).Addr(), Secure: s.conn.TLS() != nil, Err: seen})
	return err
}

// secure starts TLS. op.err is what was wrong with it where the requirement lets that pass; op.clear is set where it needs another
// connection, in clear.
func (op *opening) secure(ctx context.Context, s *session) error {
	need := op.requirement
	must := need.Level > mailflow.TLSOpportunistic
	if !s.conn.Offers("STARTTLS") {
		if must {
			return insecureError{err: mailflow.ErrNoSTARTTLS}
		}
		if need.Verify != nil {
			op.err = mailflow.ErrNoSTARTTLS
		}
		return nil
	}
	name := need.ServerName
	if name == "" {
		name = op.host.Name
	}
	// Who is at the other end is for Verify to say: without a policy nobody has promised a certificate (RFC 7435).
	config := &tls.Config{InsecureSkipVerify: true, ServerName: name}
	if addr, err := netip.ParseAddr(name); err == nil && addr.IsValid() {
		config.ServerName = ""
	}
	err := s.during(ctx, func() error { return s.conn.StartTLS(ctx, config) })
	var refused *client.RefusedError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return err
	case errors.As(err, &refused) && refused.Command == "STARTTLS":
		if must {
			return insecureError{err: err, broken: refused.Reply.Code/100 == 4}
		}
		op.err = err
		return nil
	default:
		op.clear = !must
		return insecureError{err: err, broken: true}
	}
	if need.Verify == nil {
		return nil
	}
	err = need.Verify(*s.conn.TLS())
	if err != nil && need.Level == mailflow.TLSVerified {
		return insecureError{err: err}
	}
	op.err = err
	return nil
}

// toSmarthost greets the smarthost, secures the connection and signs in.
func (op *opening) toSmarthost(ctx context.Context, s *session, to netip.AddrPort) error {
	smart := op.host.smarthost
	config := &tls.Config{ServerName: smart.Host, RootCAs: op.o.opts.Roots}
	if smart.TLS {
		secure := tls.Client(s.nc, config)
		handshake, cancel := context.WithTimeout(ctx, dialTime)
		defer cancel()
		if err := secure.HandshakeContext(handshake); err != nil {
			return insecureError{err: err}
		}
		s.nc = secure
	}
	s.conn = client.New(s.nc, op.options())
	return s.during(ctx, func() error {
		if err := s.conn.Greet(); err != nil {
			return err
		}
		if strings.EqualFold(s.conn.Helo(), op.o.opts.Hostname) {
			return errLoop
		}
		if s.conn.TLS() == nil && (s.conn.Offers("STARTTLS") || !to.Addr().IsLoopback()) {
			if err := op.demandTLS(ctx, s, config); err != nil {
				return err
			}
		}
		if smart.Username == "" {
			return nil
		}
		return s.conn.Auth(smart.Username, smart.Password)
	})
}

func (op *opening) demandTLS(ctx context.Context, s *session, config *tls.Config) error {
	if !s.conn.Offers("STARTTLS") {
		return insecureError{err: mailflow.ErrNoSTARTTLS}
	}
	if err := s.conn.StartTLS(ctx, config); err != nil {
		var handshake *client.HandshakeError
		if errors.As(err, &handshake) {
			return insecureError{err: err}
		}
		return err
	}
	return nil
}
