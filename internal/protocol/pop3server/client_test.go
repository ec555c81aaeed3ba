package pop3server

import (
	"bufio"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
)

const root = "../../../"

// client speaks POP3 to a server, one command at a time.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// connect opens a connection and reads the greeting.
func (f *serving) connect(protocol string) *client {
	f.T.Helper()
	nc, err := f.Dial(protocol)
	f.Must(err)
	c := newClient(f.T, nc)
	c.hear(`\+OK .*`)
	return c
}

func newClient(t testing.TB, nc net.Conn) *client {
	t.Cleanup(func() { nc.Close() })
	return &client{t: t, conn: nc, r: bufio.NewReader(nc)}
}

// login opens a connection signed in as ann.
func (f *serving) login() *client {
	f.T.Helper()
	c := f.connect("pop3")
	c.signIn()
	return c
}

func (c *client) signIn() {
	c.t.Helper()
	c.ok("USER " + annAddress)
	c.ok("PASS " + annPassword)
}

func (c *client) write(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("send %.100q: %v", text, err)
	}
}

func (c *client) line() string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil || !strings.HasSuffix(line, "\r\n") {
		c.t.Fatalf("heard %q: %v", line, err)
	}
	return line[:len(line)-2]
}

// do runs a command and returns the first line of the answer.
func (c *client) do(command string) string {
	c.t.Helper()
	c.write(command + "\r\n")
	return c.line()
}

// ok is do for a command that must succeed.
func (c *client) ok(command string) string {
	c.t.Helper()
	answer := c.do(command)
	if !strings.HasPrefix(answer, "+OK") {
		c.t.Fatalf("%.100s: %q", command, answer)
	}
	return answer
}

// text is ok for a command with a multi-line answer, of which it returns the text as a strict client reads it.
func (c *client) text(command string) string {
	c.t.Helper()
	c.ok(command)
	var all strings.Builder
	for begins := true; ; {
		part, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("%s: after %.100q: %v", command, part, err)
		}
		if begins && part == ".\r\n" {
			return all.String()
		}
		if begins && strings.HasPrefix(part, ".") {
			part = part[1:]
		}
		all.WriteString(part)
		begins = strings.HasSuffix(part, "\r\n")
	}
}

// hear reads a line that matches.
func (c *client) hear(pattern string) string {
	c.t.Helper()
	line := c.line()
	if !regexp.MustCompile("^(?s:" + pattern + ")$").MatchString(line) {
		c.t.Fatalf("heard %q, want %s", line, pattern)
	}
	return line
}

// hearClosed reads the end of the connection.
func (c *client) hearClosed() {
	c.t.Helper()
	if line, err := c.r.ReadString('\n'); err == nil || line != "" {
		c.t.Fatalf("heard %q (%v), want the end of the connection", line, err)
	}
}
