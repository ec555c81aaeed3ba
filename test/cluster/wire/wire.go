package wire

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is what a wire does to the bytes. The zero value passes everything on.
type Fault struct {
	// Refuse resets the connections that are there, and new ones as they come.
	Refuse bool
	// Silence passes nothing, and ends nothing.
	Silence bool
	// Delay passes on each piece so much later, in both directions.
	Delay time.Duration
	// ResetAfter resets a connection once it has passed on so many bytes of answers. 0: never.
	ResetAfter int64
	// LoseAnswer resets a connection instead of passing on a piece of an answer in which this is found: the server has done
	// what it says. One of LoseEach such answers is lost, each where that is 0.
	LoseAnswer string
	LoseEach   int64
}

// Count is what a wire has done since it was made.
type Count struct {
	Connections int64 // passed on to the server
	Bytes       int64 // passed on, both ways
	Reset       int64 // connections reset, or not let in, by Refuse and ResetAfter
	Held        int64 // pieces that had to wait for the end of a silence, and connections that came in one
	Delayed     int64 // pieces
	Lost        int64 // answers
	Failed      int64 // connections that the server did not take
}

// Struck is how often a fault met something.
func (c Count) Struck() int64 { return c.Reset + c.Held + c.Delayed + c.Lost }

// Sub is what was done since an earlier count.
func (c Count) Sub(before Count) Count {
	return Count{c.Connections - before.Connections, c.Bytes - before.Bytes, c.Reset - before.Reset, c.Held - before.Held,
		c.Delayed - before.Delayed, c.Lost - before.Lost, c.Failed - before.Failed}
}

// Wire listens and passes on.
type Wire struct {
	network  string
	listener net.Listener
	running  sync.WaitGroup

	mu      sync.Mutex
	target  string
	fault   Fault
	changed chan struct{} // closed when fault changes, or the wire is closed
	links   map[*link]struct{}
	closed  bool

	connections, bytes, reset, held, delayed, lost, failed, answers atomic.Int64
}

// New makes a wire to a server at host:port, or unix:PATH. It listens at a free port of the loopback address.
func New(target string) (*Wire, error) { return Listen("127.0.0.1:0", target) }

// Listen is New with an address to listen at.
func Listen(address, target string) (*Wire, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("a wire to %s: %w", target, err)
	}
	w := &Wire{network: "tcp", target: target, listener: l, changed: make(chan struct{}), links: map[*link]struct{}{}}
	if path, ok := strings.CutPrefix(target, "unix:"); ok {
		w.network, w.target = "unix", path
	}
	w.running.Go(w.accept)
	return w, nil
}

// Addr is where the wire listens.
func (w *Wire) Addr() string { return w.listener.Addr().String() }

// Set makes the wire do this from now on.
func (w *Wire) Set(f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
	close(w.changed)
	w.changed = make(chan struct{})
	if f.Refuse {
		for l := range w.links {
			w.reset.Add(1)
			l.reset()
		}
	}
}

// Mend makes the wire pass everything on.
func (w *Wire) Mend() { w.Set(Fault{}) }

// Count is what the wire has done.
func (w *Wire) Count() Count {
	return Count{w.connections.Load(), w.bytes.Load(), w.reset.Load(), w.held.Load(), w.delayed.Load(), w.lost.Load(), w.failed.Load()}
}

// Open is how many connections there are now.
func (w *Wire) Open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.links)
}

// Close ends all connections, and the wire.
func (w *Wire) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		w.listener.Close()
		close(w.changed)
		w.changed = make(chan struct{})
	}
	for l := range w.links {
		l.reset()
	}
	w.mu.Unlock()
	w.running.Wait()
}

// now is the present fault, and what is closed when it is over.
func (w *Wire) now() (f Fault, changed <-chan struct{}, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault, w.changed, w.closed
}

func (w *Wire) accept() {
	for {
		near, err := w.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors: the next may fare better
			time.Sleep(time.Millisecond)
			continue
		}
		w.running.Go(func() { w.serve(near) })
	}
}

// serve passes on one connection until it ends.
func (w *Wire) serve(near net.Conn) {
	l := &link{wire: w, near: near}
	if !w.add(l) {
		l.reset()
		return
	}
	defer w.remove(l)
	defer l.end(false)
	far, err := net.DialTimeout(w.network, w.target, 10*time.Second)
	if err != nil {
		w.failed.Add(1)
		l.reset() // as if nobody listened
		return
	}
	if !l.connect(far) {
		return
	}
	w.connections.Add(1)
	var ways sync.WaitGroup
	ways.Go(func() { l.pass(near, far, false) })
	ways.Go(func() { l.pass(far, near, true) })
	ways.Wait()
}

// add lets a connection in, where no fault keeps it out.
func (w *Wire) add(l *link) bool {
	w.mu.Lock()
	fault, closed := w.fault, w.closed
	if !closed && !fault.Refuse {
		w.links[l] = struct{}{}
	}
	w.mu.Unlock()
	switch {
	case closed:
	case fault.Refuse:
		w.reset.Add(1)
	case fault.Silence:
		w.held.Add(1)
		w.silence()
		w.remove(l)
	default:
		return true
	}
	return false
}

// silence waits for its end and returns what follows.
func (w *Wire) silence() (f Fault, changed <-chan struct{}, closed bool) {
	f, changed, closed = w.now()
	for f.Silence && !closed {
		<-changed
		f, changed, closed = w.now()
	}
	return f, changed, closed
}

func (w *Wire) remove(l *link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.links, l)
}
