package imapserver

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Server answers IMAP connections. It may serve several listeners at a time.
type Server struct {
	*listen.Door // in clear, for STARTTLS, or TLS from the start
	o            Options
	buffers      sync.Pool
	shares       shares
	offers       extension // all that there are
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
	s := &Server{o: o, offers: offers, shares: shares{all: map[mail.AccountID]*share{}}}
	s.buffers.New = func() any { return newBuffers() }
	s.Door = listen.NewDoor(listen.DoorOptions{
		Options: listen.Options{Name: "imap", Connections: o.Limits.Connections, PerHost: o.Limits.ConnectionsPerHost, Drain: o.Limits.Drain, Log: o.Log, Gate: o.Gate},
		TLS:     o.TLS, Begin: s.begin, Refused: s.refused})
	return s, nil
}

func (s *Server) begin(ctx context.Context, c *listen.Conn) listen.Session {
	return newSession(ctx, s, c)
}

func (s *Server) refused(why listen.Refusal) (farewell string) {
	s.o.Observer.TurnedAway(string(why))
	return "* BYE [UNAVAILABLE] " + string(why) + ", try again later\r\n"
}
