package directory

import (
	"fmt"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Whose an address is: the one account's that it leads to, and nobody's where several or none do, or something is switched off.
func TestHolders(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Store = New(Options{Hostname: "MX.Host.example", Forwarding: true})
		w.domain("a.example", "b.example", "off.example")
		w.account(10, "ann@a.example")
		w.account(11, "bob@b.example")
		w.account(12, "carl@a.example")
		w.account(13, "dora@off.example")
		w.alias("a@b.example", "ann@a.example")
		w.alias("both@a.example", "ann@a.example", "bob@b.example")
		w.alias("mixed@a.example", "ann@a.example", "x@elsewhere.example")
		w.alias("away@a.example", "x@elsewhere.example")
		w.alias("d@a.example", "dora@off.example")
		w.do(func(t *tx.Tx) error {
			if _, err := w.AddGroup(t, Group{Address: addr("team@a.example"), Policy: PostAnyone}); err != nil {
				return err
			}
			if err := w.SetCatchAll(t, "a.example", addr("ann@a.example")); err != nil {
				return err
			}
			if err := w.SetDomainDisabled(t, "off.example", true); err != nil {
				return err
			}
			return w.SetDisabled(t, 12, true)
		})
		want := map[string]mail.AccountID{"ann@a.example": 10, "ANN@a.example": 10, "bob@b.example": 11, "a@b.example": 10,
			"carl@a.example": 0, "dora@off.example": 0, "both@a.example": 0, "mixed@a.example": 0, "away@a.example": 0, "d@a.example": 0,
			"team@a.example": 0, "nobody@a.example": 0, "ann+tag@a.example": 0, "x@elsewhere.example": -1}
		var asked []mail.Address
		for text := range want {
			asked = append(asked, addr(text))
		}
		for i := range 2 * holderPage { // several questions
			asked = append(asked, addr(fmt.Sprintf("u%d@a.example", i)))
		}
		w.do(func(x *tx.Tx) error {
			got, err := w.Holders(x, asked)
			for text, id := range want {
				if at, ours := got[addr(text)]; at != max(id, 0) || ours != (id >= 0) {
					t.Errorf("%s is %v's, ours: %v", text, at, ours)
				}
			}
			if len(got) != len(asked)-1 {
				t.Errorf("%d of %d are ours", len(got), len(asked))
			}
			if none, err := w.Holders(x, nil); err != nil || len(none) != 0 {
				t.Errorf("of none: %v, %v", none, err)
			}
			return err
		})
	})
}

func TestAddressesOf(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Store = New(Options{Hostname: "MX.Host.example", Forwarding: true})
		w.domain("a.example")
		w.account(10, "ann@a.example")
		w.account(11, "bob@a.example")
		w.alias("a@a.example", "ann@a.example")
		w.alias("both@a.example", "ann@a.example", "bob@a.example")
		w.alias("mixed@a.example", "ann@a.example", "x@elsewhere.example")
		for id, want := range map[mail.AccountID]string{10: "[ann@a.example a@a.example]", 11: "[bob@a.example]", 12: "[]"} {
			w.do(func(x *tx.Tx) error {
				got, err := w.AddressesOf(x, id)
				if fmt.Sprint(got) != want {
					t.Errorf("those of %v are %v, want %s", id, got, want)
				}
				return err
			})
		}
	})
}
