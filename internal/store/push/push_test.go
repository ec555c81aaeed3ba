package push

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const ann, bob = mail.AccountID(10), mail.AccountID(11)

// room is the store with two accounts.
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
		r.write(func(t *tx.Tx) error {
			if err := d.AddHome(t, ann, make([]byte, 60), directory.Quota{}); err != nil {
				return err
			}
			return d.AddHome(t, bob, make([]byte, 60), directory.Quota{})
		})
		test(t, r)
	})
}

func (r *room) write(fn func(*tx.Tx) error) {
	r.t.Helper()
	if err := r.tx.Write(r.t.Context(), nil, fn); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) create(sub Subscription) (out Subscription) {
	r.t.Helper()
	r.write(func(t *tx.Tx) (err error) {
		out, err = r.Create(t, sub)
		return err
	})
	return out
}

func (r *room) all(account mail.AccountID) (list []Subscription) {
	r.t.Helper()
	r.write(func(t *tx.Tx) (err error) {
		list, err = r.All(t, account)
		return err
	})
	return list
}

func TestSubscriptions(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		made := r.create(Subscription{Account: ann, Device: "phone", URL: "https://push.example.net/1", P256dh: []byte{4, 1}, Auth: []byte{1}, Types: []string{"Email", "Mailbox"}})
		other := r.create(Subscription{Account: bob, Device: "phone", URL: "https://push.example.net/2"})
		list := r.all(ann)
		if len(list) != 1 || list[0].Verified || list[0].URL != "https://push.example.net/1" || !slices.Equal(list[0].Types, []string{"Email", "Mailbox"}) || list[0].Code != made.Code {
			t.Errorf("%+v", list)
		}
		if got := r.all(bob); got[0].Types != nil || got[0].Code == made.Code || time.Until(got[0].Expires) > MaxLife+time.Minute || time.Until(got[0].Expires) < MaxLife-time.Minute {
			t.Errorf("%+v", got)
		}
		r.write(func(tx *tx.Tx) error {
			for _, wrong := range []struct {
				account mail.AccountID
				id      ID
				code    string
			}{{ann, made.ID, other.Code}, {ann, made.ID, ""}} {
				if ok, err := r.Verify(tx, wrong.account, wrong.id, wrong.code); ok || err != nil {
					t.Errorf("%v: %v, %v", wrong, ok, err)
				}
			}
			if _, err := r.Verify(tx, bob, made.ID, made.Code); !mail.Is(err, mail.NotFound) {
				t.Errorf("another's: %v", err)
			}
			ok, err := r.Verify(tx, ann, made.ID, made.Code)
			if !ok {
				t.Error("the code is not taken")
			}
			return err
		})
		soon := time.Now().Add(time.Hour).Truncate(time.Second)
		r.write(func(tx *tx.Tx) error {
			expires, err := r.Update(tx, ann, made.ID, soon, nil)
			if !expires.Equal(soon) {
				t.Errorf("expires at %v", expires)
			}
			return err
		})
		if got := r.all(ann)[0]; !got.Verified || got.Types != nil || !got.Expires.Equal(soon) {
			t.Errorf("%+v", got)
		}
		r.write(func(tx *tx.Tx) error {
			if ok, err := r.Destroy(tx, bob, made.ID); ok || err != nil {
				t.Errorf("another's is destroyed: %v", err)
			}
			ok, err := r.Destroy(tx, ann, made.ID)
			if !ok {
				t.Error("not destroyed")
			}
			return err
		})
	})
}

func TestLimits(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		for range MaxPerAccount {
			r.create(Subscription{Account: ann, URL: "https://x"})
		}
		r.create(Subscription{Account: bob, URL: "https://x"})
		for name, c := range map[string]struct {
			sub  Subscription
			want mail.Kind
		}{
			"too many":       {Subscription{Account: ann}, mail.Limit},
			"URL":            {Subscription{Account: bob, URL: strings.Repeat("x", MaxURL+1)}, mail.Invalid},
			"device":         {Subscription{Account: bob, Device: strings.Repeat("x", MaxDevice+1)}, mail.Invalid},
			"types":          {Subscription{Account: bob, Types: []string{strings.Repeat("x", MaxTypes+1)}}, mail.Invalid},
			"type with star": {Subscription{Account: bob, Types: []string{"*"}}, mail.Invalid},
			"type of two":    {Subscription{Account: bob, Types: []string{"a b"}}, mail.Invalid},
		} {
			if err := r.tx.Write(t.Context(), nil, func(t *tx.Tx) error { _, err := r.Create(t, c.sub); return err }); !mail.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestTelling(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		sub := r.create(Subscription{Account: ann, URL: "https://x"})
		ref := Ref{ann, sub.ID}
		begin := func(want bool) {
			t.Helper()
			r.write(func(tx *tx.Tx) error {
				ok, err := r.Begin(tx, sub)
				if ok != want {
					t.Errorf("begun: %v, want %v", ok, want)
				}
				return err
			})
		}
		due := func(want int) {
			t.Helper()
			r.write(func(tx *tx.Tx) error {
				list, err := r.Due(tx, 10)
				if len(list) != want {
					t.Errorf("due: %v, want %d", list, want)
				}
				return err
			})
		}
		due(0)
		begin(true)
		begin(false) // another node
		due(0)
		r.write(func(t *tx.Tx) error { _, err := r.Told(t, ref, 3, 77); return err })
		if got := r.all(ann)[0]; got.Told != 77 || got.Epoch != 3 {
			t.Errorf("%+v", got)
		}
		begin(false) // with what was new before it was told
		sub = r.all(ann)[0]
		begin(true)
		r.write(func(t *tx.Tx) error { return r.Failed(t, ref, time.Hour) })
		begin(false)
		r.write(func(t *tx.Tx) error { return r.Failed(t, ref, -time.Second) })
		due(1)
		begin(true)
		for range MaxFailures - 2 {
			r.write(func(t *tx.Tx) error { return r.Failed(t, ref, 0) })
		}
		if list := r.all(ann); len(list) != 0 {
			t.Errorf("after %d failures there is %+v", MaxFailures, list)
		}
	})
}

func TestRecover(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.create(Subscription{Account: bob, URL: "https://x"}) // not verified
		sub := r.create(Subscription{Account: ann, URL: "https://x"})
		r.write(func(t *tx.Tx) error { _, err := r.Verify(t, ann, sub.ID, sub.Code); return err })
		count := func() (n int) {
			r.write(func(t *tx.Tx) error {
				if err := r.Recover(t); err != nil {
					return err
				}
				list, err := r.Due(t, 10)
				n = len(list)
				return err
			})
			return n
		}
		if n := count(); n != 0 {
			t.Errorf("%d are owed something before anything has changed", n)
		}
		for _, account := range []mail.AccountID{ann, bob} {
			if err := r.tx.Write(t.Context(), []mail.AccountID{account}, func(t *tx.Tx) error {
				t.Changed(tx.Change{Account: account, Kind: tx.KindEmail, Op: tx.Created, Object: 1})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(); n != 1 {
			t.Errorf("%d are owed something, want the one that is verified", n)
		}
	})
}

func TestExpire(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.create(Subscription{Account: ann, URL: "https://x", Expires: time.Now().Add(-time.Minute)})
		stays := r.create(Subscription{Account: ann, URL: "https://x"})
		if list := r.all(ann); len(list) != 1 || list[0].ID != stays.ID {
			t.Errorf("what has expired is listed: %+v", list)
		}
		r.write(func(tx *tx.Tx) error {
			n, err := r.Expire(tx, 10)
			if n != 1 {
				t.Errorf("%d went", n)
			}
			return err
		})
		r.create(Subscription{Account: bob, URL: "https://x"})
		r.write(func(tx *tx.Tx) error {
			list, err := r.Accounts(tx, 0, 10)
			if !slices.Equal(list, []mail.AccountID{ann, bob}) {
				t.Errorf("accounts: %v", list)
			}
			if rest, _ := r.Accounts(tx, ann, 10); !slices.Equal(rest, []mail.AccountID{bob}) {
				t.Errorf("after Ann: %v", rest)
			}
			if err == nil {
				_, err = r.Purge(tx, bob)
			}
			return err
		})
		if len(r.all(bob)) != 0 {
			t.Error("not purged")
		}
	})
}

func TestIDs(t *testing.T) {
	for _, text := range []string{"", "P", "P0", "Q1", "1", "P-1", "PA", "P01"} {
		if id, ok := ParseID(text); ok {
			t.Errorf("%q is %d", text, id)
		}
	}
	if id, ok := ParseID(ID(12345).String()); !ok || id != 12345 {
		t.Error(id)
	}
}
