package directory

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func TestSendsAs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.forwarding = true
		w.domain("example.org", "other.example", "off.example")
		w.account(1, "Ann@example.org")
		w.account(2, "bob@example.org")
		w.account(3, "off@example.org")
		w.alias("a@example.org", "ann@example.org")
		w.alias("a.chained@other.example", "a@example.org")
		w.alias("team@example.org", "ann@example.org", "bob@example.org")
		w.alias("teamof@example.org", "team@example.org")
		w.alias("withoff@example.org", "ann@example.org", "off@example.org")
		w.alias("away@example.org", "ann@example.org", "ann@elsewhere.example")
		w.alias("ann@off.example", "ann@example.org")
		w.alias("postmaster@other.example", "bob@example.org")
		w.alias("list+x@example.org", "bob@example.org")
		w.do(func(t *tx.Tx) error { return w.SetCatchAll(t, "example.org", addr("ann@example.org")) })
		w.do(func(t *tx.Tx) error { return w.SetDomainDisabled(t, "off.example", true) })
		w.do(func(t *tx.Tx) error { return w.SetDisabled(t, 3, true) })
		for address, want := range map[string][2]bool{ // ann, bob
			"ann@example.org":               {true, false},
			"ANN@EXAMPLE.ORG":               {true, false},
			"ann+shop@example.org":          {true, false},
			"a@example.org":                 {true, false},
			"a+b@example.org":               {true, false},
			"a.chained@other.example":       {true, false},
			"bob@example.org":               {false, true},
			"list+x@example.org":            {false, true},
			"postmaster@other.example":      {false, true},
			"list@example.org":              {},
			"team@example.org":              {},
			"team+x@example.org":            {},
			"teamof@example.org":            {},
			"withoff@example.org":           {},
			"away@example.org":              {},
			"ann@off.example":               {},
			"postmaster@example.org":        {},
			"abuse@other.example":           {},
			"anybody@example.org":           {},
			"off@example.org":               {},
			"ann@elsewhere.example":         {},
			"ann@[192.0.2.1]":               {},
			"ann@sub.example.org":           {},
			`"ann@example.org"@x.example`:   {},
			"ann%example.org@other.example": {},
		} {
			for i, want := range want {
				w.do(func(t *tx.Tx) error {
					got, err := w.SendsAs(t, mail.AccountID(i+1), addr(address))
					if got != want {
						w.t.Errorf("account %d sends as %s: %v, want %v", i+1, address, got, want)
					}
					return err
				})
			}
		}
	})
}
