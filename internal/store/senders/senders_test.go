package senders

import (
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func TestSenders(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		x, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		do := func(fn func(t *tx.Tx) error) {
			t.Helper()
			if err := x.Write(t.Context(), nil, fn); err != nil {
				t.Fatal(err)
			}
		}
		s := New()
		long := mail.Address{Local: strings.Repeat("b", 60), Domain: "bulk.example"}
		other := mail.Address{Local: "Bounce+ann=example.org", Domain: "bulk.example"}
		var token, again, second string
		do(func(t *tx.Tx) error {
			token, again, second = s.Keep(t, long), s.Keep(t, long), s.Keep(t, other)
			return nil
		})
		if token != again || token == second || len(token) != 16 || strings.ToUpper(token) != token {
			t.Errorf("tokens are %q, %q, %q", token, again, second)
		}
		known := func(token string) (a mail.Address, err error) {
			err = x.Read(t.Context(), func(t *tx.Tx) (err error) { a, err = s.Sender(t, token); return err })
			return a, err
		}
		for token, want := range map[string]mail.Address{token: long, second: other} {
			if a, err := known(token); err != nil || a != want {
				t.Errorf("%s is %v, %v", token, a, err)
			}
		}
		if _, err := known("x"); !mail.Is(err, mail.NotFound) {
			t.Errorf("a token that is none: %v", err)
		}
		do(func(tr *tx.Tx) error {
			tr.SQL().Queue(`UPDATE long_sender SET used = $1 WHERE token = $2`, tr.Now().Add(-Kept-1e9), token)
			more, err := s.Forget(tr)
			if more {
				t.Error("there is no more to forget")
			}
			return err
		})
		if _, err := known(token); !mail.Is(err, mail.NotFound) {
			t.Errorf("an old one: %v", err)
		}
		if _, err := known(second); err != nil {
			t.Errorf("a new one: %v", err)
		}
	})
}
