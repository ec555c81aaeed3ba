package listen

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"
)

// Session is one connection being served. Drain and Abort may be called at any time from other goroutines, before Run
// has begun and after it has ended too, and do not wait for the client.
type Session interface {
	// Run serves the connection until it ends, and closes it.
	Run()
	// Drain asks Run to end at the next moment that loses nothing, with a goodbye in the protocol's words.
	Drain()
	// Abort closes the connection under Run.
	Abort()
}

// Options say how a Server runs its sessions.
type Options struct {
	Name        string // of the door, for the log
	Connections int    // at most so many open at a time
	PerHost     int    // and so many of one IPv4 address or IPv6 /64
	Drain       time.Duration
	Log         *slog.Logger
	Gate        *Gate // before this door and others; nil: it is never shut

	// Start makes the session of a connection that was admitted. ctx outlives the one given to Serve by the drain.
	Start func(ctx context.Context, nc net.Conn) Session
	// TurnAway says goodbye to a connection that was not admitted. It must not wait for the client; the connection is
	// closed after it.
	TurnAway func(nc net.Conn, why Refusal)
}

// Server accepts connections, counts them, and drains them at the end. It may serve several listeners at a time; they
// share its limits.
type Server struct {
	o         Options
	admission admission
	refused   warning
	crowd     warning
}

// NewServer makes a server.
func NewServer(o Options) *Server {
	if o.Gate == nil {
		o.Gate = new(Gate)
	}
	return &Server{o: o, admission: admission{max: o.Connections, maxPerHost: o.PerHost, hosts: map[netip.Prefix]int{}}}
}

// Serve accepts connections until ctx ends or the listener fails for good, then drains them: sessions that are still
// running after Options.Drain are aborted, and their context ends. Serve returns when none is left: nil after ctx
// ended, else the listener's error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	defer context.AfterFunc(ctx, func() { l.Close() })()

	open := &openSessions{patience: s.o.Drain, all: map[Session]time.Time{}}
	defer s.o.Gate.enter(open)()
	err := s.accept(ctx, l, func(nc net.Conn) { s.start(work, nc, open) })
	l.Close()

	open.each(Session.Drain)
	deadline := time.AfterFunc(s.o.Drain, func() {
		stopWork()
		open.each(Session.Abort)
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
		s.o.Log.Error(s.o.Name+": cannot accept a connection", "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, maxPause)
		}
	}
}

func (s *Server) start(ctx context.Context, nc net.Conn, open *openSessions) {
	remote := Remote(nc).Addr()
	if why, ok := s.admission.admit(remote); !ok {
		s.noteRefusal(remote, why)
		s.o.TurnAway(nc, why)
		nc.Close()
		return
	}
	s.noteCrowd(remote)
	one := s.o.Start(ctx, nc)
	open.add(one)
	if s.o.Gate.IsShut() { // asked after add, else Shut could miss it
		one.Drain()
	}
	go func() {
		defer open.remove(one)
		defer s.admission.release(remote)
		defer s.survive(one)
		one.Run()
	}()
}

// survive keeps a fault in one session from ending all of them.
func (s *Server) survive(one Session) {
	if fault := recover(); fault != nil {
		s.o.Log.Error(s.o.Name+": panic", "fault", fault, "stack", string(debug.Stack()))
		one.Abort()
	}
}

// warnEvery is how often the log says the same about connections: a flood of them must not become one of lines.
const warnEvery = time.Minute

// warning counts what happens between two lines of the log about it.
type warning struct {
	mu    sync.Mutex
	count int
	said  time.Time
}

// due counts once more, and reports whether it is time for a line, about how many.
func (w *warning) due() (count int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	now := time.Now()
	if now.Sub(w.said) < warnEvery {
		return 0, false
	}
	count, w.count, w.said = w.count, 0, now
	return count, true
}

func (s *Server) noteRefusal(remote netip.Addr, why Refusal) {
	if count, ok := s.refused.due(); ok {
		s.o.Log.Warn(s.o.Name+": connections are turned away", "why", why, "count", count, "latest", remote)
	}
}

// noteCrowd says that clients are waited for no longer as they are used to.
func (s *Server) noteCrowd(remote netip.Addr) {
	if !s.admission.crowded() {
		return
	}
	if _, ok := s.crowd.due(); ok {
		s.o.Log.Warn(s.o.Name+": more than three quarters of the connections are taken; clients are hurried", "limit", s.o.Connections, "latest", remote)
	}
}

// openSessions are those of one listener.
type openSessions struct {
	running  sync.WaitGroup
	patience time.Duration // with those that were drained

	mu  sync.Mutex
	all map[Session]time.Time // and when they were drained; zero: not by drain
}

func (o *openSessions) add(s Session) {
	o.running.Add(1)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all[s] = time.Time{}
}

func (o *openSessions) remove(s Session) {
	o.mu.Lock()
	delete(o.all, s)
	o.mu.Unlock()
	o.running.Done()
}

func (o *openSessions) each(do func(Session)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for s := range o.all {
		do(s)
	}
}

func (o *openSessions) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.all)
}

func (o *openSessions) append(to []Session) []Session {
	o.each(func(s Session) { to = append(to, s) })
	return to
}

// drain drains those that are open now, and aborts those of them that are left when patience is over.
func (o *openSessions) drain() {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	for s, drained := range o.all {
		if drained.IsZero() {
			o.all[s] = now
		}
		s.Drain()
	}
	if len(o.all) > 0 {
		time.AfterFunc(o.patience, func() { o.abort(now) })
	}
}

// abort aborts those that were drained until a moment.
func (o *openSessions) abort(until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for s, drained := range o.all {
		if !drained.IsZero() && !drained.After(until) {
			s.Abort()
		}
	}
}
