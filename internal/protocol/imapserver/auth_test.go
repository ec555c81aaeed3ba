package imapserver

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	foreign "github.com/xdg-go/scram"

	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// addAppPassword gives ann an app password.
func (r *rooms) addAppPassword() string {
	r.t.Helper()
	secret, err := r.auth.NewSecret(ann)
	r.must(err)
	r.write(ann, func(t *tx.Tx) error {
		_, err := r.auth.AddAppPassword(t, ann, "phone", secret)
		return err
	})
	return secret.Shown
}

// scram runs an exchange with a client that others wrote, and returns the server's last reply.
func (c *client) scram(mechanism, password string, binding foreign.ChannelBinding, initial bool) string {
	c.t.Helper()
	user, err := foreign.SHA256.NewClient(annAddress, password, "")
	if err != nil {
		c.t.Fatal(err)
	}
	talk := user.NewConversation()
	if binding.Type != foreign.ChannelBindingNone {
		talk = user.NewConversationWithChannelBinding(binding)
	}
	first, err := talk.Step("")
	if err != nil {
		c.t.Fatal(err)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(first))
	tag := ""
	if initial {
		tag = c.send("AUTHENTICATE " + mechanism + " " + encoded)
	} else {
		tag = c.send("AUTHENTICATE " + mechanism)
		c.hear(`\+ `)
		c.write(encoded + "\r\n")
	}
	for {
		line := c.line()
		challenge, more := strings.CutPrefix(line, "+ ")
		if !more {
			return strings.TrimPrefix(line, tag+" ")
		}
		text, err := base64.StdEncoding.DecodeString(challenge)
		if err != nil {
			c.t.Fatalf("challenge %q", line)
		}
		response, err := talk.Step(string(text))
		if err != nil { // the client is not convinced
			response = "*"
		} else {
			response = base64.StdEncoding.EncodeToString([]byte(response))
		}
		c.write(response + "\r\n")
	}
}

func TestSCRAM(t *testing.T) {
	f := serve(t)
	password := f.addAppPassword()
	state := func(c *client) []sasl.Binding {
		s := c.conn.(*tls.Conn).ConnectionState()
		return sasl.Bindings(&s, s.PeerCertificates[0])
	}
	none := func(*client) foreign.ChannelBinding { return foreign.ChannelBinding{} }
	for _, tt := range []struct {
		name, mechanism string
		binding         func(*client) foreign.ChannelBinding
		initial         bool
	}{
		{"plain", sasl.SCRAMSHA256, none, false},
		{"initial response", sasl.SCRAMSHA256, none, true},
		{"exporter", sasl.SCRAMSHA256Plus, func(c *client) foreign.ChannelBinding {
			return foreign.ChannelBinding{Type: foreign.ChannelBindingTLSExporter, Data: state(c)[0].Data}
		}, true},
		{"end point", sasl.SCRAMSHA256Plus, func(c *client) foreign.ChannelBinding {
			return foreign.ChannelBinding{Type: foreign.ChannelBindingTLSServerEndpoint, Data: state(c)[1].Data}
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := f.connect("imaps")
			caps := c.ok("CAPABILITY")[0]
			if !strings.Contains(caps, " AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN") {
				t.Fatal(caps)
			}
			if reply := c.scram(tt.mechanism, password, tt.binding(c), tt.initial); !strings.HasPrefix(reply, "OK [CAPABILITY ") {
				t.Fatal(reply)
			}
			c.ok("SELECT INBOX")
		})
	}
	c := f.connect("imaps")
	elsewhere := foreign.ChannelBinding{Type: foreign.ChannelBindingTLSExporter, Data: make([]byte, 32)}
	if reply := c.scram(sasl.SCRAMSHA256Plus, password, elsewhere, true); !strings.HasPrefix(reply, "NO [AUTHENTICATIONFAILED]") {
		t.Errorf("bound to another connection: %s", reply)
	}
}

// Who chooses SCRAM with the account's password fails, and is offered what works the next time.
func TestSCRAMFallback(t *testing.T) {
	f := serve(t)
	c := f.connect("imaps")
	if caps := c.ok("CAPABILITY")[0]; strings.Contains(caps, "SCRAM") {
		t.Errorf("nobody has an app password: %s", caps)
	}
	f.addAppPassword()
	if reply := c.scram(sasl.SCRAMSHA256, annPassword, foreign.ChannelBinding{}, true); !strings.HasPrefix(reply, "NO [AUTHENTICATIONFAILED] the name or the password is wrong") {
		t.Fatalf("with the account's password: %s", reply)
	}
	again := f.connect("imaps")
	if caps := again.ok("CAPABILITY")[0]; strings.Contains(caps, "SCRAM") || !strings.Contains(caps, "AUTH=PLAIN") {
		t.Errorf("after it failed: %s", caps)
	}
	again.ok("LOGIN " + annAddress + ` "` + annPassword + `"`)
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
	nc, err := f.dial("remote")
	f.must(err)
	defer nc.Close()
	if _, err := readLine(nc); err != nil {
		t.Fatal(err)
	}
	tc := tls.Client(&eager{Conn: nc}, &tls.Config{InsecureSkipVerify: true})
	f.must(tc.Handshake())
	if _, err := tc.Write([]byte("2 LOGIN " + annAddress + ` "` + annPassword + "\"\r\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := readLine(tc); err != nil || !strings.HasPrefix(line, "2 OK ") {
		t.Errorf("%q %v", line, err)
	}
}

// A refusal is held, and tells its session; the pause is the room's.
func TestRefusalIsHeld(t *testing.T) {
	defer emptyPools()
	synctest.Test(t, func(t *testing.T) {
		f := serveRooms(t, openRooms(t, func(o *auth.Options) { o.Pause = nil }))
		c := f.connect("imap")
		for _, command := range []string{"LOGIN " + annAddress + " wrong", "AUTHENTICATE PLAIN AGFubkBleGFtcGxlLm9yZwB3cm9uZw=="} {
			begun := time.Now()
			if _, reply := c.do(command); !strings.HasPrefix(reply, "NO [AUTHENTICATIONFAILED]") {
				t.Error(reply)
			}
			within(t, begun, time.Second)
		}
		begun := time.Now()
		c.ok("LOGIN " + annAddress + ` "` + annPassword + `"`)
		within(t, begun, 0)
		_, session, _ := strings.Cut(f.log.String(), "session=")
		if session, _, _ = strings.Cut(session, " "); strings.Count(f.signIns.String(), "session="+session) == 0 {
			t.Errorf("session %s is not in %s", session, f.signIns)
		}
		if !strings.Contains(f.log.String(), "mechanism=LOGIN tls=false") {
			t.Errorf("the log says %s", f.log)
		}
		f.stop()
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
