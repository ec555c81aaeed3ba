package identities

import (
	"reflect"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const ann, bob = mail.AccountID(10), mail.AccountID(11)

type room struct {
	*Store
	t  *testing.T
	tx *tx.Store
}

func each(t *testing.T, test func(t *testing.T, r *room)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		x, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		r := &room{New(), t, x}
		d := directory.New(directory.Options{})
		for _, id := range []mail.AccountID{ann, bob} {
			if err := x.Write(t.Context(), nil, func(t *tx.Tx) error { return d.AddHome(t, id, make([]byte, 60), directory.Quota{}) }); err != nil {
				t.Fatal(err)
			}
		}
		test(t, r)
	})
}

func (r *room) write(account mail.AccountID, fn func(*tx.Tx) error) error {
	return r.tx.Write(r.t.Context(), []mail.AccountID{account}, fn)
}

func (r *room) list(account mail.AccountID) (list []Identity, last mail.ModSeq) {
	r.t.Helper()
	err := r.tx.Read(r.t.Context(), func(t *tx.Tx) (err error) {
		if list, err = r.List(t, account); err == nil {
			last, err = t.LastOf(account, tx.KindIdentity)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return list, last
}

func TestIdentities(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := Identity{Name: "Ann", Email: "ann@example.org", Settings: Settings{ReplyTo: []Address{{"A", "a@b.example"}}, TextSignature: "--", HTMLSignature: "<p>"}}
		must(t, r.write(ann, func(t *tx.Tx) (err error) { i.ID, err = r.Add(t, ann, i); return err }))
		if list, last := r.list(ann); len(list) != 1 || !reflect.DeepEqual(list[0], i) || last == 0 {
			t.Fatalf("%+v %d", list, last)
		}
		i.Name, i.Settings = "A.", Settings{}
		must(t, r.write(ann, func(t *tx.Tx) error { return r.Set(t, ann, i) }))
		if list, _ := r.list(ann); !reflect.DeepEqual(list[0], i) {
			t.Errorf("%+v", list)
		}
		for name, fn := range map[string]func(t *tx.Tx) error{
			"set":    func(t *tx.Tx) error { return r.Set(t, bob, i) },
			"remove": func(t *tx.Tx) error { return r.Remove(t, bob, i.ID) },
		} {
			if err := r.write(bob, fn); !mail.Is(err, mail.NotFound) {
				t.Errorf("%s another's: %v", name, err)
			}
		}
		large := Identity{Settings: Settings{TextSignature: strings.Repeat("x", MaxBytes)}}
		if err := r.write(ann, func(t *tx.Tx) error { _, err := r.Add(t, ann, large); return err }); !mail.Is(err, mail.Limit) {
			t.Errorf("large: %v", err)
		}
		must(t, r.write(ann, func(t *tx.Tx) error { return r.Remove(t, ann, i.ID) }))
		err := r.write(ann, func(t *tx.Tx) error {
			for range MaxPerAccount + 1 {
				if _, err := r.Add(t, ann, i); err != nil {
					return err
				}
			}
			return nil
		})
		if list, _ := r.list(ann); !mail.Is(err, mail.Limit) || len(list) != 0 {
			t.Errorf("too many: %v, %d", err, len(list))
		}
	})
}

// Standard identities follow the addresses; what a user has made of one stays as long as the address does.
func TestSync(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		a, b := mail.Address{Local: "ann", Domain: "example.org"}, mail.Address{Local: "alias", Domain: "example.org"}
		sync := func(own ...mail.Address) []Identity {
			t.Helper()
			must(t, r.write(ann, func(t *tx.Tx) error { return r.Sync(t, ann, own, "Ann") }))
			list, _ := r.list(ann)
			if !Current(list, own) {
				t.Errorf("%+v is not current", list)
			}
			return list
		}
		list := sync(a, b)
		if len(list) != 2 || list[0].Email != "ann@example.org" || list[0].Name != "Ann" || !list[1].Standard || Current(list, []mail.Address{a}) || Current(nil, []mail.Address{a}) {
			t.Fatalf("%+v", list)
		}
		list[0].TextSignature = "mine"
		must(t, r.write(ann, func(t *tx.Tx) error { return r.Set(t, ann, list[0]) }))
		if err := r.write(ann, func(t *tx.Tx) error { return r.Remove(t, ann, list[0].ID) }); !mail.Is(err, mail.Denied) {
			t.Errorf("a standard one is removed: %v", err)
		}
		_, before := r.list(ann)
		if again := sync(a, b); again[0].TextSignature != "mine" {
			t.Errorf("%+v", again)
		}
		if _, after := r.list(ann); after != before {
			t.Error("nothing has changed, and is logged")
		}
		if list = sync(a); len(list) != 1 {
			t.Errorf("%+v", list)
		}
		must(t, r.write(ann, func(t *tx.Tx) error { _, err := r.Purge(t, ann); return err }))
		if list, _ := r.list(ann); len(list) != 0 {
			t.Errorf("%+v", list)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
