package imapserver

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const readBuffer = 16 << 10

// buffers are what a connection needs while it is busy.
type buffers struct {
	in  *bufio.Reader
	out []byte
}

func newBuffers() *buffers {
	return &buffers{in: bufio.NewReaderSize(nil, readBuffer), out: make([]byte, 0, 4<<10)}
}

// Why a wire can no longer be read, besides the connection's own errors.
var (
	errDraining = errors.New("the server is closing down")
	errIdle     = errors.New("nothing came for too long")
)

// wire is one connection as rfc/imap reads and writes it. Between commands it holds no buffers: most connections of a
// server wait. Only drain and abort may be called from another goroutine.
type wire struct {
	limits *Limits
	pool   *sync.Pool

	in    *bufio.Reader // nil while the connection waits
	spare []byte        // for the encoder, which takes it when a command has come
	first [1]byte       // what ended the wait
	woken bool          // first holds a byte

	// beforeWait is called before the client is waited for, so that it has all replies; nil where another goroutine
	// writes (IDLE).
	beforeWait func() error

	mu       sync.Mutex // guards what follows against drain and abort
	nc       net.Conn
	draining bool
	wait     time.Duration // how long the client may be silent
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
	w.nc.SetWriteDeadline(time.Now().Add(w.limits.Write))
	return w.nc.Write(p)
}

// feed is what the buffered reader reads.
type feed struct{ *wire }

func (s feed) Read(p []byte) (int, error) {
	if s.woken {
		s.woken = false
		p[0] = s.first[0]
		return 1, nil
	}
	return s.receive(p)
}

// receive reads from the connection under the deadline of the moment.
func (w *wire) receive(p []byte) (int, error) {
	if w.beforeWait != nil {
		if err := w.beforeWait(); err != nil {
			return 0, err
		}
	}
	if err := w.setDeadline(); err != nil {
		return 0, err
	}
	n, err := w.nc.Read(p)
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draining {
		return 0, errDraining
	}
	return 0, errIdle
}

func (w *wire) setDeadline() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draining {
		return errDraining
	}
	return w.nc.SetReadDeadline(time.Now().Add(w.wait))
}

// setWait says how long the client may be silent from now on.
func (w *wire) setWait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wait = d
}

// wake waits for the next byte without buffers, if there are none, and then takes them.
func (w *wire) wake() error {
	if w.in != nil {
		return nil
	}
	if _, err := w.receive(w.first[:]); err != nil {
		return err
	}
	w.woken = true
	w.takeReader()
	return nil
}

func (w *wire) takeReader() {
	b := w.pool.Get().(*buffers)
	w.in, w.spare = b.in, b.out
	w.in.Reset(feed{w})
}

// sleep gives the reader's buffer back together with the encoder's. The caller has seen that nothing is pending.
func (w *wire) sleep(out []byte) {
	if w.in == nil {
		return
	}
	w.in.Reset(nil)
	w.pool.Put(&buffers{w.in, out[:0]})
	w.in, w.spare = nil, nil
}

// pending reports whether the client has sent more than what was read.
func (w *wire) pending() bool { return w.woken || w.in != nil && w.in.Buffered() > 0 }

// drain wakes the reader; it then sees errDraining.
func (w *wire) drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.draining = true
	w.nc.SetReadDeadline(time.Unix(1, 0))
}

func (w *wire) isDraining() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.draining
}

func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nc.Close()
}

// handshake makes TLS of the connection. Whatever was buffered came in clear and is gone already.
func (w *wire) handshake(tc *tls.Conn) error {
	tc.SetDeadline(time.Now().Add(w.limits.Preauth))
	err := tc.Handshake()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nc = tc
	if err == nil && !w.draining {
		err = tc.SetDeadline(time.Time{})
	}
	return err
}
