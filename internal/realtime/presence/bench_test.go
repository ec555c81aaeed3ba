package presence

import (
	"fmt"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// BenchmarkDecide reads who may hear of a signal to one person, and the circle of somebody who has 50 mutual contacts and 500.
func BenchmarkDecide(b *testing.B) {
	for _, people := range []int{50, MaxCircle} {
		w := newWorld(b, dbtest.OnSQLite(b, schema.Files)(), 0)
		for i := range people {
			id, name := mail.AccountID(1000+i), fmt.Sprint("u", i)
			w.id[name] = id
			w.must(w.tx.Write(b.Context(), nil, func(t *tx.Tx) error {
				if _, err := w.o.Directory.AddAccount(t, directory.Account{ID: id, Address: addressOf(name)}); err != nil {
					return err
				}
				return w.o.Directory.AddHome(t, id, make([]byte, 60), directory.Quota{})
			}))
			w.must(w.tx.Write(b.Context(), []mail.AccountID{100, id}, func(t *tx.Tx) error {
				if err := w.o.Contacts.Wrote(t, 100, addressOf("ann"), []contacts.Person{{Address: addressOf(name)}}); err != nil {
					return err
				}
				return w.o.Contacts.Wrote(t, id, addressOf(name), []contacts.Person{{Address: addressOf("ann")}})
			}))
		}
		s := NewSociety(w.o)
		b.Run(fmt.Sprintf("circle=%d", people), func(b *testing.B) {
			for b.Loop() {
				if circle, _, err := s.Circle(b.Context(), 100); err != nil || len(circle) != people {
					b.Fatal(len(circle), err)
				}
			}
		})
		b.Run(fmt.Sprintf("signal/circle=%d", people), func(b *testing.B) {
			for b.Loop() {
				if here, _, err := s.Recipients(b.Context(), Draft{From: 100, To: []mail.Address{addressOf("u7")}, State: Composing}); err != nil || len(here) != 1 {
					b.Fatal(len(here), err)
				}
			}
		})
	}
}
