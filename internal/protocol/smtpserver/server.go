package smtpserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// Server answers SMTP or LMTP connections. It may serve several listeners at a time; they share its limits.
type Server struct {
	o         Options
	hello     []string // the lines of EHLO, without STARTTLS
	admission admission
	buffers   sync.Pool
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
	s := &Server{o: o, hello: helloLines(&o)}
	s.admission = admission{max: o.Limits.Connections, maxPerHost: o.Limits.ConnectionsPerHost, hosts: map[netip.Prefix]int{}}
	s.buffers.New = func() any { return newBuffers() }
	return s, nil
}

// randomID has 80 bits: unique among all messages that a log will ever hold, and short enough to read out.
func randomID() string { return strings.ToLower(rand.Text()[:16]) }

// Serve accepts connections until ctx ends, then drains them (see the package doc) and returns nil. An error of the
// listener drains them too and is returned.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	// Inbound's work outlives ctx by the drain.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	defer context.AfterFunc(ctx, func() { l.Close() })()

	open := &openSessions{all: map[*session]struct{}{}}
	err := s.accept(ctx, l, func(nc net.Conn) { s.start(work, nc, open) })
	l.Close()

	open.drain()
	deadline := time.AfterFunc(s.o.Limits.Drain, func() {
		stopWork()
		open.abort()
	})
	defer deadline.Stop()
	open.running.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// accept hands connections over until the listener fails for good. Running out of descriptors or memory passes.
func (s *Server) accept(ctx context.Context, l net.Listener, handle func(net.Conn)) error {
	const firstPause, maxPause = 5 * time.Millisecond, time.Second
	pause := firstPause
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = firstPause
			handle(nc)
			continue
		}
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return err
		}
		s.o.Log.Error("smtp: cannot accept a connection", "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, maxPause)
		}
	}
}

// start runs a session for the connection, or turns it away.
func (s *Server) start(ctx context.Context, nc net.Conn, open *openSessions) {
	remote := addrPort(nc.RemoteAddr())
	refusal, ok := s.admission.admit(remote.Addr())
	if !ok {
		s.o.Observer.Refused(s.o.Mode, "", refusal)
		turnAway(nc, signed(s.o.Hostname, refusal))
		return
	}
	one := newSession(ctx, s, nc, remote)
	open.add(one)
	go func() {
		defer s.admission.release(remote.Addr())
		defer open.remove(one)
		one.run()
	}()
}

// turnAway says why, if the client takes it at once: the accepting goroutine cannot wait. Over TLS nothing can be said
// before a handshake.
func turnAway(nc net.Conn, why mail.Reply) {
	if !isTLS(nc) {
		nc.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		nc.Write(smtp.AppendReply(nil, why))
	}
	nc.Close()
}

// openSessions are those of one listener.
type openSessions struct {
	running sync.WaitGroup

	mu  sync.Mutex
	all map[*session]struct{}
}

func (o *openSessions) add(s *session) {
	o.running.Add(1)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all[s] = struct{}{}
}

func (o *openSessions) remove(s *session) {
	o.mu.Lock()
	delete(o.all, s)
	o.mu.Unlock()
	o.running.Done()
}

// drain ends all sessions that are not in the middle of a message, and the others after it.
func (o *openSessions) drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for s := range o.all {
		s.wire.drain()
	}
}

// abort closes the connections that are left.
func (o *openSessions) abort() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for s := range o.all {
		s.wire.abort()
	}
}
