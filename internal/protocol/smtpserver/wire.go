package smtpserver

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/listen"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

const (
	readBuffer = 32 << 10
	maxReplies = 4 << 10 // replies held back for a pipelining client before they are sent
)

// buffers are what a connection needs while it is busy.
type buffers struct {
	in  *bufio.Reader
	out []byte // replies not sent yet
}

func newBuffers() *buffers {
	return &buffers{in: bufio.NewReaderSize(nil, readBuffer), out: make([]byte, 0, maxReplies)}
}

// Why a wire can no longer be read, besides the connection's own errors.
var (
	errDraining = errors.New("this server goes out of service")
	errIdle     = errors.New("nothing came for too long")
	errTooSlow  = errors.New("the message comes too slowly")
)

// wire is one connection: buffered lines in, replies out, deadlines for both. Only drain and abort may be called from
// another goroutine.
type wire struct {
	limits *Limits
	door   *listen.Server
	pool   *sync.Pool
	buf    *buffers // nil while the connection waits idle
	first  [1]byte  // what ended the idle wait
	woken  bool     // first holds a byte

	writeErr error
	linger   bool // at the end: the client is still sending

	waiting  time.Time // since when a command is waited for
	stranger bool      // no recipient was named yet

	mu       sync.Mutex // guards what follows against drain and abort
	nc       net.Conn
	draining bool
	content  bool // in the middle of a message: drain must not interrupt

	contentWait  time.Duration // for how long the client was waited for
	contentBytes int64
}

// Read is the buffered reader's source. Replies are sent before the client is waited for and not earlier (RFC 2920
// 3.2), so a pipelined group is answered in one packet.
func (w *wire) Read(p []byte) (int, error) {
	if w.woken {
		w.woken = false
		p[0] = w.first[0]
		return 1, nil
	}
	if err := w.flush(); err != nil {
		return 0, err
	}
	return w.readNow(p)
}

// readNow reads from the connection, as long as the client is waited for.
func (w *wire) readNow(p []byte) (int, error) {
	for begun := time.Now(); ; {
		until, err := w.setReadDeadline(begun)
		if err != nil {
			return 0, err
		}
		n, err := w.nc.Read(p)
		// A timeout before its time is a fault that crypto/tls keeps and returns from each Read.
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && (w.isDraining() || !time.Now().Before(until)) {
			continue
		}
		w.contentBytes += int64(n)
		w.contentWait += time.Since(begun)
		return n, err
	}
}

// setReadDeadline sets the next deadline of a read that began at begun. The error is why there is none.
func (w *wire) setReadDeadline(begun time.Time) (until time.Time, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draining && !w.content {
		return until, errDraining
	}
	late := errIdle
	if w.content {
		until, late = w.contentDeadline(begun)
	} else {
		until = w.commandDeadline()
	}
	if !until.After(time.Now()) {
		return until, late
	}
	return until, w.nc.SetReadDeadline(until)
}

// commandDeadline counts from when the command was first waited for: single bytes of it gain nothing.
func (w *wire) commandDeadline() time.Time {
	if w.stranger {
		return w.door.WaitUntil(w.waiting, w.limits.Idle)
	}
	return w.waiting.Add(w.limits.Idle)
}

// contentDeadline is the rate that a message must come with, or the longest pause in it. Only the time counts that we
// have waited for the client.
func (w *wire) contentDeadline(begun time.Time) (until time.Time, late error) {
	earned := time.Duration(w.contentBytes) * time.Second / time.Duration(w.limits.MinDataRate)
	until = w.door.WaitUntil(begun.Add(earned-w.contentWait), w.limits.DataGrace)
	if end := begun.Add(w.limits.Idle); end.Before(until) {
		return end, errIdle
	}
	return until, errTooSlow
}

func (w *wire) isDraining() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.draining && !w.content
}

// setContent says whether a message is under way, which a drain lets finish and which must not be slow.
func (w *wire) setContent(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.content = on; on {
		w.contentWait, w.contentBytes = 0, 0
	}
}

func (w *wire) drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.draining = true
	if !w.content {
		w.nc.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	}
}

// abort closes the connection at once.
func (w *wire) abort() {
	w.mu.Lock()
	defer w.mu.Unlock()
	listen.Abort(w.nc)
}

// wake gives the wire its buffers. When it has none it waits for the next byte without them: most connections of a
// server are waiting.
func (w *wire) wake() error {
	if w.buf != nil {
		return nil
	}
	if _, err := w.readNow(w.first[:]); err != nil {
		return err
	}
	w.woken = true
	w.takeBuffers()
	return nil
}

func (w *wire) takeBuffers() {
	w.buf = w.pool.Get().(*buffers)
	w.buf.in.Reset(w)
}

// sleep sends what is to be sent and gives the buffers back, unless the client has said more already.
func (w *wire) sleep() error {
	if w.buf == nil || w.buf.in.Buffered() > 0 {
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.dropBuffers()
	return nil
}

func (w *wire) dropBuffers() {
	if w.buf != nil {
		w.buf.in.Reset(nil)
		w.buf.out = w.buf.out[:0]
		w.pool.Put(w.buf)
		w.buf = nil
	}
}

// Faults of a command line that ParseCommand cannot see.
var (
	errLineTooLong = errors.New("the command line is too long")
	errEndless     = errors.New("the line does not end")
	errBareLF      = errors.New("the line ends with a bare LF")
)

// readLine waits for the next line and returns it without its CRLF, valid until the next read. After errLineTooLong the next line can be
// read; after errEndless and errBareLF it cannot be known where the next command begins.
func (w *wire) readLine() ([]byte, error) { return w.readLineOf(smtp.MaxParameterLine) }

// readLineOf is readLine with a limit of its own, CRLF included.
func (w *wire) readLineOf(limit int) ([]byte, error) {
	if w.isDraining() {
		return nil, errDraining
	}
	w.waiting = time.Now()
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
	case len(line) > limit:
		return nil, errLineTooLong
	}
	return line[:len(line)-2], nil
}

// reply adds a reply to those that will be sent.
func (w *wire) reply(r mail.Reply) { w.add(smtp.AppendReply(w.out(), r)) }

func (w *wire) lines(code int, lines []string) { w.add(smtp.AppendLines(w.out(), code, lines)) }

func (w *wire) out() []byte {
	if w.buf == nil {
		w.takeBuffers()
	}
	return w.buf.out
}

func (w *wire) add(out []byte) {
	w.buf.out = out
	if len(out) >= maxReplies {
		w.flush()
	}
}

// flush sends the replies; it waits for a client that does not take them, up to Limits.Write. Its error stays: a reply
// that went out in part cannot be followed by another.
func (w *wire) flush() error {
	if w.writeErr != nil || w.buf == nil || len(w.buf.out) == 0 {
		return w.writeErr
	}
	w.nc.SetWriteDeadline(time.Now().Add(w.limits.Write))
	_, w.writeErr = w.nc.Write(w.buf.out)
	if w.buf.out = w.buf.out[:0]; cap(w.buf.out) > 2*maxReplies {
		w.buf.out = make([]byte, 0, maxReplies)
	}
	return w.writeErr
}

// discard drops n bytes that the client announced.
func (w *wire) discard(n int64) error {
	_, err := io.CopyN(io.Discard, w.buf.in, n)
	return err
}

// handshake makes the connection a TLS one. Whatever was buffered must be gone: it came in clear.
func (w *wire) handshake(tc *tls.Conn) error {
	tc.SetDeadline(time.Now().Add(w.limits.TLSHandshake))
	err := tc.Handshake()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nc = tc
	if err == nil && !w.draining {
		err = tc.SetDeadline(time.Time{})
	}
	return err
}

// buffered reports whether the client has sent more than what was read.
func (w *wire) buffered() bool { return w.woken || w.buf != nil && w.buf.in.Buffered() > 0 }

// close sends what is left to say and closes.
func (w *wire) close() {
	if w.flush() == nil && w.linger {
		listen.Linger(w.nc)
	}
	w.dropBuffers()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nc.Close()
}

func isTLS(nc net.Conn) bool {
	_, ok := nc.(*tls.Conn)
	return ok
}
