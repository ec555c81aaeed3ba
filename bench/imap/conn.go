package imap

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/bench/dial"
)

// MaxResponse bounds one answer of the server with all its literals.
const MaxResponse = 256 << 20

// Options of a connection; the client signs in with LOGIN.
type Options struct {
	dial.Options
	Username, Password string
	// Lean keeps the buffers of a connection small, for thousands of them.
	Lean bool
}

// Conn is a connection that has signed in.
type Conn struct {
	// Exists is the last EXISTS number of the selected mailbox; expunges count down.
	Exists uint32

	opts Options
	nc   net.Conn
	br   *bufio.Reader
	out  []byte
	buf  []byte
	tags int
	tag  []byte
	done []byte // the text of the tagged OK of the last command
	caps map[string]bool
}

// StatusError is a NO or BAD answer, or a BYE.
type StatusError struct {
	Command, Status, Text string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: the server answered %s %s", e.Command, e.Status, e.Text)
}

// ProtocolError is an answer that the protocol does not allow.
type ProtocolError struct {
	Problem, Got string
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("%s: %.200q", e.Problem, e.Got)
}

// Dial connects, secures and signs in as the options say.
func Dial(ctx context.Context, addr string, opts Options) (*Conn, error) {
	nc, err := dial.Connect(ctx, addr, opts.Options)
	if err != nil {
		return nil, err
	}
	c := newConn(nc, opts)
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	if err := c.open(ctx, addr); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", addr, err)
	}
	return c, nil
}

func newConn(nc net.Conn, opts Options) *Conn {
	size := 64 << 10
	if opts.Lean {
		size = 2 << 10
	}
	return &Conn{opts: opts, nc: nc, br: bufio.NewReaderSize(nc, size)}
}

func (c *Conn) open(ctx context.Context, addr string) error {
	c.deadline()
	greeting, err := c.Next()
	if err != nil {
		return err
	}
	if !greeting.Is("OK") {
		return &StatusError{"greeting", string(greeting.Kind), string(greeting.Rest)}
	}
	if c.opts.Security == dial.StartTLS {
		if err := c.Do("STARTTLS", nil); err != nil {
			return err
		}
		nc, err := dial.Upgrade(ctx, c.nc, addr, c.opts.Options)
		if err != nil {
			return err
		}
		c.nc = nc
		c.br.Reset(nc)
	}
	if c.opts.Username != "" {
		if err := c.Do("LOGIN "+Quote(c.opts.Username)+" "+Quote(c.opts.Password), nil); err != nil {
			// The command holds a password: only its name may be told.
			return err
		}
	}
	c.caps = make(map[string]bool)
	return c.Do("CAPABILITY", func(r Response) error {
		if r.Is("CAPABILITY") {
			for name := range strings.FieldsSeq(string(r.Rest)) {
				c.caps[strings.ToUpper(name)] = true
			}
		}
		return nil
	})
}

// Offers says whether the server named the capability after signing in.
func (c *Conn) Offers(capability string) bool { return c.caps[capability] }

// Close ends the connection at once.
func (c *Conn) Close() error { return c.nc.Close() }

// Logout ends the connection politely.
func (c *Conn) Logout() error {
	return errors.Join(c.Do("LOGOUT", nil), c.nc.Close())
}

// Do sends one command and hands every untagged answer to on, which may be nil.
// After on has failed the remaining answers are read and dropped, and its error
// is returned.
func (c *Conn) Do(command string, on func(Response) error) error {
	c.begin(command)
	c.out = append(c.out, "\r\n"...)
	if err := c.flush(); err != nil {
		return err
	}
	return c.finish(verb(command), on)
}

// Completion is the tagged OK of the last command, for its code: APPENDUID, COPYUID.
func (c *Conn) Completion() Response {
	return Response{Tag: Tagged, Kind: []byte("OK"), Rest: c.done}
}

// begin puts a new tag and the command to what waits to be written.
func (c *Conn) begin(command string) {
	c.tags++
	c.done = c.done[:0]
	c.tag = strconv.AppendInt(append(c.tag[:0], 'm'), int64(c.tags), 10)
	c.out = append(append(append(c.out, c.tag...), ' '), command...)
}

func (c *Conn) flush() error {
	c.deadline()
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	return err
}

// finish reads until the answer with the current tag.
func (c *Conn) finish(command string, on func(Response) error) error {
	var failed error
	for {
		r, err := c.Next()
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		switch {
		case r.Tag == Tagged && r.Is("OK"):
			c.done = append(c.done[:0], r.Rest...)
			return failed
		case r.Tag == Tagged:
			return errors.Join(&StatusError{command, string(r.Kind), string(r.Rest)}, failed)
		case r.Tag == Continue:
			return &ProtocolError{command + ": unexpected continuation", string(r.Rest)}
		case r.Is("BYE") && command != "LOGOUT":
			return &StatusError{command, "BYE", string(r.Rest)}
		case on != nil && failed == nil:
			failed = on(r)
		}
		c.deadlineIfStale()
	}
}

// Next reads the next answer of any kind and keeps Exists up to date.
func (c *Conn) Next() (Response, error) {
	raw, err := c.readRaw()
	if err != nil {
		return Response{}, err
	}
	r, err := parseResponse(raw, c.tag)
	if err != nil {
		return Response{}, err
	}
	if r.Tag == Untagged && r.HasNum {
		switch {
		case r.Is("EXISTS"):
			c.Exists = r.Num
		case r.Is("EXPUNGE") && c.Exists > 0:
			c.Exists--
		}
	}
	return r, nil
}

// readRaw reads a line with its literals, without the last CRLF. A line without
// a literal is not copied.
func (c *Conn) readRaw() ([]byte, error) {
	line, err := c.br.ReadSlice('\n')
	if err == nil && !(mayHaveLiteral(line) && endsInLiteral(line)) {
		return trimCRLF(line), nil
	}
	c.buf = append(c.buf[:0], line...)
	for {
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = c.br.ReadSlice('\n')
			c.buf = append(c.buf, line...)
			if len(c.buf) > MaxResponse {
				return nil, &ProtocolError{"an answer is too long", string(c.buf[:200])}
			}
		}
		if err != nil {
			return nil, unexpectedEOF(err)
		}
		n, ok := literalSize(c.buf)
		if !mayHaveLiteral(c.buf) || !ok {
			return trimCRLF(c.buf), nil
		}
		if n > MaxResponse-len(c.buf) {
			return nil, &ProtocolError{"a literal is too long", string(c.buf[:min(200, len(c.buf))])}
		}
		if err := c.readLiteral(n); err != nil {
			return nil, err
		}
		line, err = c.br.ReadSlice('\n')
		c.buf = append(c.buf, line...)
	}
}

func (c *Conn) readLiteral(n int) error {
	at := len(c.buf)
	if cap(c.buf)-at < n {
		c.buf = append(make([]byte, 0, 2*(at+n)+4096), c.buf...)
	}
	c.buf = c.buf[:at+n]
	_, err := io.ReadFull(c.br, c.buf[at:])
	return unexpectedEOF(err)
}

func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// mayHaveLiteral is false for status answers, whose text may look like one.
func mayHaveLiteral(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("* ")) {
		return false
	}
	word, _, _ := bytes.Cut(line[2:min(len(line), 12)], []byte(" "))
	switch string(word) {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return false
	}
	return true
}

func endsInLiteral(line []byte) bool {
	_, ok := literalSize(line)
	return ok
}

// literalSize reads the "{n}" before the CRLF at the end of line.
func literalSize(line []byte) (int, bool) {
	line = trimCRLF(line)
	if len(line) < 3 || line[len(line)-1] != '}' {
		return 0, false
	}
	open := bytes.LastIndexByte(line[max(0, len(line)-24):], '{')
	if open < 0 {
		return 0, false
	}
	open += max(0, len(line)-24)
	n, err := strconv.ParseUint(string(line[open+1:len(line)-1]), 10, 31)
	return int(n), err == nil
}

func trimCRLF(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

func (c *Conn) deadline() { c.nc.SetDeadline(time.Now().Add(c.opts.Wait())) }

// deadlineIfStale gives a long answer more time whenever the buffer runs dry,
// so that the limit is on silence and costs nothing per line.
func (c *Conn) deadlineIfStale() {
	if c.br.Buffered() == 0 {
		c.deadline()
	}
}

func verb(command string) string {
	name, rest, _ := strings.Cut(command, " ")
	if name == "UID" {
		second, _, _ := strings.Cut(rest, " ")
		return name + " " + second
	}
	return name
}

// Quote makes a quoted string of s, which has no CR, LF or NUL.
func Quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
