package sasl

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// exchange plays an exchange between a client and a server's mechanism.
func exchange(c Client, m Mechanism) error {
	response, err := c.Next(nil)
	for err == nil {
		challenge, done, serverErr := m.Next(response)
		if serverErr != nil {
			return serverErr
		}
		if done {
			return c.Done()
		}
		if response, err = c.Next(challenge); response == nil {
			response = []byte{}
		}
	}
	return err
}

func scramServer(t *testing.T, password string, s SCRAM) Mechanism {
	v, err := NewVerifier(password, []byte("some salt"), MinIterations)
	if err != nil {
		t.Fatal(err)
	}
	s.Lookup = func(_, user string) (Challenge, error) {
		if user != "ann,=" {
			return Challenge{}, errors.New("asked for " + user)
		}
		return Challenge{Salt: v.Salt, Iterations: v.Iterations, Keys: []Key{v.Key}, Accept: func(int) error { return nil }}, nil
	}
	return NewSCRAM(s)
}

func TestClientAgainstOurServer(t *testing.T) {
	bindings := []Binding{{TLSExporter, []byte("of this connection")}}
	check := func(_, user, password string) error {
		if user != "ann,=" || password != "secret" {
			return ErrProof
		}
		return nil
	}
	for _, c := range []struct {
		offered  string
		password string
		bindings []Binding
		server   func() Mechanism
		chosen   string
		fails    bool
	}{
		{"LOGIN plain", "secret", nil, func() Mechanism { return NewPlain(check) }, Plain, false},
		{"PLAIN", "wrong", nil, func() Mechanism { return NewPlain(check) }, Plain, true},
		{"LOGIN", "secret", nil, func() Mechanism { return NewLogin(check) }, Login, false},
		{"PLAIN SCRAM-SHA-256", "secret", nil, func() Mechanism { return scramServer(t, "secret", SCRAM{}) }, SCRAMSHA256, false},
		{"SCRAM-SHA-256", "wrong", nil, func() Mechanism { return scramServer(t, "secret", SCRAM{}) }, SCRAMSHA256, true},
		{"SCRAM-SHA-256-PLUS SCRAM-SHA-256", "secret", bindings, func() Mechanism { return scramServer(t, "secret", SCRAM{Plus: true, Bindings: bindings}) }, SCRAMSHA256Plus, false},
		{"SCRAM-SHA-256-PLUS", "secret", []Binding{{TLSExporter, []byte("of another")}},
			func() Mechanism { return scramServer(t, "secret", SCRAM{Plus: true, Bindings: bindings}) }, SCRAMSHA256Plus, true},
		// Somebody has taken -PLUS out of the offer.
		{"SCRAM-SHA-256", "secret", bindings, func() Mechanism { return scramServer(t, "secret", SCRAM{Bindings: bindings}) }, SCRAMSHA256, true},
	} {
		client, err := NewClient(strings.Fields(c.offered), "ann,=", c.password, c.bindings)
		if err != nil || client.Mechanism() != c.chosen {
			t.Errorf("%s: chosen is %v, %v", c.offered, client, err)
			continue
		}
		if err := exchange(client, c.server()); (err != nil) != c.fails {
			t.Errorf("%s with %q: %v", c.offered, c.password, err)
		}
	}
	if _, err := NewClient([]string{"GSSAPI"}, "ann", "secret", nil); !errors.Is(err, ErrNoMechanism) {
		t.Errorf("no mechanism: %v", err)
	}
}

// A server that does not know the password must not pass for one that does.
func TestClientMistrustsTheServer(t *testing.T) {
	start := func() (Client, string) {
		c, err := NewClient([]string{SCRAMSHA256}, "ann", "secret", nil)
		if err != nil {
			t.Fatal(err)
		}
		first, err := c.Next(nil)
		if err != nil {
			t.Fatal(err)
		}
		_, nonce, _ := bytes.Cut(first, []byte("r="))
		return c, string(nonce)
	}
	for _, challenge := range []string{
		"", "r=other,s=c2FsdA==,i=4096", "r=NONCE,s=c2FsdA==,i=4096", "r=NONCEx,s=c2FsdA==,i=1", "r=NONCEx,s=c2FsdA==,i=99999999",
		"r=NONCEx,s=!,i=4096", "r=NONCEx,s=,i=4096", "r=NONCEx,i=4096",
	} {
		c, nonce := start()
		if _, err := c.Next([]byte(strings.Replace(challenge, "NONCE", nonce, 1))); err == nil {
			t.Errorf("%q was answered", challenge)
		}
		if c.Done() == nil {
			t.Errorf("done after %q", challenge)
		}
	}
	c, nonce := start()
	if c.Done() == nil {
		t.Error("done before the exchange")
	}
	if _, err := c.Next([]byte("r=" + nonce + "x,s=c2FsdA==,i=4096")); err != nil || c.Done() == nil {
		t.Errorf("%v, or done without a signature", err)
	}
	if _, err := c.Next([]byte("v=AAAA")); !errors.Is(err, ErrProof) || c.Done() == nil {
		t.Errorf("a wrong signature: %v", err)
	}
}
