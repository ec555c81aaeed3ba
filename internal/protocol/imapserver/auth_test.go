package imapserver

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// saslClient is a client as doortest's suites know it.
type saslClient struct {
	*client
	tag string
}

func (f *serving) sasl() doortest.SASL { return &saslClient{client: f.connect("imaps")} }

func (c *saslClient) TLS() tls.ConnectionState { return c.conn.(*tls.Conn).ConnectionState() }
func (c *saslClient) Write(text string)        { c.write(text) }
func (c *saslClient) Answer() string           { return strings.TrimPrefix(c.line(), c.tag+" ") }
func (c *saslClient) SignedIn()                { c.ok("SELECT INBOX") }

func (c *saslClient) Mechanisms() (list []string) {
	for word := range strings.FieldsSeq(c.ok("CAPABILITY")[0]) {
		if name, is := strings.CutPrefix(word, "AUTH="); is {
			list = append(list, name)
		}
	}
	return list
}

func (c *saslClient) Authenticate(mechanism, initial string) {
	c.tag = c.send(strings.TrimSpace("AUTHENTICATE " + mechanism + " " + initial))
}

func TestSCRAM(t *testing.T) {
	f := serve(t)
	doortest.SCRAM(t, f.Rooms, f.sasl, "OK [CAPABILITY ", "NO [AUTHENTICATIONFAILED]")
}

func TestSCRAMFallback(t *testing.T) {
	f := serve(t)
	doortest.SCRAMFallback(t, f.Rooms, f.sasl, "NO [AUTHENTICATIONFAILED] the name or the password is wrong")
	f.connect("imaps").ok("LOGIN " + annAddress + ` "` + annPassword + `"`)
}

// eager sends STARTTLS and the first bytes of the handshake in one piece, and reads the reply before those of the server.
type eager struct {
	net.Conn
	asked, answered bool
}

func (c *eager) Write(p []byte) (int, error) {
	if c.asked {
		return c.Conn.Write(p)
	}
	c.asked = true
	_, err := c.Conn.Write(append([]byte("1 STARTTLS\r\n"), p...))
	return len(p), err
}

func (c *eager) Read(p []byte) (int, error) {
	if !c.answered {
		c.answered = true
		if line, err := readLine(c.Conn); err != nil || !strings.HasPrefix(line, "1 OK ") {
			return 0, fmt.Errorf("%q %v", line, err)
		}
	}
	return c.Conn.Read(p)
}

// readLine reads a line and not a byte more.
func readLine(nc net.Conn) (line string, err error) {
	for b := []byte{0}; err == nil && b[0] != '\n'; {
		_, err = nc.Read(b)
		line += string(b)
	}
	return line, err
}

// A client need not wait for the reply to STARTTLS before it begins the handshake (RFC 9051 6.2.1).
func TestEagerHandshake(t *testing.T) {
	f := serve(t)
	nc, err := f.Dial("remote")
	f.Must(err)
	defer nc.Close()
	if _, err := readLine(nc); err != nil {
		t.Fatal(err)
	}
	tc := tls.Client(&eager{Conn: nc}, &tls.Config{InsecureSkipVerify: true})
	f.Must(tc.Handshake())
	if _, err := tc.Write([]byte("2 LOGIN " + annAddress + ` "` + annPassword + "\"\r\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := readLine(tc); err != nil || !strings.HasPrefix(line, "2 OK ") {
		t.Errorf("%q %v", line, err)
	}
}

// A refusal is held, and tells its session; the pause is the room's.
func TestRefusalIsHeld(t *testing.T) {
	doortest.Bubble(t, func(t *testing.T) {
		f := serveRooms(t, openRooms(t, func(o *auth.Options) { o.Pause = nil }))
		c := f.connect("imap")
		for _, command := range []string{"LOGIN " + annAddress + " wrong", "AUTHENTICATE PLAIN AGFubkBleGFtcGxlLm9yZwB3cm9uZw=="} {
			begun := time.Now()
			if _, reply := c.do(command); !strings.HasPrefix(reply, "NO [AUTHENTICATIONFAILED]") {
				t.Error(reply)
			}
			doortest.Within(t, begun, time.Second)
		}
		begun := time.Now()
		c.ok("LOGIN " + annAddress + ` "` + annPassword + `"`)
		doortest.Within(t, begun, 0)
		_, session, _ := strings.Cut(f.log.String(), "session=")
		if session, _, _ = strings.Cut(session, " "); strings.Count(f.SignIns.String(), "session="+session) == 0 {
			t.Errorf("session %s is not in %s", session, f.SignIns)
		}
		if !strings.Contains(f.log.String(), "mechanism=LOGIN tls=false") {
			t.Errorf("the log says %s", f.log)
		}
		f.Stop()
	})
}

// UNAUTHENTICATE is no way to guess for ever: failed sign-ins are counted for the connection.
func TestUnauthenticateKeepsCounting(t *testing.T) {
	f := serve(t, func(o *Options) { o.Limits.SignIns = 2 })
	c := f.connect("imap")
	wrong := "LOGIN " + annAddress + " wrong"
	if _, reply := c.do(wrong); !strings.HasPrefix(reply, "NO ") {
		t.Fatal(reply)
	}
	c.ok("LOGIN " + annAddress + ` "` + annPassword + `"`)
	c.ok("UNAUTHENTICATE")
	if _, reply := c.do(wrong); !strings.HasPrefix(reply, "NO ") {
		t.Fatal(reply)
	}
	c.hear(`\* BYE \[UNAVAILABLE\] too many failed attempts.*`)
	c.hearClosed()
}
