package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// link is one connection: near is the client's side of it, far the server's.
type link struct {
	wire *Wire

	mu    sync.Mutex
	near  net.Conn
	far   net.Conn
	ended bool

	answered int64 // bytes; of the goroutine that passes answers on
}

// connect gives the link its other side, unless it has ended.
func (l *link) connect(far net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		far.Close()
		return false
	}
	l.far = far
	return true
}

// reset ends the link so that both sides learn of it at once, and not as of an orderly end.
func (l *link) reset() { l.end(true) }

func (l *link) end(abruptly bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for _, c := range []net.Conn{l.near, l.far} {
		if tcp, ok := c.(*net.TCPConn); ok && abruptly {
			tcp.SetLinger(0)
		}
		if c != nil {
			c.Close()
		}
	}
}

// pass passes on one direction until it ends.
func (l *link) pass(from, to net.Conn, answers bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if !l.wait() {
			return
		}
		if n > 0 && (answers && !l.answer(buf[:n]) || !l.write(to, buf[:n])) {
			l.reset()
			return
		}
		if err != nil && !errors.Is(err, io.EOF) {
			l.reset()
			return
		}
		if err != nil {
			if half, ok := to.(interface{ CloseWrite() error }); ok {
				half.CloseWrite()
			}
			return
		}
	}
}

// wait holds a piece while a fault says so. false: the wire was closed.
func (l *link) wait() bool {
	w := l.wire
	fault, changed, closed := w.now()
	if fault.Silence {
		w.held.Add(1)
		fault, changed, closed = w.silence()
	}
	if fault.Delay > 0 && !closed {
		w.delayed.Add(1)
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-changed:
		}
	}
	return !closed
}

// answer reports whether a piece of an answer is to be passed on.
func (l *link) answer(piece []byte) bool {
	w := l.wire
	fault, _, _ := w.now()
	l.answered += int64(len(piece))
	if fault.ResetAfter > 0 && l.answered > fault.ResetAfter {
		w.reset.Add(1)
		return false
	}
	if fault.LoseAnswer != "" && bytes.Contains(piece, []byte(fault.LoseAnswer)) && w.answers.Add(1)%max(1, fault.LoseEach) == 0 {
		w.lost.Add(1)
		return false
	}
	return true
}

func (l *link) write(to net.Conn, piece []byte) bool {
	l.wire.bytes.Add(int64(len(piece))) // before anybody can have seen it
	_, err := to.Write(piece)
	return err == nil
}
