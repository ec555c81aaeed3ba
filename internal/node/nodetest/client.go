package nodetest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for an answer of the node before it fails.
const patience = time.Minute

func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	if _, err := netip.ParseAddrPort(address); err != nil {
		t.Fatalf("the node has no such door: %v", err)
	}
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return nc
}

// Send sends a message by the door smtp or lmtp in a session of its own and returns the answer for each recipient, such
// as "250 2.0.0 ...": that to its RCPT, where it was refused, else that to the message. Where the connection was lost it
// is "421 ".
func (n *Node) Send(t testing.TB, door, from string, to []string, content string) []string {
	t.Helper()
	c := talk{textproto.NewConn(dial(t, n.Doors[door]))}
	defer c.Close()
	out := make([]string, len(to))
	fill := func(with func() string) {
		for i, refused := range out {
			if refused == "" {
				out[i] = with()
			}
		}
	}
	c.reply()
	c.say(map[string]string{"smtp": "EHLO", "lmtp": "LHLO"}[door] + " client.example.net")
	taken := false
	if r := c.say("MAIL FROM:<" + from + ">"); r[0] != '2' {
		fill(func() string { return r })
		return out
	}
	for i, address := range to {
		if r := c.say("RCPT TO:<" + address + ">"); r[0] == '2' {
			taken = true
		} else {
			out[i] = r
		}
	}
	if !taken {
		return out
	}
	if r := c.say("DATA"); r[0] != '3' {
		fill(func() string { return r })
		return out
	}
	w := c.DotWriter()
	io.WriteString(w, content)
	w.Close()
	if door == "lmtp" {
		fill(c.reply) // RFC 2033 4.2: one answer a recipient
		return out
	}
	r := c.reply()
	fill(func() string { return r })
	return out
}

// talk is a conversation in lines and replies.
type talk struct{ *textproto.Conn }

func (c talk) say(line string) string {
	if err := c.PrintfLine("%s", line); err != nil {
		return "421 " + err.Error()
	}
	return c.reply()
}

func (c talk) reply() string {
	code, text, err := c.ReadResponse(0)
	if err != nil && code == 0 {
		return "421 " + err.Error()
	}
	return fmt.Sprint(code, " ", strings.ReplaceAll(text, "\n", " "))
}

// IMAP is a session that says what the test types.
type IMAP struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	tag  int
}

// SignIn opens an IMAP session and signs in with LOGIN.
func (n *Node) SignIn(t testing.TB, address, password string) *IMAP {
	t.Helper()
	c := n.Dial(t)
	c.OK("LOGIN %q %q", address, password)
	return c
}

// Dial opens an IMAP session.
func (n *Node) Dial(t testing.TB) *IMAP {
	t.Helper()
	nc := dial(t, n.Doors["imap"])
	c := &IMAP{t: t, conn: nc, r: bufio.NewReader(nc)}
	c.line()
	return c
}

// OK says a command that must succeed and returns all that was answered.
func (c *IMAP) OK(format string, args ...any) string {
	c.t.Helper()
	out, end := c.Do(format, args...)
	if !strings.HasPrefix(end, "OK") {
		c.t.Fatalf("%s was answered %s", fmt.Sprintf(format, args...), end)
	}
	return out + end
}

// Do says a command. It returns the untagged answers, literals and all, and the tagged one without its tag; the latter is
// "BYE ..." where the connection ended instead.
func (c *IMAP) Do(format string, args ...any) (untagged, tagged string) {
	c.t.Helper()
	c.tag++
	tag := fmt.Sprintf("t%d ", c.tag)
	c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(c.conn, "%s%s\r\n", tag, fmt.Sprintf(format, args...)); err != nil {
		return "", "BYE " + err.Error()
	}
	var b strings.Builder
	for {
		line, err := c.answer()
		if err == io.EOF {
			return b.String(), "BYE"
		}
		if err != nil {
			c.t.Fatal(err)
		}
		if end, ok := strings.CutPrefix(line, tag); ok {
			return b.String(), end
		}
		b.WriteString(line + "\n")
	}
}

func (c *IMAP) line() string {
	c.t.Helper()
	line, err := c.answer()
	if err != nil {
		c.t.Fatal(err)
	}
	return line
}

var literal = regexp.MustCompile(`\{(\d+)\}$`)

// answer reads a line with the literals in it.
func (c *IMAP) answer() (string, error) {
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		line = strings.TrimRight(line, "\r\n")
		b.WriteString(line)
		m := literal.FindStringSubmatch(line)
		if m == nil {
			return b.String(), nil
		}
		size, err := strconv.Atoi(m[1])
		if err != nil {
			return "", err
		}
		content := make([]byte, size)
		if _, err := io.ReadFull(c.r, content); err != nil {
			return "", err
		}
		b.WriteString("\r\n" + string(content))
	}
}

var codeNumber = regexp.MustCompile(`\[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]`)

// Numbers are the response codes with a number in what SELECT answers, by name.
func Numbers(answer string) map[string]uint64 {
	out := map[string]uint64{}
	for _, m := range codeNumber.FindAllStringSubmatch(answer, -1) {
		out[m[1]], _ = strconv.ParseUint(m[2], 10, 64)
	}
	return out
}

// POP3 is a POP3 session.
type POP3 struct {
	t    testing.TB
	conn net.Conn
	text *textproto.Conn
}

// Pop opens a POP3 session and signs in; the answer to the password is returned, whatever it is.
func (n *Node) Pop(t testing.TB, address, password string) (c *POP3, answer string) {
	t.Helper()
	nc := dial(t, n.Doors["pop3"])
	c = &POP3{t: t, conn: nc, text: textproto.NewConn(nc)}
	if _, err := c.text.ReadLine(); err != nil {
		t.Fatal(err)
	}
	c.Do("USER %s", address)
	return c, c.Do("PASS %s", password)
}

// Do says a command and returns the first line of its answer, "" where the connection ended instead.
func (c *POP3) Do(format string, args ...any) string {
	c.t.Helper()
	c.conn.SetDeadline(time.Now().Add(patience))
	if err := c.text.PrintfLine(format, args...); err != nil {
		return ""
	}
	line, err := c.text.ReadLine()
	if err != nil && err != io.EOF {
		c.t.Fatal(err)
	}
	return line
}

// Text says a command whose answer is of several lines, and returns them.
func (c *POP3) Text(format string, args ...any) string {
	c.t.Helper()
	if first := c.Do(format, args...); !strings.HasPrefix(first, "+OK") {
		c.t.Fatalf("%s was answered %s", fmt.Sprintf(format, args...), first)
	}
	text, err := c.text.ReadDotBytes()
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

// Idle begins to wait (RFC 2177). What it returns waits until the server says something with want in it, or goodbye, and ends the waiting.
func (c *IMAP) Idle() (until func(want string) string) {
	c.t.Helper()
	c.tag++
	tag := fmt.Sprintf("t%d ", c.tag)
	c.conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c.conn, "%sIDLE\r\n", tag)
	for !strings.HasPrefix(c.line(), "+") {
	}
	return func(want string) string {
		c.t.Helper()
		heard := c.line()
		for !strings.Contains(heard, want) && !strings.HasPrefix(heard, "* BYE") {
			heard = c.line()
		}
		if strings.HasPrefix(heard, "* BYE") {
			return heard
		}
		fmt.Fprint(c.conn, "DONE\r\n")
		for line := heard; !strings.HasPrefix(line, tag); line = c.line() {
		}
		return heard
	}
}
