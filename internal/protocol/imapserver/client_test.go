package imapserver

import (
	"bufio"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// client speaks IMAP to a server, one command at a time.
type client struct {
	t    failer
	conn net.Conn
	r    *bufio.Reader
	tags int
}

// failer is what a client needs of a test, a rapid one too.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}

// connect opens a connection and reads the greeting.
func (f *serving) connect(protocol string) *client {
	f.T.Helper()
	nc, err := f.Dial(protocol)
	f.Must(err)
	c := newClient(f.T, nc)
	if hello := c.line(); !strings.HasPrefix(hello, "* OK [CAPABILITY ") {
		f.T.Fatalf("greeting %q", hello)
	}
	return c
}

func newClient(t testing.TB, nc net.Conn) *client {
	t.Cleanup(func() { nc.Close() })
	return &client{t: t, conn: nc, r: bufio.NewReader(nc)}
}

// login opens a connection signed in as ann, and runs commands on it.
func (f *serving) login(commands ...string) *client {
	f.T.Helper()
	c := f.connect("imap")
	c.ok("LOGIN " + annAddress + ` "` + annPassword + `"`)
	for _, command := range commands {
		c.ok(command)
	}
	return c
}

var literal = regexp.MustCompile(`\{(\d+)\}$`)

// read reads a response: a line, with the literals in it as they stand.
func (c *client) read() (string, error) {
	var all strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return all.String() + line, err
		}
		line = strings.TrimSuffix(line, "\r\n")
		all.WriteString(line)
		m := literal.FindStringSubmatch(line)
		if m == nil {
			return all.String(), nil
		}
		n, _ := strconv.Atoi(m[1])
		content := make([]byte, n)
		if _, err := io.ReadFull(c.r, content); err != nil {
			return all.String(), err
		}
		all.WriteString("\r\n")
		all.Write(content)
	}
}

func (c *client) line() string {
	c.t.Helper()
	line, err := c.read()
	if err != nil {
		c.t.Fatalf("after %q: %v", line, err)
	}
	return line
}

// send sends a command and returns its tag.
func (c *client) send(command string) string {
	c.t.Helper()
	c.tags++
	tag := "t" + strconv.Itoa(c.tags)
	c.write(tag + " " + command + "\r\n")
	return tag
}

func (c *client) write(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("send %.100q: %v", text, err)
	}
}

// until reads up to the reply with a tag, and returns the untagged responses before it and the reply.
func (c *client) until(tag string) (untagged []string, reply string) {
	c.t.Helper()
	for {
		line := c.line()
		if rest, tagged := strings.CutPrefix(line, tag+" "); tagged {
			return untagged, rest
		}
		untagged = append(untagged, line)
	}
}

// do runs a command.
func (c *client) do(command string) (untagged []string, reply string) {
	c.t.Helper()
	return c.until(c.send(command))
}

// ok is do for a command that must succeed.
func (c *client) ok(command string) []string {
	c.t.Helper()
	untagged, reply := c.do(command)
	if !strings.HasPrefix(reply, "OK") {
		c.t.Fatalf("%.200s: %q after %q", command, reply, untagged)
	}
	return untagged
}

// idle begins IDLE and returns its tag.
func (c *client) idle() string {
	c.t.Helper()
	tag := c.send("IDLE")
	if line := c.line(); !strings.HasPrefix(line, "+ ") {
		c.t.Fatalf("IDLE: %q", line)
	}
	return tag
}

// hear reads a response that matches.
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
	if line, err := c.read(); err == nil || line != "" {
		c.t.Fatalf("heard %q (%v), want the end of the connection", line, err)
	}
}
