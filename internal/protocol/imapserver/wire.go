package imapserver

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
)

const (
	readBuffer  = 16 << 10
	writeBuffer = 4 << 10
	keptBuffer  = 64 << 10 // a buffer that grew beyond is not kept
)

// buffers are what a connection needs while it is busy.
type buffers struct {
	in  *bufio.Reader
	out []byte
}

func newBuffers() *buffers {
	return &buffers{in: bufio.NewReaderSize(nil, readBuffer)}
}

// Why a wire can no longer be read, besides the connection's own errors.
var (
	errDraining = errors.New("this server goes out of service")
	errIdle     = errors.New("nothing came for too long")
	errStalled  = errors.New("a command stopped half-way for too long")
	errPreauth  = errors.New("no sign-in for too long")
)

// wire is one connection as rfc/imap reads and writes it. Between commands it holds no buffers: most connections of a
// server wait.
type wire struct {
	*listen.Conn
	limits *Limits
	pool   *sync.Pool
	begun  time.Time // of the time to sign in; zero once that is done

	in    *bufio.Reader // nil while the connection waits
	spare []byte        // for the encoder, which takes it when a command has come
	first [1]byte       // what ended the wait
	woken bool          // first holds a byte

	// beforeWait is called before the client is waited for, so that it has all replies; nil where another goroutine
	// writes (IDLE).
	beforeWait func() error

	packed *listen.Deflated // between rfc/imap and nc after COMPRESS, nil before

	readErr, writeErr error        // the first ones: the connection is of no use any more
	peeking           bool         // see gone
	waited            atomic.Int64 // nanoseconds for the client, to send or to take
}

// Read and ReadSlice make a wire an imap.Source.
func (w *wire) Read(p []byte) (int, error) {
	if err := w.wake(); err != nil {
		return 0, err
	}
	return w.in.Read(p)
}

func (w *wire) ReadSlice(delim byte) ([]byte, error) {
	if err := w.wake(); err != nil {
		return nil, err
	}
	return w.in.ReadSlice(delim)
}

// Write sends replies; a client that does not take them in time loses the connection.
func (w *wire) Write(p []byte) (int, error) {
	w.NetConn().SetWriteDeadline(time.Now().Add(w.limits.Write))
	defer w.timed(time.Now())
	n, err := w.stream().Write(p)
	if w.writeErr == nil {
		w.writeErr = err
	}
	return n, err
}

// timed counts the time of waiting for the client.
func (w *wire) timed(since time.Time) { w.waited.Add(int64(time.Since(since))) }

// stream is what commands are read from and replies written to.
func (w *wire) stream() io.ReadWriter {
	if w.packed != nil {
		return w.packed
	}
	return w.NetConn()
}

// compress puts DEFLATE between the commands and the connection. What came behind the command that was read last is
// compressed already: a client may take our OK for granted.
func (w *wire) compress() { w.packed = listen.Deflate(listen.Unread(w.NetConn(), w.unread())) }

// broken is why the connection is of no use any more, nil while it works.
func (w *wire) broken() error {
	if w.writeErr != nil {
		return w.writeErr
	}
	return w.readErr
}

// feed is what the buffered reader reads: the rest of a command that has begun.
type feed struct{ *wire }

func (s feed) Read(p []byte) (int, error) {
	if s.peeking {
		s.NetConn().SetReadDeadline(time.Now().Add(time.Millisecond))
		return s.NetConn().Read(p)
	}
	if s.woken {
		s.woken = false
		p[0] = s.first[0]
		return 1, nil
	}
	return s.receive(p, false)
}

// gone looks whether the client has closed the connection while a command runs. Where the system cannot be asked, one that
// has sent more than the buffer holds, and then went away, is not noticed.
func (w *wire) gone() bool {
	if hungUp, known := listen.HungUp(w.NetConn()); known {
		if hungUp && w.readErr == nil {
			w.readErr = io.EOF
		}
		return w.readErr != nil
	}
	if w.packed != nil {
		return w.readErr != nil // an inflater cannot be interrupted
	}
	w.peeking = true
	_, err := w.in.Peek(w.in.Buffered() + 1)
	w.peeking = false
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, bufio.ErrBufferFull) {
		w.readErr = err
	}
	return w.readErr != nil
}

// receive reads from the connection under the deadline of the moment. next says that a command is waited for, not the
// rest of one.
func (w *wire) receive(p []byte, next bool) (n int, err error) {
	if w.readErr != nil {
		return 0, w.readErr // a client is not waited for twice
	}
	if w.beforeWait != nil {
		err = w.beforeWait()
	}
	if since := time.Now(); err == nil {
		n, err = w.Conn.Read(p, w.stream(), func(drained time.Time) (time.Time, error) { return w.deadline(next, since, drained) })
		w.timed(since)
	}
	if n > 0 {
		return n, nil
	}
	w.readErr = err
	return 0, err
}

// deadline is that of a wait that began at since. When the server closes down the rest of a command that has begun may still come
// for a while.
func (w *wire) deadline(next bool, since, drained time.Time) (until time.Time, late error) {
	if next && !drained.IsZero() {
		return time.Time{}, errDraining
	}
	until, late = since.Add(w.limits.Stall), errStalled
	if next {
		until, late = since.Add(w.limits.Idle), errIdle
	}
	if !w.begun.IsZero() {
		if end := w.WaitUntil(w.begun, w.limits.Preauth); end.Before(until) {
			until, late = end, errPreauth
		}
	}
	if !drained.IsZero() {
		late = errDraining
		if end := drained.Add(w.limits.Drain / 2); end.Before(until) {
			until = end
		}
	}
	return until, late
}

// wake waits for the next byte without buffers, if there are none, and then takes them.
func (w *wire) wake() error {
	if w.in != nil {
		return nil
	}
	if _, err := w.receive(w.first[:], true); err != nil {
		return err
	}
	w.woken = true
	b := w.pool.Get().(*buffers)
	if w.in, w.spare = b.in, b.out; w.spare == nil {
		w.spare = make([]byte, 0, writeBuffer)
	}
	w.in.Reset(feed{w})
	return nil
}

// sleep gives the reader's buffer back together with the encoder's. The caller has seen that nothing is pending.
func (w *wire) sleep(out []byte) {
	if w.in == nil {
		return
	}
	if cap(out) > keptBuffer {
		out = nil
	}
	w.in.Reset(nil)
	w.pool.Put(&buffers{w.in, out[:0]})
	w.in, w.spare = nil, nil
}

// pending reports whether the client has sent more than what was read.
func (w *wire) pending() bool { return w.woken || w.in != nil && w.in.Buffered() > 0 }

// linger lets a client that is still sending read why the connection ends.
func (w *wire) linger() {
	if w.writeErr == nil {
		listen.Linger(w.NetConn())
	}
}

// unread takes what the client has sent behind the command that was read last.
func (w *wire) unread() []byte {
	rest, _ := w.in.Peek(w.in.Buffered())
	rest = bytes.Clone(rest)
	w.in.Discard(len(rest)) // it is there
	return rest
}
