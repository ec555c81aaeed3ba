package pop3server

import (
	"crypto/tls"
	"encoding/base64"
	"strings"
	"testing"

	foreign "github.com/xdg-go/scram"

	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
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
	if initial {
		c.write("AUTH " + mechanism + " " + encoded + "\r\n")
	} else {
		c.write("AUTH " + mechanism + "\r\n")
		c.hear(`\+ `)
		c.write(encoded + "\r\n")
	}
	for {
		line := c.line()
		challenge, more := strings.CutPrefix(line, "+ ")
		if !more {
			return line
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
			c := f.connect("pop3s")
			caps := c.text("CAPA")
			if !strings.Contains(caps, "\r\nSASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN") {
				t.Fatal(caps)
			}
			if reply := c.scram(tt.mechanism, password, tt.binding(c), tt.initial); !strings.HasPrefix(reply, "+OK 0 messages") {
				t.Fatal(reply)
			}
			c.ok("STAT")
		})
	}
	c := f.connect("pop3s")
	elsewhere := foreign.ChannelBinding{Type: foreign.ChannelBindingTLSExporter, Data: make([]byte, 32)}
	if reply := c.scram(sasl.SCRAMSHA256Plus, password, elsewhere, true); !strings.HasPrefix(reply, "-ERR [AUTH]") {
		t.Errorf("bound to another connection: %s", reply)
	}
}

// Who chooses SCRAM with the account's password fails, and is offered what works the next time.
func TestSCRAMFallback(t *testing.T) {
	f := serve(t)
	c := f.connect("pop3s")
	if caps := c.text("CAPA"); strings.Contains(caps, "SCRAM") {
		t.Errorf("nobody has an app password: %s", caps)
	}
	f.addAppPassword()
	if reply := c.scram(sasl.SCRAMSHA256, annPassword, foreign.ChannelBinding{}, true); !strings.HasPrefix(reply, "-ERR [AUTH] the name or the password is wrong") {
		t.Fatalf("with the account's password: %s", reply)
	}
	again := f.connect("pop3s")
	if caps := again.text("CAPA"); strings.Contains(caps, "SCRAM") || !strings.Contains(caps, "SASL PLAIN") {
		t.Errorf("after it failed: %s", caps)
	}
	again.signIn()
}
