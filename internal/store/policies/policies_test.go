package policies

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/mtasts"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func TestRemembered(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		x, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		s := New()
		do := func(fn func(*tx.Tx) error) {
			t.Helper()
			if err := x.Write(t.Context(), nil, fn); err != nil {
				t.Fatal(err)
			}
		}
		long := mtasts.Policy{Mode: mtasts.Enforce, Hosts: []string{"*.b.example"}, MaxAge: 30 * 24 * time.Hour}
		short := mtasts.Policy{Mode: mtasts.Testing, Hosts: []string{"mx.c.example"}, MaxAge: time.Hour}
		over := mtasts.Policy{Mode: mtasts.None}
		do(func(t *tx.Tx) error {
			for domain, p := range map[string]mtasts.Policy{"b.example": short, "c.example": short, "d.example": over} {
				if err := s.Set(t, domain, "1", p); err != nil {
					return err
				}
			}
			return s.Set(t, "b.example", "2", long)
		})
		do(func(t *tx.Tx) error { return s.Fail(t, "c.example", "no answer") })
		do(func(t *tx.Tx) error { return s.Fail(t, "unknown.example", "no answer") })
		do(func(tr *tx.Tx) error {
			b, err := s.Get(tr, "b.example")
			if err != nil || b.ID != "2" || !reflect.DeepEqual(b.Policy, long) || b.Failed != "" || b.Expires().Sub(tr.Now()) < 29*24*time.Hour {
				t.Errorf("b: %+v, %v", b, err)
			}
			if c, err := s.Get(tr, "c.example"); err != nil || c.Failed != "no answer" || c.Tried.Before(c.Fetched) || c.Policy.Mode != mtasts.Testing {
				t.Errorf("c: %+v, %v", c, err)
			}
			if _, err := s.Get(tr, "unknown.example"); !mail.Is(err, mail.NotFound) {
				t.Errorf("an unknown domain: %v", err)
			}
			soon := tr.Now().Add(24 * time.Hour)
			if found, err := s.Renewable(tr, soon, tr.Now().Add(time.Second), 10); err != nil || !slices.Contains(found, "c.example") || slices.Contains(found, "b.example") {
				t.Errorf("to be renewed: %v, %v", found, err)
			}
			if found, err := s.Renewable(tr, soon, tr.Now().Add(-time.Hour), 10); err != nil || len(found) != 0 {
				t.Errorf("to be renewed again: %v, %v", found, err)
			}
			return nil
		})
		for gone := int64(0); gone == 0; { // d.example ends with the millisecond in which it came
			do(func(t *tx.Tx) (err error) { gone, err = s.Forget(t, 10); return err })
		}
		do(func(tr *tx.Tx) error {
			if _, err := s.Get(tr, "d.example"); !mail.Is(err, mail.NotFound) {
				t.Errorf("what has expired: %v", err)
			}
			_, err := s.Get(tr, "c.example")
			return err
		})
	})
}
