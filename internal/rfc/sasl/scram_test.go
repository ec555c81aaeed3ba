package sasl

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	foreign "github.com/xdg-go/scram"
)

func verifier(t testing.TB, password string) Verifier {
	t.Helper()
	v, err := NewVerifier(password, []byte("0123456789abcdef"), MinIterations)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// server makes an exchange in which "ann" has the passwords given; accepted is the index of the one that was proved.
func server(t testing.TB, accepted *int, passwords ...string) SCRAM {
	*accepted = -1
	var keys []Key
	for _, p := range passwords {
		keys = append(keys, verifier(t, p).Key)
	}
	return SCRAM{Lookup: func(authzid, user string) (Challenge, error) {
		c := Challenge{Salt: []byte("0123456789abcdef"), Iterations: MinIterations}
		if user == "ann" {
			c.Keys = keys
		}
		c.Accept = func(i int) error { *accepted = i; return nil }
		return c, nil
	}}
}

// RFC 7677 3 is a whole dialogue.
func TestSCRAMExample(t *testing.T) {
	salt, _ := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	v, err := NewVerifier("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	m := NewSCRAM(SCRAM{
		Nonce: func() string { return "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" },
		Lookup: func(authzid, user string) (Challenge, error) {
			if user != "user" || authzid != "" {
				t.Errorf("asked for %q as %q", user, authzid)
			}
			return Challenge{salt, 4096, []Key{v.Key}, func(int) error { return nil }}, nil
		},
	})
	for _, step := range []struct{ response, challenge string }{
		{"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"},
		{"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	} {
		challenge, done, err := m.Next([]byte(step.response))
		if err != nil || done || string(challenge) != step.challenge {
			t.Fatalf("%q is answered %q, %v, %v", step.response, challenge, done, err)
		}
	}
	if _, done, err := m.Next([]byte{}); !done || err != nil {
		t.Fatalf("the end: %v, %v", done, err)
	}
}

// A client that others wrote signs in, with and without channel binding, and with any of several passwords.
func TestSCRAMForeignClient(t *testing.T) {
	exporter := Binding{TLSExporter, []byte("this very connection")}
	endPoint := Binding{TLSServerEndPoint, []byte("the certificate's hash")}
	for _, c := range []struct {
		name     string
		user     string
		password string
		plus     bool
		offered  []Binding
		used     foreign.ChannelBinding
		want     int // index of the password, -1 refused
	}{
		{"first password", "ann", "one", false, nil, foreign.ChannelBinding{}, 0},
		{"second password", "ann", "two", false, nil, foreign.ChannelBinding{}, 1},
		{"wrong password", "ann", "three", false, nil, foreign.ChannelBinding{}, -1},
		{"unknown user", "bob", "one", false, nil, foreign.ChannelBinding{}, -1},
		{"bound by exporter", "ann", "two", true, []Binding{exporter, endPoint}, foreign.ChannelBinding{Type: TLSExporter, Data: exporter.Data}, 1},
		{"bound by certificate", "ann", "one", true, []Binding{exporter, endPoint}, foreign.ChannelBinding{Type: TLSServerEndPoint, Data: endPoint.Data}, 0},
		{"bound to another connection", "ann", "one", true, []Binding{exporter}, foreign.ChannelBinding{Type: TLSExporter, Data: []byte("another")}, -1},
		{"bound by what is not offered", "ann", "one", true, []Binding{exporter}, foreign.ChannelBinding{Type: "tls-unique", Data: exporter.Data}, -1},
		{"not bound though it could", "ann", "one", false, []Binding{exporter}, foreign.ChannelBinding{}, 0},
		{"binding without plus", "ann", "one", false, []Binding{exporter}, foreign.ChannelBinding{Type: TLSExporter, Data: exporter.Data}, -1},
		{"plus without binding", "ann", "one", true, []Binding{exporter}, foreign.ChannelBinding{}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var accepted int
			s := server(t, &accepted, "one", "two")
			s.Plus, s.Bindings = c.plus, c.offered
			client, err := foreign.SHA256.NewClient(c.user, c.password, "")
			if err != nil {
				t.Fatal(err)
			}
			conversation := client.NewConversation()
			if c.used.Type != "" {
				conversation = client.NewConversationWithChannelBinding(c.used)
			}
			signed, err := converse(NewSCRAM(s), conversation)
			if (err == nil) != (c.want >= 0) || accepted != c.want || signed != (c.want >= 0) {
				t.Fatalf("accepted %d, the server's signature held: %v, %v; want %d", accepted, signed, err, c.want)
			}
		})
	}
}

// converse plays one exchange and reports whether the client believes the server.
func converse(m Mechanism, c *foreign.ClientConversation) (valid bool, err error) {
	challenge := ""
	if _, _, err := m.Next(nil); err != nil {
		return false, err
	}
	for {
		response, err := c.Step(challenge)
		if err != nil {
			return false, err
		}
		next, done, err := m.Next([]byte(response))
		if err != nil || done {
			return c.Valid(), err
		}
		challenge = string(next)
	}
}

func TestSCRAMRefuses(t *testing.T) {
	const first = "n,,n=ann,r=abc"
	proof := ",p=" + base64.StdEncoding.EncodeToString(make([]byte, sha256.Size))
	for _, c := range []struct {
		name      string
		responses []string
		kind      mail.Kind
	}{
		{"empty", []string{""}, mail.Invalid},
		{"no header", []string{"n=ann,r=abc"}, mail.Invalid},
		{"unknown flag", []string{"x,,n=ann,r=abc"}, mail.Invalid},
		{"binding without a name", []string{"p=,,n=ann,r=abc"}, mail.Invalid},
		{"mandatory extension", []string{"n,,m=x,n=ann,r=abc"}, mail.Invalid},
		{"bad identity", []string{"n,x,n=ann,r=abc"}, mail.Invalid},
		{"bad name", []string{"n,,n=a=2Dn,r=abc"}, mail.Invalid},
		{"no name", []string{"n,,n=,r=abc"}, mail.Invalid},
		{"no nonce", []string{"n,,n=ann"}, mail.Invalid},
		{"empty nonce", []string{"n,,n=ann,r="}, mail.Invalid},
		{"long nonce", []string{"n,,n=ann,r=" + strings.Repeat("x", maxNonce+1)}, mail.Invalid},
		{"nonce with a space", []string{"n,,n=ann,r=a b"}, mail.Invalid},
		{"not UTF-8", []string{"n,,n=\xff,r=abc"}, mail.Invalid},
		{"no proof", []string{first, "c=biws,r=abcNONCE"}, mail.Invalid},
		{"short proof", []string{first, "c=biws,r=abcNONCE,p=AAAA"}, mail.Invalid},
		{"other nonce", []string{first, "c=biws,r=abcOTHER" + proof}, mail.Invalid},
		{"other binding", []string{first, "c=eSws,r=abcNONCE" + proof}, mail.Other},
		{"binding not base64", []string{first, "c=*,r=abcNONCE" + proof}, mail.Invalid},
		{"wrong proof", []string{first, "c=biws,r=abcNONCE" + proof}, mail.Other},
		{"wrong proof of an unknown user", []string{"n,,n=bob,r=abc", "c=biws,r=abcNONCE" + proof}, mail.Other},
	} {
		t.Run(c.name, func(t *testing.T) {
			var accepted int
			s := server(t, &accepted, "one")
			s.Nonce = func() string { return "NONCE" }
			m := NewSCRAM(s)
			var err error
			for i, r := range c.responses {
				var done bool
				if _, done, err = m.Next([]byte(r)); done || (err != nil) != (i == len(c.responses)-1) {
					t.Fatalf("%q: done %v, %v", r, done, err)
				}
			}
			if !mail.Is(err, c.kind) || c.kind == mail.Other && !errors.Is(err, ErrProof) {
				t.Errorf("%v, want kind %q", err, c.kind)
			}
			if _, done, err := m.Next([]byte{}); done || err == nil || accepted >= 0 {
				t.Error("a failed exchange goes on")
			}
		})
	}
}

// A client that could bind and was told that we cannot has been lied to (RFC 5802 6).
func TestSCRAMDowngrade(t *testing.T) {
	for _, bindings := range [][]Binding{nil, {{TLSExporter, []byte("x")}}} {
		var accepted int
		s := server(t, &accepted, "one")
		s.Bindings = bindings
		if _, _, err := NewSCRAM(s).Next([]byte("y,,n=ann,r=abc")); (err != nil) != (bindings != nil) {
			t.Errorf("with the bindings %v: %v", bindings, err)
		}
	}
}

func TestSCRAMNames(t *testing.T) {
	var user, authzid string
	s := SCRAM{Lookup: func(a, u string) (Challenge, error) { user, authzid = u, a; return Challenge{}, nil }}
	if _, _, err := NewSCRAM(s).Next([]byte("n,a==3D=2C,n=b=2C=3Dø,r=abc,x=extension")); err != nil || authzid != "=," || user != "b,=ø" {
		t.Errorf("names are read %q, %q: %v", authzid, user, err)
	}
}

func TestVerifierText(t *testing.T) {
	v := verifier(t, "one")
	got, err := ParseVerifier(v.String())
	if err != nil || got.String() != v.String() || got.Key != v.Key {
		t.Errorf("%s is read as %s, %v", v, got, err)
	}
	for _, s := range []string{"", "SCRAM-SHA-1" + strings.TrimPrefix(v.String(), "SCRAM-SHA-256"), v.String() + "$", v.String()[:40],
		strings.Replace(v.String(), "4096", "4095", 1), strings.Replace(v.String(), "4096", "99999999999", 1),
		strings.Replace(v.String(), "=", "*", 1), v.String() + ":x"} {
		if _, err := ParseVerifier(s); err == nil {
			t.Errorf("%q is read as a verifier", s)
		}
	}
}

func FuzzSCRAM(f *testing.F) {
	v := verifier(f, "one")
	f.Add("n,,n=ann,r=abc", "c=biws,r=abcNONCE,p="+base64.StdEncoding.EncodeToString(make([]byte, 32)))
	f.Add("p=tls-exporter,a=x,n=ann,r=abc", "c=,r=,p=")
	f.Add("y,,n=a=3D,r=abc,x=y", "")
	f.Fuzz(func(t *testing.T, first, final string) {
		for _, plus := range []bool{false, true} {
			m := NewSCRAM(SCRAM{
				Plus: plus, Bindings: []Binding{{TLSExporter, []byte("data")}}, Nonce: func() string { return "NONCE" },
				Lookup: func(_, _ string) (Challenge, error) {
					return Challenge{v.Salt, v.Iterations, []Key{v.Key}, func(int) error { t.Fatal("signed in without the password"); return nil }}, nil
				},
			})
			if _, done, err := m.Next([]byte(first)); done || err != nil {
				continue
			}
			if _, _, err := m.Next([]byte(final)); err == nil {
				t.Fatal("a made-up proof is accepted")
			}
		}
	})
}
