package dkimkeys

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

type world struct {
	t *testing.T
	*Store
	tx *tx.Store
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		x, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		test(t, &world{t, s, x})
	})
}

func (w *world) try(fn func(*tx.Tx) error) error {
	w.t.Helper()
	return w.tx.Write(w.t.Context(), nil, fn)
}

func (w *world) do(fn func(*tx.Tx) error) {
	w.t.Helper()
	if err := w.try(fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) draw(domain string) []Drawn {
	w.t.Helper()
	d, err := w.Draw(domain)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// begin gives a domain keys.
func (w *world) begin(domain string) {
	w.t.Helper()
	active, next := w.draw(domain), w.draw(domain)
	w.do(func(t *tx.Tx) error { return w.Begin(t, domain, active, next) })
}

func (w *world) keys(domain string) (keys []Key) {
	w.t.Helper()
	w.do(func(t *tx.Tx) (err error) { keys, err = w.Keys(t, domain); return err })
	return keys
}

// states are the selectors of a domain by state.
func (w *world) states(domain string) map[State][]string {
	out := map[State][]string{}
	for _, k := range w.keys(domain) {
		out[k.State] = append(out[k.State], k.Selector)
	}
	for _, list := range out {
		slices.Sort(list)
	}
	return out
}

func TestBegin(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.begin("example.org")
		before := fmt.Sprint(w.states("example.org"))
		w.begin("example.org")
		if after := fmt.Sprint(w.states("example.org")); after != before {
			t.Errorf("keys were %s and are %s after a second beginning", before, after)
		}
		w.begin("other.example")
		keys := w.keys("example.org")
		if len(keys) != 4 || keys[0].State != Active || keys[3].State != Next {
			t.Fatalf("keys are %+v", keys)
		}
		for _, k := range keys {
			if !strings.HasPrefix(k.Record, "v=DKIM1; k="+string(k.Algorithm)+"; p=") || k.RecordName() != k.Selector+"._domainkey.example.org" || k.Created.IsZero() {
				t.Errorf("a key is %+v", k)
			}
		}
	})
}

// What was next signs, what signed is kept until nobody needs it, and new ones wait.
func TestRotate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		drawn := w.draw("example.org")
		if err := w.try(func(t *tx.Tx) error { return w.Rotate(t, "example.org", drawn, true) }); !mail.Is(err, mail.NotFound) {
			t.Errorf("rotating nothing: %v", err)
		}
		w.begin("example.org")
		w.begin("other.example")
		before, others := w.states("example.org"), fmt.Sprint(w.states("other.example"))
		if err := w.try(func(t *tx.Tx) error { return w.Rotate(t, "example.org", drawn, false) }); !mail.Is(err, mail.Conflict) {
			t.Errorf("fresh keys are made active: %v", err)
		}
		w.do(func(t *tx.Tx) error {
			t.SQL().Queue(`UPDATE dkim_key SET changed = $1`, t.Now().Add(-Settled-time.Minute))
			return nil
		})
		w.do(func(t *tx.Tx) error { return w.Rotate(t, "example.org", drawn, false) })
		after := w.states("example.org")
		if !slices.Equal(after[Active], before[Next]) || !slices.Equal(after[Retired], before[Active]) || len(after[Next]) != 2 {
			t.Errorf("before %v, after %v", before, after)
		}
		if got := fmt.Sprint(w.states("other.example")); got != others {
			t.Errorf("another domain had %s and has %s", others, got)
		}
		w.do(func(t *tx.Tx) error { return w.Forget(t) })
		if got := w.states("example.org"); len(got[Retired]) != 2 {
			t.Errorf("forgotten at once: %v", got)
		}
		w.do(func(t *tx.Tx) error {
			t.SQL().Queue(`UPDATE dkim_key SET changed = $1`, t.Now().Add(-RetiredKept-time.Minute))
			return w.Forget(t)
		})
		if got := w.states("example.org"); len(got[Retired]) != 0 || len(got[Active]) != 2 || len(got[Next]) != 2 {
			t.Errorf("left are %v", got)
		}
		w.do(func(t *tx.Tx) error { return w.RemoveDomain(t, "example.org") })
		if got := w.keys("example.org"); len(got) != 0 || fmt.Sprint(w.states("other.example")) != others {
			t.Errorf("left of a removed domain are %v", got)
		}
	})
}

// Only the active keys sign; the private ones are not in the database in clear, and open nowhere else.
func TestSigning(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.begin("example.org")
		w.begin("other.example")
		var keys, none []dkim.Key
		read := func(s *Store) error {
			return w.tx.Read(t.Context(), func(t *tx.Tx) (err error) {
				if keys, err = s.Signing(t, "example.org"); err == nil {
					none, err = s.Signing(t, "nowhere.example")
				}
				return err
			})
		}
		if err := read(w.Store); err != nil || len(keys) != 2 || len(none) != 0 {
			t.Fatalf("%d keys sign, and %d of nobody: %v", len(keys), len(none), err)
		}
		active := w.states("example.org")[Active]
		for i, k := range keys {
			record, err := dkim.Record(k.Private.Public())
			if k.Selector != active[i] || k.Domain != "example.org" || err != nil || !slices.ContainsFunc(w.keys("example.org"), func(other Key) bool { return other.Selector == k.Selector && other.Record == record }) {
				t.Errorf("the key %s signs for %s, %v", k.Selector, k.Domain, err)
			}
			der, err := dkim.Marshal(k.Private)
			if err != nil {
				t.Fatal(err)
			}
			w.do(func(tr *tx.Tx) error {
				var sealed []byte
				err := tr.SQL().QueryRow(`SELECT sealed FROM dkim_key WHERE selector = $1`, k.Selector).Scan(&sealed)
				if bytes.Contains(sealed, der[len(der)-16:]) {
					t.Error("a private key is kept in clear")
				}
				return err
			})
		}
		other, err := New(bytes.Repeat([]byte{1}, 32))
		if err != nil {
			t.Fatal(err)
		}
		if err := read(other); err == nil || !strings.Contains(err.Error(), "master key") {
			t.Errorf("another server's master key: %v", err)
		}
		fresh, err := New(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		w.do(func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE dkim_key SET sealed = (SELECT sealed FROM dkim_key WHERE domain = 'other.example' AND state = 'active' AND algorithm = 'rsa')
				WHERE domain = 'example.org'`)
			return err
		})
		if err := read(fresh); err == nil {
			t.Error("a key signs in the place of another")
		}
	})
}
