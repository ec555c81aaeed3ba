package doortest

import (
	"crypto/tls"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	foreign "github.com/xdg-go/scram"

	"github.com/mailmesh/mailmesh/internal/infra/listen/listentest"
	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
)

// TLSVersions holds a door to RFC 8996: nothing below TLS 1.2.
func TLSVersions(t *testing.T, secure *listentest.Pipes) {
	t.Helper()
	for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		nc, err := secure.Dial("192.0.2.7:4711")
		if err != nil {
			t.Fatal(err)
		}
		err = tls.Client(nc, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}).HandshakeContext(t.Context())
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		nc.Close()
	}
}

// SASL is a connection under TLS, as the suites of SCRAM need it of a door's client.
type SASL interface {
	TLS() tls.ConnectionState
	Mechanisms() []string                   // that are offered
	Authenticate(mechanism, initial string) // sends the command; initial may be empty
	Write(text string)
	Answer() string // the next line, without a tag
	SignedIn()      // fails where a command does that needs a sign-in
}

// SCRAM signs in with an app password, in each way there is. refused is how the reply to a bad proof begins.
func SCRAM(t *testing.T, r *Rooms, connect func() SASL, accepted, refused string) {
	t.Helper()
	password := r.AddAppPassword()
	bindings := func(c SASL) []sasl.Binding {
		s := c.TLS()
		return sasl.Bindings(&s, s.PeerCertificates[0])
	}
	none := func(SASL) foreign.ChannelBinding { return foreign.ChannelBinding{} }
	for _, tt := range []struct {
		name, mechanism string
		binding         func(SASL) foreign.ChannelBinding
		initial         bool
	}{
		{"plain", sasl.SCRAMSHA256, none, false},
		{"initial response", sasl.SCRAMSHA256, none, true},
		{"exporter", sasl.SCRAMSHA256Plus, func(c SASL) foreign.ChannelBinding {
			return foreign.ChannelBinding{Type: foreign.ChannelBindingTLSExporter, Data: bindings(c)[0].Data}
		}, true},
		{"end point", sasl.SCRAMSHA256Plus, func(c SASL) foreign.ChannelBinding {
			return foreign.ChannelBinding{Type: foreign.ChannelBindingTLSServerEndpoint, Data: bindings(c)[1].Data}
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := connect()
			if got := c.Mechanisms(); len(got) < 3 || !slices.Equal(got[:3], []string{sasl.SCRAMSHA256Plus, sasl.SCRAMSHA256, sasl.Plain}) {
				t.Fatalf("offered are %q", got)
			}
			if reply := exchange(t, c, tt.mechanism, password, tt.binding(c), tt.initial); !strings.HasPrefix(reply, accepted) {
				t.Fatal(reply)
			}
			c.SignedIn()
		})
	}
	elsewhere := foreign.ChannelBinding{Type: foreign.ChannelBindingTLSExporter, Data: make([]byte, 32)}
	if reply := exchange(t, connect(), sasl.SCRAMSHA256Plus, password, elsewhere, true); !strings.HasPrefix(reply, refused) {
		t.Errorf("bound to another connection: %s", reply)
	}
}

// SCRAMFallback: who chooses SCRAM with the account's password fails, and is offered what works the next time.
func SCRAMFallback(t *testing.T, r *Rooms, connect func() SASL, refused string) {
	t.Helper()
	c := connect()
	if got := c.Mechanisms(); slices.Contains(got, sasl.SCRAMSHA256) {
		t.Errorf("nobody has an app password, and %q are offered", got)
	}
	r.AddAppPassword()
	if reply := exchange(t, c, sasl.SCRAMSHA256, AnnPassword, foreign.ChannelBinding{}, true); !strings.HasPrefix(reply, refused) {
		t.Fatalf("with the account's password: %s", reply)
	}
	if got := connect().Mechanisms(); slices.Contains(got, sasl.SCRAMSHA256) || !slices.Contains(got, sasl.Plain) {
		t.Errorf("after it failed %q are offered", got)
	}
}

// exchange signs Ann in with a client that others wrote, and returns the server's last reply.
func exchange(t *testing.T, c SASL, mechanism, password string, binding foreign.ChannelBinding, initial bool) string {
	t.Helper()
	user, err := foreign.SHA256.NewClient(AnnAddress, password, "")
	if err != nil {
		t.Fatal(err)
	}
	talk := user.NewConversation()
	if binding.Type != foreign.ChannelBindingNone {
		talk = user.NewConversationWithChannelBinding(binding)
	}
	first, err := talk.Step("")
	if err != nil {
		t.Fatal(err)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(first))
	if initial {
		c.Authenticate(mechanism, encoded)
	} else {
		c.Authenticate(mechanism, "")
		if line := c.Answer(); line != "+ " {
			t.Fatalf("%s is answered %q", mechanism, line)
		}
		c.Write(encoded + "\r\n")
	}
	for {
		line := c.Answer()
		challenge, more := strings.CutPrefix(line, "+ ")
		if !more {
			return line
		}
		text, err := base64.StdEncoding.DecodeString(challenge)
		if err != nil {
			t.Fatalf("challenge %q", line)
		}
		response, err := talk.Step(string(text))
		if err != nil { // the client is not convinced
			response = "*"
		} else {
			response = base64.StdEncoding.EncodeToString([]byte(response))
		}
		c.Write(response + "\r\n")
	}
}
