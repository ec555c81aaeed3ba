package imapserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Server answers IMAP connections. It may serve several listeners at a time.
type Server struct {
	o       Options
	plain   *listen.Server // STARTTLS
	secure  *listen.Server // TLS from the start (RFC 8314)
	buffers sync.Pool
	turns   chan turn // at reading messages through
	shares  shares
	offers  extension // all that there are
}

// New makes a server; it fails when the options cannot work.
func New(o Options) (*Server, error) {
	o.Limits.setDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("imapserver: %w", err)
	}
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	offers, err := combine(extensions())
	if err != nil {
		return nil, fmt.Errorf("imapserver: %w", err)
	}
	s := &Server{o: o, offers: offers, turns: make(chan turn, o.Limits.ContentSearches), shares: shares{all: map[mail.AccountID]*share{}}}
	s.buffers.New = func() any { return newBuffers() }
	run := listen.Options{Name: "imap", Connections: o.Limits.Connections, PerHost: o.Limits.ConnectionsPerHost,
		Drain: o.Limits.Drain, Log: o.Log, TurnAway: s.turnAway, Start: s.start}
	s.plain = listen.NewServer(run)
	// Nothing can be said before a handshake.
	run.TurnAway = func(_ net.Conn, why listen.Refusal) { s.o.Observer.TurnedAway(string(why)) }
	run.Start = s.startTLS
	s.secure = listen.NewServer(run)
	return s, nil
}

// Serve answers connections, which may use STARTTLS, until ctx ends, and then lets them finish the command under way.
func (s *Server) Serve(ctx context.Context, l net.Listener) error { return s.plain.Serve(ctx, l) }

// ServeTLS is Serve for connections that begin with TLS.
func (s *Server) ServeTLS(ctx context.Context, l net.Listener) error {
	if s.o.TLS == nil {
		return errors.New("imapserver: no certificate")
	}
	return s.secure.Serve(ctx, l)
}

func (s *Server) start(ctx context.Context, nc net.Conn) listen.Session {
	return newSession(ctx, s, s.plain, nc)
}

func (s *Server) startTLS(ctx context.Context, nc net.Conn) listen.Session {
	conn, shown := listen.TLS(nc, s.o.TLS)
	c := newSession(ctx, s, s.secure, conn)
	c.shown = shown
	return c
}

// turnAway says why, if the client takes it at once.
func (s *Server) turnAway(nc net.Conn, why listen.Refusal) {
	s.o.Observer.TurnedAway(string(why))
	nc.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	io.WriteString(nc, "* BYE [UNAVAILABLE] "+string(why)+", try again later\r\n")
}
