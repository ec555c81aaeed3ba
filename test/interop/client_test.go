//go:build system

package interop

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/textproto"
	"strings"
	"testing"
)

// submit hands a message in as a user's program does, over TLS with a password, and expects it to be taken. Parameters
// of MAIL and RCPT are given after a colon: "MAIL:REQUIRETLS", "RCPT:NOTIFY=SUCCESS".
func (m *mailmesh) submit(t *testing.T, local string, to []string, subject, body string, parameters ...string) {
	t.Helper()
	c := m.signIn(t, local)
	defer c.Close()
	ofMail, ofRcpt := "", ""
	for _, p := range parameters {
		kind, parameter, _ := strings.Cut(p, ":")
		if kind == "MAIL" {
			ofMail += " " + parameter
		} else {
			ofRcpt += " " + parameter
		}
	}
	from := local + "@" + m.domain
	c.says(t, "250", "MAIL FROM:<%s>%s", from, ofMail)
	for _, address := range to {
		c.says(t, "250", "RCPT TO:<%s>%s", address, ofRcpt)
	}
	c.says(t, "354", "DATA")
	w := c.DotWriter()
	if _, err := w.Write([]byte(message(from, to[0], subject, body))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c.reads(t, "250", "the message")
	c.says(t, "221", "QUIT")
}

// client is a connection of a mail program.
type client struct{ *textproto.Conn }

func (m *mailmesh) signIn(t *testing.T, local string) client {
	t.Helper()
	conn, err := tls.Dial("tcp", m.address+":465", &tls.Config{RootCAs: m.in.ca.pool(), ServerName: "mx." + m.domain})
	if err != nil {
		t.Fatal(err)
	}
	c := client{textproto.NewConn(conn)}
	c.reads(t, "220", "the greeting")
	c.says(t, "250", "EHLO client.example")
	c.says(t, "235", "AUTH PLAIN %s", base64.StdEncoding.EncodeToString([]byte("\x00"+local+"@"+m.domain+"\x00"+password)))
	return c
}

// says sends a command and expects a reply that begins with a code.
func (c client) says(t *testing.T, code, format string, args ...any) string {
	t.Helper()
	if err := c.PrintfLine(format, args...); err != nil {
		t.Fatal(err)
	}
	return c.reads(t, code, fmt.Sprintf(format, args...))
}

func (c client) reads(t *testing.T, code, after string) string {
	t.Helper()
	got, text, err := c.ReadResponse(0)
	reply := fmt.Sprintf("%d %s", got, text)
	if err != nil && got == 0 {
		t.Fatalf("after %s: %v", after, err)
	}
	if !strings.HasPrefix(reply, code) {
		t.Fatalf("after %s: %s, want %s", after, reply, code)
	}
	return reply
}

// say sends a command; the error is the reply when it is none of success.
func (c client) say(format string, args ...any) (string, error) {
	if err := c.PrintfLine(format, args...); err != nil {
		return "", err
	}
	code, text, err := c.ReadResponse(2)
	return fmt.Sprintf("%d %s", code, text), err
}
