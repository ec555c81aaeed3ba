package dialogues

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	maxLine       = 1 << 20
	maxTranscript = 24 // lines shown with a failure
)

// conn is one connection of a dialogue.
type conn struct {
	nc         net.Conn
	r          *bufio.Reader
	w          *writer
	timeout    time.Duration
	transcript []string
}

func newConn(nc net.Conn, timeout time.Duration) *conn {
	c := &conn{timeout: timeout}
	c.start(nc)
	return c
}

func (c *conn) start(nc net.Conn) {
	c.nc, c.r, c.w = nc, bufio.NewReader(nc), newWriter(nc)
}

// writer writes in a goroutine of its own: over a net.Pipe a write waits for its reader, and a server that is writing a
// reply would wait for ours.
type writer struct {
	mu      sync.Mutex
	changed sync.Cond
	queue   [][]byte
	closed  bool
	err     error
	done    sync.WaitGroup
}

func newWriter(to io.Writer) *writer {
	w := &writer{}
	w.changed.L = &w.mu
	w.done.Go(func() {
		for data := range w.next {
			if _, err := to.Write(data); err != nil {
				w.mu.Lock()
				w.err = errors.Join(w.err, err)
				w.mu.Unlock()
			}
		}
	})
	return w
}

// next yields what is to be written until the writer is closed and empty.
func (w *writer) next(yield func([]byte) bool) {
	for {
		w.mu.Lock()
		for len(w.queue) == 0 && !w.closed {
			w.changed.Wait()
		}
		if len(w.queue) == 0 {
			w.mu.Unlock()
			return
		}
		data := w.queue[0]
		w.queue = w.queue[1:]
		w.mu.Unlock()
		if !yield(data) {
			return
		}
	}
}

func (w *writer) add(data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, data)
	w.changed.Signal()
}

// close waits until everything is written.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.changed.Signal()
	w.mu.Unlock()
	w.done.Wait()
	return w.err
}

func (c *conn) note(direction, text string) {
	c.transcript = append(c.transcript, fmt.Sprintf("%s %.300s", direction, text))
	if extra := len(c.transcript) - maxTranscript; extra > 0 {
		c.transcript = c.transcript[extra:]
	}
}

func (c *conn) send(data string) {
	c.note("->", fmt.Sprintf("%q", data))
	c.w.add([]byte(data))
}

// flush waits until everything sent is written, and stops the writer.
func (c *conn) flush() error {
	c.nc.SetWriteDeadline(time.Now().Add(c.timeout))
	err := c.w.close()
	c.nc.SetWriteDeadline(time.Time{})
	return err
}

// readLine returns the next line without its CRLF. What ended otherwise comes back as it is, with an LF that shows.
func (c *conn) readLine() (string, error) {
	c.nc.SetReadDeadline(time.Now().Add(c.timeout))
	var line []byte
	for {
		part, err := c.r.ReadSlice('\n')
		line = append(line, part...)
		if err == bufio.ErrBufferFull && len(line) < maxLine {
			continue
		}
		if err != nil {
			if len(line) > 0 {
				c.note("<-", fmt.Sprintf("%q (no end of line)", line))
			}
			return string(line), err
		}
		break
	}
	text, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		text = line
	}
	c.note("<-", string(text))
	return string(text), nil
}

// readBytes reads exactly n bytes, fewer with an error.
func (c *conn) readBytes(n int) (string, error) {
	c.nc.SetReadDeadline(time.Now().Add(c.timeout))
	data := make([]byte, n)
	got, err := io.ReadFull(c.r, data)
	c.note("<-", fmt.Sprintf("%q", data[:got]))
	return string(data[:got]), err
}

// expectClosed reads to the end, which must come at once. A reset counts: TCP sends one when we had more to say.
func (c *conn) expectClosed() (string, error) {
	line, err := c.readLine()
	var timeout net.Error
	switch {
	case err == nil, line != "":
		return line, errors.New("the server said more")
	case errors.As(err, &timeout) && timeout.Timeout():
		return "", errors.New("the connection is still open")
	}
	return "", nil
}

// startTLS hands the connection to TLS. Plaintext of the server behind its go-ahead is a fault of the server.
func (c *conn) startTLS(ctx context.Context, config *tls.Config) error {
	if err := c.flush(); err != nil {
		return err
	}
	if n := c.r.Buffered(); n > 0 {
		extra, _ := c.r.Peek(n)
		return fmt.Errorf("the server sent plaintext before the handshake: %.200q", extra)
	}
	tc := tls.Client(c.nc, config)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		return err
	}
	c.note("=>", "TLS")
	c.start(tc)
	return nil
}

// deflated is a connection that is compressed in both directions; each write can be read at once.
type deflated struct {
	net.Conn
	r io.Reader
	w *flate.Writer
}

func (d *deflated) Read(p []byte) (int, error) { return d.r.Read(p) }

func (d *deflated) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err == nil {
		err = d.w.Flush()
	}
	return n, err
}

// deflate compresses what follows. What the server has sent behind its go-ahead is compressed already.
func (c *conn) deflate() error {
	if err := c.flush(); err != nil {
		return err
	}
	w, err := flate.NewWriter(c.nc, flate.DefaultCompression)
	if err != nil {
		return err
	}
	c.note("=>", "DEFLATE")
	c.start(&deflated{c.nc, flate.NewReader(c.r), w})
	return nil
}

func (c *conn) close() error {
	err := c.flush()
	return errors.Join(err, c.nc.Close())
}

// abandon closes without waiting for the writer to succeed.
func (c *conn) abandon() {
	c.nc.Close()
	c.flush()
}

func (c *conn) history() string {
	if len(c.transcript) == 0 {
		return ""
	}
	return "\n    before:\n        " + strings.Join(c.transcript, "\n        ")
}
