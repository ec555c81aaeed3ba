package auth

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	foreign "github.com/xdg-go/scram"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
)

var peer = Peer{Remote: netip.MustParseAddr("192.0.2.1"), Protocol: "test"}

func (w *world) begin(t *testing.T, mechanism string, p Peer) *Exchange {
	t.Helper()
	x, err := w.Begin(t.Context(), mechanism, p)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestExchangePassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			mechanism string
			responses []string
			kind      mail.Kind
			want      SignIn
		}{
			{"plain", []string{"\x00ann@example.org\x00" + annPassword}, "", SignIn{Account: annID}},
			{"PLAIN", []string{"Ann@example.org\x00ann@example.org\x00" + annPassword}, "", SignIn{Account: annID}},
			{"PLAIN", []string{"bob@example.org\x00ann@example.org\x00" + annPassword}, mail.Denied, SignIn{}},
			{"PLAIN", []string{"\x00ann@example.org\x00wrong"}, mail.Denied, SignIn{}},
			{"PLAIN", []string{"ann@example.org"}, mail.Invalid, SignIn{}},
			{"LOGIN", []string{"ann@example.org", annPassword}, "", SignIn{Account: annID}},
			{"LOGIN", []string{"ann@example.org", "wrong"}, mail.Denied, SignIn{}},
		} {
			x := w.begin(t, c.mechanism, peer)
			var done bool
			var err error
			for _, r := range c.responses {
				_, done, err = x.Next([]byte(r))
			}
			if done != (c.kind == "") || (err == nil) != done || err != nil && !mail.Is(err, c.kind) || who(x.SignIn()) != c.want {
				t.Errorf("%s %q: done %v, %v, %+v", c.mechanism, c.responses, done, err, x.SignIn())
			}
		}
		if _, err := w.Begin(t.Context(), "CRAM-MD5", peer); !mail.Is(err, mail.Invalid) || !strings.Contains(err.Error(), "SCRAM-SHA-256") {
			t.Errorf("an unknown mechanism: %v", err)
		}
	})
}

func scramWith(x *Exchange, user, password string, binding *sasl.Binding) error {
	client, err := foreign.SHA256.NewClient(user, password, "")
	if err != nil {
		return err
	}
	conversation := client.NewConversation()
	if binding != nil {
		conversation = client.NewConversationWithChannelBinding(foreign.ChannelBinding{Type: foreign.ChannelBindingType(binding.Type), Data: binding.Data})
	}
	challenge := ""
	for {
		response, err := conversation.Step(challenge)
		if err != nil {
			return err
		}
		next, done, err := x.Next([]byte(response))
		if err != nil {
			return err
		}
		if done {
			if !conversation.Valid() {
				return errors.New("the client does not believe the server")
			}
			return nil
		}
		challenge = string(next)
	}
}

func TestExchangeSCRAM(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		phone, phonePassword := w.addApp(t, annID, "phone")
		laptop, laptopPassword := w.addApp(t, annID, "laptop")
		_, bobs := w.addApp(t, bobID, "phone")
		bound := peer
		bound.Bindings = []sasl.Binding{{Type: sasl.TLSExporter, Data: []byte("this connection")}}
		for _, c := range []struct {
			user, password string
			want           SignIn
		}{
			{"ann@example.org", phonePassword, SignIn{Account: annID, AppPassword: phone.ID}},
			{"ann@example.org", laptopPassword, SignIn{Account: annID, AppPassword: laptop.ID}},
			{"Alias@example.org", laptopPassword, SignIn{Account: annID, AppPassword: laptop.ID}},
			{"ann@example.org", annPassword, SignIn{}}, // is kept as Argon2id only
			{"ann@example.org", bobs, SignIn{}},
			{"nobody@example.org", phonePassword, SignIn{}},
		} {
			for mechanism, binding := range map[string]*sasl.Binding{sasl.SCRAMSHA256: nil, sasl.SCRAMSHA256Plus: &bound.Bindings[0]} {
				x := w.begin(t, mechanism, bound)
				err := scramWith(x, c.user, c.password, binding)
				if (err == nil) != (c.want != SignIn{}) || err != nil && !mail.Is(err, mail.Denied) || who(x.SignIn()) != c.want {
					t.Errorf("%s %s: %v, %+v, want %+v", mechanism, c.user, err, x.SignIn(), c.want)
				}
			}
		}
		if w.apps(t, annID)[1].LastUsed.IsZero() {
			t.Error("the use of an app password by SCRAM is not kept")
		}
		w.off[annID] = true
		if err := scramWith(w.begin(t, sasl.SCRAMSHA256, peer), "ann@example.org", phonePassword, nil); !mail.Is(err, mail.Disabled) {
			t.Errorf("a disabled account: %v", err)
		}
	})
}

// Nothing in a challenge tells who exists: each name has a salt of its own that stays.
func TestExchangeSCRAMSalt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		challenge := func(w *world, user string) string {
			c, _, err := w.begin(t, sasl.SCRAMSHA256, peer).Next([]byte("n,,n=" + user + ",r=x"))
			if err != nil {
				t.Fatal(err)
			}
			_, salt, _ := strings.Cut(string(c), ",")
			return salt
		}
		seen := map[string]string{}
		for _, user := range []string{"ann@example.org", "bob@example.org", "nobody@example.org", "noone@example.org"} {
			salt := challenge(w, user)
			if other := seen[salt]; other != "" || len(salt) != len("s=,i=4096")+24 {
				t.Errorf("%s has the challenge %s, as %q", user, salt, other)
			}
			seen[salt] = user
			if again := challenge(w, strings.ToUpper(user)); again != salt {
				t.Errorf("%s has the challenge %s, then %s", user, salt, again)
			}
			if again := challenge(newWorld(t, w.tx), user); again != salt {
				t.Errorf("%s has the challenge %s, and %s after a restart", user, salt, again)
			}
		}
		before := challenge(w, "ann@example.org")
		w.addApp(t, annID, "phone")
		if after := challenge(w, "ann@example.org"); after != before {
			t.Errorf("the first app password changes the challenge from %s to %s", before, after)
		}
	})
}

func TestMechanisms(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		bound := peer
		bound.Bindings = []sasl.Binding{{Type: sasl.TLSExporter, Data: []byte("this connection")}}
		plain := []string{"PLAIN", "LOGIN"}
		offered := func(p Peer, want ...string) {
			t.Helper()
			if got := w.Mechanisms(t.Context(), p); !slices.Equal(got, append(want, plain...)) {
				t.Errorf("offered are %v, want %v and %v", got, want, plain)
			}
		}
		offered(bound) // nobody could use more
		_, shown := w.addApp(t, annID, "phone")
		w.clock.pass(askEvery)
		offered(peer, "SCRAM-SHA-256")
		offered(bound, "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")

		if err := scramWith(w.begin(t, sasl.SCRAMSHA256, peer), "ann@example.org", annPassword, nil); !mail.Is(err, mail.Denied) {
			t.Fatal(err)
		}
		offered(bound) // so that the client comes back with PLAIN
		w.want(t, "ann@example.org", annPassword, "")
		offered(Peer{Remote: netip.MustParseAddr("192.0.2.2")}, "SCRAM-SHA-256")
		if err := scramWith(w.begin(t, sasl.SCRAMSHA256, peer), "ann@example.org", shown, nil); err != nil {
			t.Errorf("not offered is not forbidden: %v", err)
		}
		w.clock.pass(withholdFor + time.Second)
		offered(peer, "SCRAM-SHA-256")
	})
}
