package pop3server

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
)

// saslClient is a client as doortest's suites know it.
type saslClient struct{ *client }

func (f *serving) sasl() doortest.SASL { return saslClient{f.connect("pop3s")} }

func (c saslClient) TLS() tls.ConnectionState { return c.conn.(*tls.Conn).ConnectionState() }
func (c saslClient) Write(text string)        { c.write(text) }
func (c saslClient) Answer() string           { return c.line() }
func (c saslClient) SignedIn()                { c.ok("STAT") }

func (c saslClient) Mechanisms() []string {
	for line := range strings.Lines(c.text("CAPA")) {
		if list, is := strings.CutPrefix(line, "SASL "); is {
			return strings.Fields(list)
		}
	}
	return nil
}

func (c saslClient) Authenticate(mechanism, initial string) {
	c.write(strings.TrimSpace("AUTH "+mechanism+" "+initial) + "\r\n")
}

func TestSCRAM(t *testing.T) {
	f := serve(t)
	doortest.SCRAM(t, f.Rooms, f.sasl, "+OK 0 messages", "-ERR [AUTH]")
}

func TestSCRAMFallback(t *testing.T) {
	f := serve(t)
	doortest.SCRAMFallback(t, f.Rooms, f.sasl, "-ERR [AUTH] the name or the password is wrong")
	f.connect("pop3s").signIn()
}
