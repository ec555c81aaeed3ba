package sasl

import (
	"errors"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// asked records what a mechanism asked its function.
type asked struct{ authzid, user, password string }

var errWrong = mail.E("test", mail.Denied, errors.New("wrong password"))

func checker(got *[]asked) CheckPassword {
	return func(authzid, user, password string) error {
		*got = append(*got, asked{authzid, user, password})
		if password == "wrong" {
			return errWrong
		}
		return nil
	}
}

func TestPasswordMechanisms(t *testing.T) {
	const none = "\x00none" // no response at all
	for _, c := range []struct {
		name       string
		mechanism  func(CheckPassword) Mechanism
		responses  []string
		challenges []string // of each response but the last
		asked      *asked
		err        mail.Kind // with an error
		fails      bool
	}{
		{"plain at once", NewPlain, []string{"\x00ann\x00secret"}, nil, &asked{"", "ann", "secret"}, "", false},
		{"plain asked for", NewPlain, []string{none, "\x00ann\x00secret"}, []string{""}, &asked{"", "ann", "secret"}, "", false},
		{"plain for another", NewPlain, []string{"bob\x00ann\x00secret"}, nil, &asked{"bob", "ann", "secret"}, "", false},
		{"plain in UTF-8", NewPlain, []string{"\x00ønn\x00sécret"}, nil, &asked{"", "ønn", "sécret"}, "", false},
		{"plain wrong", NewPlain, []string{"\x00ann\x00wrong"}, nil, &asked{"", "ann", "wrong"}, mail.Denied, true},
		{"plain empty", NewPlain, []string{""}, nil, nil, mail.Invalid, true},
		{"plain no password", NewPlain, []string{"\x00ann\x00"}, nil, nil, mail.Invalid, true},
		{"plain no user", NewPlain, []string{"\x00\x00secret"}, nil, nil, mail.Invalid, true},
		{"plain one NUL", NewPlain, []string{"ann\x00secret"}, nil, nil, mail.Invalid, true},
		{"plain three NUL", NewPlain, []string{"\x00ann\x00sec\x00ret"}, nil, nil, mail.Invalid, true},
		{"plain not UTF-8", NewPlain, []string{"\x00ann\x00\xff"}, nil, nil, mail.Invalid, true},
		{"plain too long", NewPlain, []string{"\x00ann\x00" + strings.Repeat("x", MaxResponse)}, nil, nil, mail.Invalid, true},
		{"login", NewLogin, []string{none, "ann", "secret"}, []string{"Username:", "Password:"}, &asked{"", "ann", "secret"}, "", false},
		{"login with initial response", NewLogin, []string{"ann", "secret"}, []string{"Password:"}, &asked{"", "ann", "secret"}, "", false},
		{"login wrong", NewLogin, []string{"ann", "wrong"}, []string{"Password:"}, &asked{"", "ann", "wrong"}, mail.Denied, true},
		{"login no user", NewLogin, []string{none, ""}, []string{"Username:"}, nil, mail.Invalid, true},
		{"login no password", NewLogin, []string{"ann", ""}, []string{"Password:"}, nil, mail.Invalid, true},
		{"login NUL", NewLogin, []string{"ann\x00x"}, nil, nil, mail.Invalid, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []asked
			m := c.mechanism(checker(&got))
			for i, r := range c.responses {
				var response []byte
				if r != none {
					response = []byte(r)
				}
				challenge, done, err := m.Next(response)
				if last := i == len(c.responses)-1; !last {
					if err != nil || done || string(challenge) != c.challenges[i] {
						t.Fatalf("response %d: %q, %v, %v; want the challenge %q", i, challenge, done, err, c.challenges[i])
					}
				} else if done == c.fails || (err != nil) != c.fails || c.fails && !mail.Is(err, c.err) {
					t.Fatalf("the end: done %v, %v", done, err)
				}
			}
			if (c.asked == nil) != (len(got) == 0) || c.asked != nil && (len(got) != 1 || got[0] != *c.asked) {
				t.Errorf("asked %+v, want %+v", got, c.asked)
			}
			if _, done, err := m.Next([]byte("\x00ann\x00secret")); done || err == nil {
				t.Error("an exchange goes on after its end")
			}
		})
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"\x00ann\x00secret", "a\x00b\x00c", "\x00\x00", "", "\x00\x00\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, response []byte) {
		var got []asked
		_, done, err := NewPlain(checker(&got)).Next(response)
		if response == nil {
			return
		}
		if done != (err == nil) {
			t.Fatalf("done %v with %v", done, err)
		}
		if done && got[0].authzid+"\x00"+got[0].user+"\x00"+got[0].password != string(response) {
			t.Fatalf("%q was read as %+v", response, got)
		}
	})
}
