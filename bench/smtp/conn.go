package smtp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/bench/dial"
)

// Options of a connection.
type Options struct {
	dial.Options
	LMTP               bool
	BDAT               bool   // use CHUNKING where offered
	NoPipelining       bool   // one command at a time, as simple clients do
	Hello              string // name given in EHLO or LHLO; default "mailload.example"
	Username, Password string // AUTH PLAIN, when Username is not empty
}

// Conn is a connection that has been greeted.
type Conn struct {
	opts     Options
	nc       net.Conn
	br       *bufio.Reader
	out      []byte
	caps     map[string]string
	outcome  Outcome
	accepted []int // recipients that RCPT accepted, by index
}

const (
	replyLine  = 4096 // RFC 5321 4.5.3.1.5 asks for 512; room for servers that say more
	replyLines = 100
	// flushAt is where a large mail is written out in parts.
	flushAt = 64 << 10
)

// ProtocolError is an answer that the protocol does not allow.
type ProtocolError struct {
	Doing, Got string
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("%s: the server answered %.200q, which the protocol does not allow", e.Doing, e.Got)
}

// RefusedError is a refusal of a command without which no mail can be sent.
type RefusedError struct {
	Doing string
	Reply Reply
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s: the server refused: %d %s", e.Doing, e.Reply.Code, e.Reply.Text)
}

// Dial connects, greets, secures and signs in as the options say.
func Dial(ctx context.Context, addr string, opts Options) (*Conn, error) {
	if opts.Hello == "" {
		opts.Hello = "mailload.example"
	}
	nc, err := dial.Connect(ctx, addr, opts.Options)
	if err != nil {
		return nil, err
	}
	c := &Conn{opts: opts, nc: nc, br: bufio.NewReaderSize(nc, replyLine)}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	if err := c.open(ctx, addr); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", addr, err)
	}
	return c, nil
}

func (c *Conn) open(ctx context.Context, addr string) error {
	c.deadline()
	if err := c.expect("greeting", 220); err != nil {
		return err
	}
	if err := c.hello(); err != nil {
		return err
	}
	if c.opts.Security == dial.StartTLS {
		if err := c.command("STARTTLS", 220); err != nil {
			return err
		}
		if c.br.Buffered() > 0 { // RFC 3207 5: nothing may follow in the clear
			return &ProtocolError{"STARTTLS", "bytes after the reply"}
		}
		nc, err := dial.Upgrade(ctx, c.nc, addr, c.opts.Options)
		if err != nil {
			return err
		}
		c.nc = nc
		c.br.Reset(nc)
		c.deadline()
		if err := c.hello(); err != nil {
			return err
		}
	}
	if c.opts.Username == "" {
		return nil
	}
	plain := "\x00" + c.opts.Username + "\x00" + c.opts.Password
	return c.command("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte(plain)), 235)
}

func (c *Conn) hello() error {
	verb := "EHLO "
	if c.opts.LMTP {
		verb = "LHLO "
	}
	if _, err := c.nc.Write([]byte(verb + c.opts.Hello + "\r\n")); err != nil {
		return err
	}
	reply, lines, err := c.readLines()
	if err != nil {
		return err
	}
	if reply.Code != 250 {
		return &RefusedError{verb, reply}
	}
	c.caps = make(map[string]string)
	for _, line := range lines[1:] {
		name, args, _ := strings.Cut(line, " ")
		c.caps[strings.ToUpper(name)] = args
	}
	return nil
}

// Offers says whether the server named the extension in its answer to EHLO.
func (c *Conn) Offers(extension string) bool {
	_, ok := c.caps[extension]
	return ok
}

// Close ends the connection at once.
func (c *Conn) Close() error { return c.nc.Close() }

// Quit ends the connection politely, not waiting for the answer.
func (c *Conn) Quit() error {
	c.deadline()
	_, err := c.nc.Write([]byte("QUIT\r\n"))
	return errors.Join(err, c.nc.Close())
}

func (c *Conn) deadline() { c.nc.SetDeadline(time.Now().Add(c.opts.Wait())) }

func (c *Conn) command(line string, want int) error {
	if _, err := c.nc.Write([]byte(line + "\r\n")); err != nil {
		return err
	}
	verb, _, _ := strings.Cut(line, " ")
	return c.expect(verb, want)
}

func (c *Conn) expect(doing string, want int) error {
	reply, err := c.readReply()
	if err == nil && reply.Code != want {
		err = &RefusedError{doing, reply}
	}
	return err
}

// readReply reads one reply, keeping its text only when it is a refusal.
func (c *Conn) readReply() (Reply, error) {
	var text []byte
	for range replyLines {
		line, code, more, err := c.readLine()
		if err != nil {
			return Reply{}, err
		}
		if code >= 400 {
			text = append(append(text, line...), ' ')
		}
		if !more {
			return Reply{Code: code, Text: string(bytes.TrimSpace(text))}, nil
		}
	}
	return Reply{}, &ProtocolError{"reading a reply", "more than 100 lines"}
}

func (c *Conn) readLines() (Reply, []string, error) {
	var lines []string
	for range replyLines {
		line, code, more, err := c.readLine()
		if err != nil {
			return Reply{}, nil, err
		}
		lines = append(lines, string(line))
		if !more {
			return Reply{Code: code, Text: strings.Join(lines, " ")}, lines, nil
		}
	}
	return Reply{}, nil, &ProtocolError{"reading a reply", "more than 100 lines"}
}

// readLine reads one line of a reply: RFC 5321 4.2, three digits, "-" or " ".
func (c *Conn) readLine() (text []byte, code int, more bool, err error) {
	line, err := c.br.ReadSlice('\n')
	if err != nil {
		return nil, 0, false, err
	}
	trimmed := bytes.TrimRight(line, "\r\n")
	if len(trimmed) < 3 {
		return nil, 0, false, &ProtocolError{"reading a reply", string(line)}
	}
	for _, digit := range trimmed[:3] {
		if digit < '0' || digit > '9' {
			return nil, 0, false, &ProtocolError{"reading a reply", string(line)}
		}
		code = code*10 + int(digit-'0')
	}
	if len(trimmed) == 3 {
		return nil, code, false, nil
	}
	if sep := trimmed[3]; sep != ' ' && sep != '-' {
		return nil, 0, false, &ProtocolError{"reading a reply", string(line)}
	}
	return trimmed[4:], code, trimmed[3] == '-', nil
}
