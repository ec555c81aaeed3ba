package pop3server

import (
	"bufio"
	"errors"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
)

const (
	maxLine    = 8 << 10  // of a line, its end included; RFC 2449 4 needs 255, SASL more
	maxReplies = 16 << 10 // of replies held back before they are sent
	chunkSize  = 16 << 10 // of content read at a time
)

// buffers are what a connection needs while a command runs.
type buffers struct {
	in    *bufio.Reader
	out   []byte // replies not sent yet
	chunk []byte
}

func newBuffers() *buffers {
	return &buffers{in: bufio.NewReaderSize(nil, maxLine), out: make([]byte, 0, maxReplies), chunk: make([]byte, chunkSize)}
}

// Why a wire can no longer be read, besides the connection's own errors.
var (
	errDraining = errors.New("this server goes out of service")
	errIdle     = errors.New("nothing came for too long")
	errStalled  = errors.New("a line stopped half-way for too long")
	errPreauth  = errors.New("no sign-in for too long")
	errEndless  = errors.New("the line is too long")
)

// errBareLF is a fault of one line; the next can be read.
var errBareLF = errors.New("the line ends with LF; lines end with CR LF")

// wire is one connection: lines in, replies out, deadlines for both. Between commands it holds no buffers: most
// connections of a server wait.
type wire struct {
	*listen.Conn
	limits *Limits
	pool   *sync.Pool
	buf    *buffers  // nil while the connection waits
	first  [1]byte   // what ended the wait
	woken  bool      // first holds a byte
	begun  time.Time // of the time to sign in; zero once that is done
	lineBy time.Time // when the line that has begun must be whole

	waited time.Duration // for the client, to send or to take

	writeErr error // the first one: a reply that went out in part cannot be followed by another
}

// readLine returns the next line without its end, valid until the next read.
func (w *wire) readLine() ([]byte, error) {
	if w.IsDraining() {
		return nil, errDraining
	}
	if err := w.wake(); err != nil {
		return nil, err
	}
	line, err := w.buf.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, errEndless
	case err != nil:
		return nil, err
	case len(line) < 2 || line[len(line)-2] != '\r':
		return nil, errBareLF
	}
	return line[:len(line)-2], nil
}

// feed is what the buffered reader reads.
type feed struct{ *wire }

func (w feed) Read(p []byte) (int, error) {
	if w.woken {
		w.woken = false
		p[0] = w.first[0]
		return 1, nil
	}
	// Replies are sent before the client is waited for and not earlier, so a pipelined group (RFC 2449 6.6) is answered in
	// few packets.
	if err := w.flush(); err != nil {
		return 0, err
	}
	begins := w.buf.in.Buffered() == 0
	n, err := w.receive(p, begins)
	if begins {
		w.lineBy = time.Now().Add(w.limits.Line)
	}
	return n, err
}

// receive reads from the connection, as long as the client is waited for. begins says that no part of a line has come yet.
func (w *wire) receive(p []byte, begins bool) (int, error) {
	since := time.Now()
	n, err := w.Read(p, w.NetConn(), func(drained time.Time) (time.Time, error) {
		if !drained.IsZero() {
			return time.Time{}, errDraining
		}
		until, late := since.Add(w.limits.Idle), errIdle
		if !begins {
			until, late = w.lineBy, errStalled
		}
		if !w.begun.IsZero() {
			if end := w.WaitUntil(w.begun, w.limits.Preauth); end.Before(until) {
				until, late = end, errPreauth
			}
		}
		return until, late
	})
	w.waited += time.Since(since)
	return n, err
}

// wake gives the wire its buffers; it waits for the next line to begin without them.
func (w *wire) wake() error {
	if w.buf != nil {
		return nil
	}
	if _, err := w.receive(w.first[:], true); err != nil {
		return err
	}
	w.woken, w.lineBy = true, time.Now().Add(w.limits.Line)
	w.takeBuffers()
	return nil
}

func (w *wire) takeBuffers() {
	w.buf = w.pool.Get().(*buffers)
	w.buf.in.Reset(feed{w})
}

// sleep sends what is to be sent and gives the buffers back, unless the client has said more already.
func (w *wire) sleep() error {
	if w.pending() {
		return nil
	}
	err := w.flush()
	w.dropBuffers()
	return err
}

func (w *wire) dropBuffers() {
	if w.buf != nil {
		w.buf.in.Reset(nil)
		w.buf.out = w.buf.out[:0]
		w.pool.Put(w.buf)
		w.buf = nil
	}
}

// pending reports whether the client has sent more than what was read.
func (w *wire) pending() bool { return w.woken || w.buf != nil && w.buf.in.Buffered() > 0 }

// Write adds to what will be sent.
func (w *wire) Write(p []byte) (int, error) {
	if w.buf == nil {
		w.takeBuffers()
	}
	written := len(p)
	for len(p) > maxReplies-len(w.buf.out) {
		room := maxReplies - len(w.buf.out)
		w.buf.out = append(w.buf.out, p[:room]...)
		p = p[room:]
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	w.buf.out = append(w.buf.out, p...)
	return written, w.writeErr
}

// flush sends; a client that does not take it in time loses the connection.
func (w *wire) flush() error {
	if w.writeErr != nil || w.buf == nil || len(w.buf.out) == 0 {
		return w.writeErr
	}
	begun := time.Now()
	w.NetConn().SetWriteDeadline(begun.Add(w.limits.Write))
	_, w.writeErr = w.NetConn().Write(w.buf.out)
	w.waited += time.Since(begun)
	w.buf.out = w.buf.out[:0]
	return w.writeErr
}

// close sends what is left to say and ends the connection in good order.
func (w *wire) close() {
	w.flush()
	w.dropBuffers()
	w.Close()
}

// linger lets a client that is still sending read why the connection ends.
func (w *wire) linger() {
	if w.flush() == nil {
		listen.Linger(w.NetConn())
	}
}
