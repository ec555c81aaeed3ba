package smtpserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// Server answers SMTP or LMTP connections. It may serve several listeners at a time; they share its limits.
type Server struct {
	o           Options
	hello       []string // the lines of EHLO that are the same for all
	helpText    mail.Reply
	connections *listen.Server
	secure      *listen.Server // TLS from the start (RFC 8314)
	buffers     sync.Pool
}

// New makes a server; it fails when the options cannot work.
func New(o Options) (*Server, error) {
	o.Limits.setDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("smtpserver: %w", err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	if o.NewID == nil {
		o.NewID = randomID
	}
	s := &Server{o: o, hello: helloLines(&o), helpText: helpReply(&o)}
	run := listen.Options{Name: string(o.Mode), Connections: o.Limits.Connections,
		PerHost: o.Limits.ConnectionsPerHost, Drain: o.Limits.Drain, Log: o.Log, Gate: o.Gate, Start: s.start, TurnAway: s.turnAway}
	s.connections = listen.NewServer(run)
	run.Start = s.startTLS
	run.TurnAway = func(_ net.Conn, why listen.Refusal) { // nothing can be said before a handshake
		s.o.Observer.Refused(s.o.Mode, "", refusals[why])
	}
	s.secure = listen.NewServer(run)
	s.buffers.New = func() any { return newBuffers() }
	return s, nil
}

// randomID has 80 bits: unique among all messages that a log will ever hold, and short enough to read out.
func randomID() string { return strings.ToLower(rand.Text()[:16]) }

// Serve accepts connections until ctx ends, then drains them (see the package doc) and returns nil. An error of the
// listener drains them too and is returned.
func (s *Server) Serve(ctx context.Context, l net.Listener) error { return s.connections.Serve(ctx, l) }

// ServeTLS is Serve for connections that begin with TLS.
func (s *Server) ServeTLS(ctx context.Context, l net.Listener) error {
	if s.o.TLS == nil {
		return errors.New("smtpserver: no certificate")
	}
	return s.secure.Serve(ctx, l)
}

func (s *Server) start(ctx context.Context, nc net.Conn) listen.Session {
	return newSession(ctx, s, s.connections, nc)
}

func (s *Server) startTLS(ctx context.Context, nc net.Conn) listen.Session {
	conn, shown := listen.TLS(nc, s.o.TLS)
	c := newSession(ctx, s, s.secure, conn)
	c.shown = shown
	return c
}

var refusals = map[listen.Refusal]mail.Reply{listen.TooMany: tooManyConnections, listen.TooManyFromHost: tooManyFromHost}

// turnAway says why, if the client takes it at once. Over TLS nothing can be said before a handshake.
func (s *Server) turnAway(nc net.Conn, why listen.Refusal) {
	refusal := refusals[why]
	s.o.Observer.Refused(s.o.Mode, "", refusal)
	if !isTLS(nc) {
		nc.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		nc.Write(smtp.AppendReply(nil, signed(s.o.Hostname, refusal)))
	}
}
