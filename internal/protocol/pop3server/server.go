package pop3server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
)

// Server answers POP3 connections. It may serve several listeners at a time.
type Server struct {
	*listen.Door // in clear, for STLS, or TLS from the start
	o            Options
	buffers      sync.Pool
}

// New makes a server; it fails when the options cannot work.
func New(o Options) (*Server, error) {
	o.Limits.setDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("pop3server: %w", err)
	}
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o}
	s.buffers.New = func() any { return newBuffers() }
	s.Door = listen.NewDoor(listen.DoorOptions{
		Options: listen.Options{Name: "pop3", Connections: o.Limits.Connections, PerHost: o.Limits.ConnectionsPerHost, Drain: o.Limits.Drain, Log: o.Log, Gate: o.Gate},
		TLS:     o.TLS, Begin: s.begin, Refused: s.refused})
	return s, nil
}

func (s *Server) begin(ctx context.Context, c *listen.Conn) listen.Session {
	return newSession(ctx, s, c)
}

// refused: RFC 3206 4: [SYS/TEMP] keeps the client from asking for another password.
func (s *Server) refused(why listen.Refusal) (farewell string) {
	s.o.Observer.TurnedAway(string(why))
	return "-ERR [SYS/TEMP] " + string(why) + ", try again later\r\n"
}
