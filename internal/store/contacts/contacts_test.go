package contacts

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// accounts are those of each test's world.
var accounts = []mail.AccountID{10, 11, 12}

type world struct {
	t testing.TB
	*Store
	tx *tx.Store
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) { test(t, newWorld(t, open())) })
}

func newWorld(t testing.TB, d *db.DB) *world {
	x, err := tx.New(t.Context(), tx.Options{DB: d})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Write(t.Context(), 0, func(d *db.Tx) error {
		for _, id := range accounts {
			d.Queue(`INSERT INTO account (id, state, epoch, modseq, log_floor, last_uidvalidity, quota_bytes, quota_messages,
				used_bytes, used_messages, wrapped_key) VALUES ($1, 'here', 1, 0, 0, 0, 0, 0, 0, 0, $2)`, id, []byte{1})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, New(), x}
}

func (w *world) try(fn func(*tx.Tx) error) error {
	return w.tx.Write(w.t.Context(), accounts, fn)
}

func (w *world) do(fn func(*tx.Tx) error) {
	w.t.Helper()
	if err := w.try(fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) ask(fn func(*tx.Tx) error) {
	w.t.Helper()
	if err := w.tx.Read(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func address(local string) mail.Address { return mail.Address{Local: local, Domain: "example.org"} }

func people(locals ...string) (out []Person) {
	for _, l := range locals {
		out = append(out, Person{Address: address(l)})
	}
	return out
}

func (w *world) wrote(account mail.AccountID, own string, to ...string) {
	w.t.Helper()
	w.do(func(t *tx.Tx) error { return w.Wrote(t, account, address(own), people(to...)) })
}

func (w *world) of(account mail.AccountID, local string) (c Contact) {
	w.t.Helper()
	w.ask(func(t *tx.Tx) (err error) { c, err = w.Of(t, account, address(local)); return err })
	return c
}

// age lets time pass for the contacts of all accounts.
func (w *world) age(d time.Duration) {
	w.t.Helper()
	w.do(func(t *tx.Tx) error {
		_, err := t.SQL().Exec(`UPDATE contact SET wrote = wrote - $1`, d.Milliseconds())
		return err
	})
}

// changes are the lines of an account's log: operation and address.
func (w *world) changes(account mail.AccountID) (out []string) {
	w.t.Helper()
	w.do(func(t *tx.Tx) error {
		out = nil
		return t.Changes(account, 0, func(c tx.Change) bool {
			out = append(out, fmt.Sprintf("%d%d %v", c.Kind, c.Op, ID(c.Object)))
			return true
		})
	})
	return out
}

// Who is written to is a contact; days are counted, not messages, and what is no news writes nothing.
func TestWrote(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(func(t *tx.Tx) error {
			return w.Wrote(t, 10, address("ann"), []Person{{address("Bob"), "Bob\r\n  \u202eB. "}, {address("bob"), "again"}, {address("carl"), ""}})
		})
		bob := w.of(10, "BOB")
		if bob.Days != 1 || bob.Name != "Bob B." || bob.Address != address("Bob") || !bob.Known() || bob.Wrote.IsZero() || w.of(11, "bob").Days != 0 {
			t.Errorf("bob is %+v", bob)
		}
		w.wrote(10, "ann", "bob", "carl")
		if got := w.changes(10); len(got) != 2 {
			t.Errorf("a second message on one day is a change: %v", got)
		}
		w.age(Day)
		w.wrote(10, "ann", "bob")
		w.wrote(10, "ann.other", "bob")
		if bob := w.of(10, "bob"); bob.Days != 2 || len(bob.own) != 2 || bob.own[0] != IDOf(address("ann.other")) {
			t.Errorf("on another day: %+v", bob)
		}
		w.do(func(t *tx.Tx) error { return w.Wrote(t, 10, address("ann"), []Person{{address("carl"), "Carl"}}) })
		if c := w.of(10, "carl"); c.Name != "Carl" {
			t.Errorf("a name that comes later: %+v", c)
		}
		id := func(op int, local string) string {
			return fmt.Sprintf("%d%d %v", tx.KindContact, op, IDOf(address(local)))
		}
		want := []string{id(1, "bob"), id(1, "carl"), id(2, "bob"), id(2, "bob"), id(2, "carl")}
		if got := w.changes(10); !slices.Equal(got, want) {
			t.Errorf("changes %v, want %v", got, want)
		}
	})
}

func TestAMailingMakesNoContacts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var many []string
		for i := range MaxPeople + 1 {
			many = append(many, fmt.Sprint("u", i))
		}
		w.wrote(10, "ann", many...)
		if got := w.changes(10); len(got) != 0 {
			t.Errorf("%d contacts", len(got))
		}
		w.wrote(10, "ann", many[:MaxPeople]...)
		if got := w.changes(10); len(got) != MaxPeople {
			t.Errorf("%d contacts of the most people a message may have", len(got))
		}
	})
}

// The addresses an account writes from are bounded; the one used last stays.
func TestOwnAddressesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range maxOwn + 3 {
			w.wrote(10, fmt.Sprint("own", i), "bob")
		}
		if bob := w.of(10, "bob"); len(bob.own) != maxOwn || bob.own[0] != IDOf(address(fmt.Sprint("own", maxOwn+2))) {
			t.Errorf("%d addresses", len(bob.own))
		}
	})
}

// What delivery learns of a sender, and what it keeps: the name of somebody known who has none yet.
func TestHeard(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.wrote(10, "ann", "carl")
		w.do(func(t *tx.Tx) error {
			_, err := w.Add(t, 11, Contact{Address: address("carl"), Blocked: true})
			return err
		})
		var got map[mail.AccountID]Contact
		w.do(func(t *tx.Tx) (err error) {
			got, err = w.Heard(t, Person{address("CARL"), "Carl"}, accounts)
			return err
		})
		if len(got) != 2 || got[10].Blocked || got[10].Days != 1 || !got[11].Blocked {
			t.Errorf("heard of %+v", got)
		}
		if w.of(10, "carl").Name != "Carl" || w.of(11, "carl").Name != "" || len(w.changes(10)) != 2 || len(w.changes(12)) != 0 {
			t.Error("the name is not kept, or for somebody who did not want it")
		}
		w.do(func(t *tx.Tx) error {
			got, err := w.Heard(t, Person{}, accounts)
			if len(got) != 0 {
				w.t.Errorf("mail from nobody: %v", got)
			}
			return err
		})
	})
}

func TestAddChangeRemove(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		add := func(c Contact) error {
			return w.try(func(t *tx.Tx) (err error) { _, err = w.Add(t, 10, c); return err })
		}
		change := func(c Contact) error {
			return w.try(func(t *tx.Tx) (err error) { _, err = w.Change(t, 10, c); return err })
		}
		remove := func(id ID) error { return w.try(func(t *tx.Tx) error { return w.Remove(t, 10, id) }) }
		id := IDOf(address("bob"))
		w.wrote(10, "ann", "carl")
		for what, c := range map[string]struct {
			got  error
			want mail.Kind
		}{
			"new":            {add(Contact{Address: address("bob"), Name: "Bob", Accepted: true, Pierces: true, Days: 7}), ""},
			"no domain":      {add(Contact{Address: mail.Address{Local: "postmaster"}}), mail.Invalid},
			"name of lines":  {add(Contact{Address: address("x"), Name: "a\nb"}), mail.Invalid},
			"name too long":  {add(Contact{Address: address("x"), Name: strings.Repeat("ä", MaxName/2+1)}), mail.Invalid},
			"no such choice": {add(Contact{Address: address("x"), Shown: Known}), mail.Invalid},
			"to change none": {change(Contact{ID: 5}), mail.NotFound},
			"to remove none": {remove(5), mail.NotFound},
		} {
			if mail.KindOf(c.got) != c.want || c.want == "" && c.got != nil {
				t.Errorf("%s: %v", what, c.got)
			}
		}
		if err := add(Contact{Address: address("BOB")}); !mail.Is(err, mail.Exists) {
			t.Errorf("twice: %v", err)
		}
		if bob := w.of(10, "bob"); bob.ID != id || bob.Days != 0 || !bob.Accepted || !bob.Pierces || !bob.Known() {
			t.Errorf("bob is %+v", bob)
		}
		if err := change(Contact{ID: id, Blocked: true, Accepted: true, Shown: Always}); err != nil {
			t.Error(err)
		}
		if bob := w.of(10, "bob"); !bob.Blocked || bob.Known() || bob.Pierces || bob.Name != "" || bob.Shown != Always {
			t.Errorf("changed, bob is %+v", bob)
		}
		if err := remove(id); err != nil || w.of(10, "bob").Blocked {
			t.Errorf("removed: %v", err)
		}
		if err := remove(IDOf(address("carl"))); err != nil || w.of(10, "carl").Days != 0 {
			t.Errorf("removed: %v", err)
		}
	})
}

func TestIDs(t *testing.T) {
	id := IDOf(address("ann"))
	if got, err := ParseID(id.String()); err != nil || got != id || id <= 0 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "C", "c1", "C-1", "C0", "C01", "C+1", "CZZ", "A1", "C" + strings.Repeat("z", 20)} {
		if _, err := ParseID(bad); !mail.Is(err, mail.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSetting(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.wrote(10, "ann", "known")
		w.do(func(t *tx.Tx) error {
			_, err := w.Add(t, 10, Contact{Address: address("blocked"), Blocked: true, Shown: Always})
			_, err2 := w.Add(t, 10, Contact{Address: address("never"), Accepted: true, Shown: Never})
			_, err3 := w.Add(t, 10, Contact{Address: address("always"), Shown: Always})
			return firstOf(err, err2, err3)
		})
		for _, c := range []struct {
			displayed Consent
			want      string
		}{{AsAccount, "known always"}, {Never, "always"}, {Known, "known always"}, {Always, "known stranger always"}} {
			want := DefaultSetting
			if c.displayed != AsAccount {
				want = Setting{Reading: true, Displayed: c.displayed}
				w.do(func(t *tx.Tx) error { return w.SetSetting(t, 10, want) })
			}
			var shown []string
			w.do(func(t *tx.Tx) error {
				shown = nil
				for _, who := range []string{"known", "stranger", "blocked", "never", "always"} {
					ok, err := w.Shows(t, 10, address(who))
					if err != nil {
						return err
					}
					if ok {
						shown = append(shown, who)
					}
				}
				got, err := w.Setting(t, 10)
				if got != want {
					w.t.Errorf("setting %+v, want %+v", got, want)
				}
				return err
			})
			if got := strings.Join(shown, " "); got != c.want {
				t.Errorf("%d: shown to %q, want %q", c.displayed, got, c.want)
			}
		}
		if err := w.try(func(t *tx.Tx) error { return w.SetSetting(t, 10, Setting{}) }); !mail.Is(err, mail.Invalid) {
			t.Errorf("nobody chosen: %v", err)
		}
	})
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// complete is what a composer asks for by Contact/query.
func (w *world) complete(t *tx.Tx, account mail.AccountID, text string) ([]Contact, error) {
	list, err := w.Recent(t, account, MaxSearched)
	words := Words(text)
	list = slices.DeleteFunc(list, func(c Contact) bool { return !c.Known() || !c.Matches(words) })
	Near(list, t.Now())
	return list, err
}

func TestComplete(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(func(t *tx.Tx) error {
			return w.Wrote(t, 10, address("ann"), []Person{{address("old.friend"), "Zoé Müller"}, {address("zoe2"), ""}})
		})
		for range 9 {
			w.age(Day)
			w.wrote(10, "ann", "old.friend")
		}
		w.age(14 * 24 * time.Hour)
		w.wrote(10, "ann", "new.zoe", "mzoe")
		w.do(func(t *tx.Tx) error {
			_, err := w.Add(t, 10, Contact{Address: address("zoe3"), Accepted: true})
			_, err2 := w.Add(t, 10, Contact{Address: address("zoe4"), Accepted: true, Blocked: true})
			_, err3 := w.Add(t, 10, Contact{Address: address("zoe5")})
			return firstOf(err, err2, err3)
		})
		for text, want := range map[string]string{
			"zoe":        "old.friend new.zoe zoe2 zoe3",
			"MULLER zoé": "old.friend",
			"friend":     "old.friend",
			"uller":      "",
			"zoe fred":   "",
			"":           "old.friend mzoe new.zoe zoe2 zoe3",
			"example.or": "old.friend mzoe new.zoe zoe2 zoe3",
		} {
			var got []string
			w.do(func(t *tx.Tx) error {
				list, err := w.complete(t, 10, text)
				got = nil
				for _, c := range list {
					got = append(got, c.Address.Local)
				}
				return err
			})
			if strings.Join(got, " ") != want {
				t.Errorf("%q: %v, want %q", text, got, want)
			}
		}
	})
}

func TestPurge(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.wrote(10, "ann", "bob", "carl")
		w.wrote(11, "bob", "ann")
		w.do(func(t *tx.Tx) error {
			more, err := w.Purge(t, 10)
			if more {
				w.t.Error("there is more to purge")
			}
			return err
		})
		if w.of(10, "bob").Days != 0 || w.of(11, "ann").Days != 1 {
			t.Error("not purged, or another account's")
		}
	})
}

// Who blocks whom, asked for many; and what many have chosen.
func TestBlockersAndSettings(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var revoked []mail.AccountID
		w.OnRevoked(func(account mail.AccountID) { revoked = append(revoked, account) })
		w.wrote(10, "ann", "bob")
		w.wrote(11, "bob", "ann")
		w.do(func(t *tx.Tx) error {
			_, err := w.Add(t, 11, Contact{Address: address("ann2"), Blocked: true})
			_, err2 := w.Add(t, 12, Contact{Address: address("bob"), Blocked: true})
			_, err3 := w.Change(t, 10, Contact{ID: IDOf(address("bob")), Name: "Bob"})
			return firstOf(err, err2, err3, w.SetSetting(t, 12, Setting{Displayed: Never}))
		})
		w.ask(func(x *tx.Tx) error {
			by, err := w.Blockers(x, []mail.Address{address("ann"), address("ANN2")}, accounts)
			if len(by) != 1 || !by[11] {
				t.Errorf("ann is blocked by %v", by)
			}
			none, err2 := w.Blockers(x, nil, accounts)
			list, err3 := w.Blocked(x, 12)
			if len(none) != 0 || len(list) != 1 || list[0].ID != IDOf(address("bob")) {
				t.Errorf("nobody is blocked by %v, 12 blocks %v", none, list)
			}
			all, err4 := w.Settings(x, accounts)
			if len(all) != 3 || all[10] != DefaultSetting || all[12].Presence || all[12].Displayed != Never {
				t.Errorf("settings are %+v", all)
			}
			bob, err5 := w.Of(x, 10, address("bob"))
			if from, ok := bob.WroteFrom([]mail.Address{address("x"), address("ann")}); !ok || from != address("ann") {
				t.Errorf("written from %v", from)
			}
			if _, ok := bob.WroteFrom([]mail.Address{address("x")}); ok {
				t.Error("written from another address")
			}
			return firstOf(err, err2, err3, err4, err5)
		})
		if !slices.Equal(revoked, []mail.AccountID{11, 12, 12}) {
			t.Errorf("revoked by %v", revoked)
		}
		revoked = nil
		w.do(func(t *tx.Tx) error {
			_, err := w.Change(t, 10, Contact{ID: IDOf(address("bob")), Blocked: true})
			return firstOf(err, w.Remove(t, 11, IDOf(address("ann"))))
		})
		w.do(func(t *tx.Tx) error {
			_, err := w.Change(t, 10, Contact{ID: IDOf(address("bob"))})
			return err
		})
		if !slices.Equal(revoked, []mail.AccountID{10, 11}) {
			t.Errorf("revoked by %v", revoked)
		}
	})
}

func TestTooManyContacts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(func(t *tx.Tx) error {
			a, err := w.Adding(t, 10)
			if err != nil || a.room != MaxContacts {
				w.t.Errorf("there is room for %d: %v", a.room, err)
			}
			a.room = 1
			_, err = a.Add(Contact{Address: address("bob")})
			if _, err := a.Add(Contact{Address: address("carl")}); !mail.Is(err, mail.OverQuota) {
				w.t.Errorf("beyond the last: %v", err)
			}
			if a, err := w.Adding(t, 10); err != nil || a.room != MaxContacts-1 {
				w.t.Errorf("there is room for %d: %v", a.room, err)
			}
			return err
		})
	})
}

// BenchmarkComplete finds who is meant among as many contacts as are looked at.
func BenchmarkComplete(b *testing.B) {
	w := newWorld(b, dbtest.OnSQLite(b, schema.Files)())
	for first := 0; first < MaxSearched; first += 500 {
		w.do(func(t *tx.Tx) error {
			a, err := w.Adding(t, 10)
			for i := range 500 {
				if err == nil {
					_, err = a.Add(Contact{Address: address(fmt.Sprint("user", first+i)), Name: fmt.Sprint("Übel Person ", first+i), Accepted: true})
				}
			}
			return err
		})
	}
	for b.Loop() {
		w.ask(func(t *tx.Tx) error {
			list, err := w.complete(t, 10, "ub pers 77")
			if len(list) < 10 {
				b.Fatal(len(list))
			}
			return err
		})
	}
}
