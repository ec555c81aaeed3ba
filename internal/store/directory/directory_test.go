package directory

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// world is a directory in a test. A failing operation fails the test.
type world struct {
	*Store
	tx *tx.Store
	t  testing.TB
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) { test(t, newWorld(t, open)) })
}

func newWorld(t testing.TB, open dbtest.Open) *world {
	s, err := tx.New(t.Context(), tx.Options{DB: open()})
	if err != nil {
		t.Fatal(err)
	}
	return &world{New(Options{Hostname: "MX.Host.example"}), s, t}
}

func (w *world) try(fn func(t *tx.Tx) error) error { return w.tx.Write(w.t.Context(), nil, fn) }

func (w *world) do(fn func(t *tx.Tx) error) {
	w.t.Helper()
	if err := w.try(fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) doLocked(id mail.AccountID, fn func(t *tx.Tx) error) {
	w.t.Helper()
	if err := w.tx.Write(w.t.Context(), []mail.AccountID{id}, fn); err != nil {
		w.t.Fatal(err)
	}
}

// quotaLog is what the log says of limits: which, and what became of them.
func (w *world) quotaLog(id mail.AccountID) string {
	w.t.Helper()
	var log [][2]int64
	err := w.tx.Read(w.t.Context(), func(t *tx.Tx) error {
		return t.ChangesOf(id, 0, []tx.Kind{tx.KindQuota}, func(c tx.Change, _ int) bool {
			log = append(log, [2]int64{c.Object, int64(c.Op)})
			return true
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.SortFunc(log, func(a, b [2]int64) int { return int(a[0] - b[0]) })
	out := make([]struct{ limit, op int64 }, len(log))
	for i, l := range log {
		out[i].limit, out[i].op = l[0], l[1]
	}
	return fmt.Sprint(out)
}

func addr(s string) mail.Address {
	if s == "" {
		return mail.Address{}
	}
	if s == "Postmaster" {
		return mail.Address{Local: s}
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func (w *world) domain(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.do(func(t *tx.Tx) error { _, err := w.AddDomain(t, name); return err })
	}
}

func (w *world) account(id mail.AccountID, address string) {
	w.t.Helper()
	w.do(func(t *tx.Tx) error { _, err := w.AddAccount(t, Account{ID: id, Address: addr(address)}); return err })
}

func (w *world) alias(address string, targets ...string) {
	w.t.Helper()
	for _, to := range targets {
		w.do(func(t *tx.Tx) error { return w.AddAlias(t, addr(address), addr(to)) })
	}
}

func (w *world) resolve(a mail.Address) (r Resolution, err error) {
	err = w.tx.Read(w.t.Context(), func(t *tx.Tx) (err error) { r, err = w.Resolve(t, a); return err })
	return r, err
}

// leads checks where an address leads: "10 11", "10 +detail", "10 role", or the kind of error.
func (w *world) leads(address, want string) {
	w.t.Helper()
	r, err := w.resolve(addr(address))
	var got []string
	for _, id := range r.Accounts {
		got = append(got, fmt.Sprint(int64(id)))
	}
	for _, a := range r.Elsewhere {
		got = append(got, a.String())
	}
	slices.Sort(got)
	if r.Detail != "" {
		got = append(got, "+"+r.Detail)
	}
	if r.Role {
		got = append(got, "role")
	}
	if err != nil {
		got = append(got, string(mail.KindOf(err)))
	}
	if s := strings.Join(got, " "); s != want {
		w.t.Errorf("%s leads to %q (%v), want %q", address, s, err, want)
	}
}

func (w *world) refuses(what string, kind mail.Kind, fn func(t *tx.Tx) error) {
	w.t.Helper()
	if err := w.try(fn); !mail.Is(err, kind) || kind == "" || strings.HasSuffix(err.Error(), string(kind)) {
		w.t.Errorf("%s: %v, want the kind %q and a reason", what, err, kind)
	}
}

func TestResolve(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org", "bücher.example", "off.example")
		w.account(10, "Ann@example.org")
		w.account(11, "bob@example.org")
		w.account(12, "carol+real@example.org")
		w.account(13, "BJÖRN@bücher.example")
		w.account(14, "dan@off.example")
		w.alias("team@example.org", "ann@example.org", "bob@example.org")
		w.alias("all@example.org", "team@example.org", "carol+real@example.org", "ann@example.org")
		w.alias("dan@example.org", "dan@off.example")
		w.alias("mixed@example.org", "dan@off.example", "ann@example.org")
		w.alias("tagged@example.org", "team+x@example.org")
		w.do(func(t *tx.Tx) error { return w.SetDomainDisabled(t, "off.example", true) })
		for _, c := range []struct{ address, want string }{
			{"ann@example.org", "10"},
			{"ANN@example.org", "10"},
			{"ann+news@example.org", "10 +news"},
			{"Ann+News+More@example.org", "10 +News+More"},
			{"ann+@example.org", "10"},
			{"+ann@example.org", "not found"},
			{"carol+real@example.org", "12"},
			{"carol+REAL@example.org", "12"},
			{"carol@example.org", "not found"},
			{"carol+real+x@example.org", "not found"},
			{"team@example.org", "10 11"},
			{"Team+x@example.org", "10 11 +x"},
			{"all@example.org", "10 11 12"},
			{"tagged@example.org", "10 11"},
			{"björn@bücher.example", "13"},
			{"bjo\u0308rn@xn--bcher-kva.example", "13"},
			{"ann@bücher.example", "not found"},
			{"nobody@example.org", "not found"},
			{"ann@elsewhere.example", "denied"},
			{"ann@[192.0.2.1]", "denied"},
			{"dan@off.example", "disabled"},
			{"nobody@off.example", "disabled"},
			{"dan@example.org", "disabled"},
			{"mixed@example.org", "10"},
		} {
			w.leads(c.address, c.want)
		}
		w.do(func(t *tx.Tx) error { return w.SetDisabled(t, 10, true) })
		w.leads("ann@example.org", "disabled")
		w.leads("team@example.org", "11")
		w.do(func(t *tx.Tx) error { return w.SetDisabled(t, 10, false) })
		w.leads("team@example.org", "10 11")
		w.do(func(t *tx.Tx) error { return w.RemoveAccount(t, 10) })
		w.leads("ann@example.org", "not found")
		w.leads("team@example.org", "11")
		w.leads("all@example.org", "11 12")
	})
}

func TestResolveCatchAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org", "example.net")
		w.account(10, "ann@example.org")
		w.alias("info@example.org", "ann@example.org")
		catchAll := func(domain, to string) {
			w.do(func(t *tx.Tx) error { return w.SetCatchAll(t, domain, addr(to)) })
		}
		catchAll("example.org", "info@example.org")
		w.leads("nobody@example.org", "10")
		w.leads("nobody+x@example.org", "10")
		w.leads("nobody@example.net", "not found")
		catchAll("example.net", "ann+net@example.org")
		w.leads("nobody@example.net", "10")
		w.do(func(t *tx.Tx) error { return w.RemoveAlias(t, addr("info@example.org"), mail.Address{}) })
		w.leads("nobody@example.org", "not found") // its target is caught by itself
		catchAll("example.net", "")
		w.leads("nobody@example.net", "not found")
		w.refuses("a catch-all that is nobody", mail.NotFound, func(t *tx.Tx) error { return w.SetCatchAll(t, "example.org", addr("who@example.org")) })
		w.refuses("a catch-all elsewhere", mail.Invalid, func(t *tx.Tx) error { return w.SetCatchAll(t, "example.org", addr("a@elsewhere.example")) })
		w.refuses("of no domain", mail.NotFound, func(t *tx.Tx) error { return w.SetCatchAll(t, "other.example", addr("ann@example.org")) })
	})
}

func TestResolveRoles(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("first.example", "second.example", "empty.example")
		for _, a := range []string{"postmaster@first.example", "abuse@empty.example", "Postmaster", "postmaster@mx.host.example"} {
			w.leads(a, "not found") // there is nobody at all
		}
		w.leads("ann@mx.host.example", "denied")
		w.account(10, "op@first.example")
		w.account(11, "ann@first.example")
		w.account(20, "bob@second.example")
		w.do(func(t *tx.Tx) error { return w.SetCatchAll(t, "second.example", addr("bob@second.example")) })
		steps := []struct {
			do   func(t *tx.Tx) error
			want map[string]string
		}{
			{nil, map[string]string{
				"postmaster@first.example": "10", "abuse@first.example": "10", "Postmaster": "10", "POSTMASTER@second.example": "20",
				"abuse@second.example": "20", "abuse@empty.example": "10", "postmaster@empty.example": "10",
				"Postmaster@mx.host.example": "10", "abuse@mx.host.example": "10",
			}},
			{func(t *tx.Tx) error {
				return w.AddAlias(t, addr("postmaster@first.example"), addr("ann@first.example"))
			}, map[string]string{
				"postmaster@first.example": "11", "abuse@first.example": "11", "Postmaster": "11", "postmaster@second.example": "11",
				"abuse@second.example": "11", "abuse@empty.example": "11", "abuse@mx.host.example": "11",
			}},
			{func(t *tx.Tx) error {
				return w.AddAlias(t, addr("postmaster@second.example"), addr("bob@second.example"))
			}, map[string]string{
				"postmaster@second.example": "20", "abuse@second.example": "20", "Postmaster": "11",
			}},
			{func(t *tx.Tx) error { return w.AddAlias(t, addr("abuse@second.example"), addr("ann@first.example")) }, map[string]string{
				"postmaster@second.example": "20", "abuse@second.example": "11",
			}},
			{func(t *tx.Tx) error { return w.SetDisabled(t, 20, true) }, map[string]string{
				"postmaster@second.example": "11", "abuse@second.example": "11",
			}},
			{func(t *tx.Tx) error { return w.SetDisabled(t, 11, true) }, map[string]string{
				"postmaster@second.example": "10", "abuse@second.example": "10", "postmaster@first.example": "10", "Postmaster": "10",
			}},
			{func(t *tx.Tx) error { return w.SetDomainDisabled(t, "first.example", true) }, map[string]string{"Postmaster": ""}},
			{func(t *tx.Tx) error { return w.SetDisabled(t, 20, false) }, map[string]string{
				"postmaster@first.example": "20", "abuse@first.example": "20", "Postmaster": "20", "abuse@empty.example": "20",
			}},
		}
		for i, step := range steps {
			if step.do != nil {
				w.do(step.do)
			}
			for address, want := range step.want {
				if want == "" {
					want = "not found"
				} else {
					want += " role"
				}
				if w.leads(address, want); t.Failed() {
					t.Fatalf("at step %d", i)
				}
			}
		}
	})
}

// A loop cannot be made; one that is there all the same (two writes that met) is followed once.
func TestAliasLoop(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org")
		w.account(10, "ann@example.org")
		w.alias("a@example.org", "ann@example.org")
		w.alias("b@example.org", "a@example.org")
		w.alias("c@example.org", "b@example.org")
		w.refuses("a loop of three", mail.Conflict, func(t *tx.Tx) error { return w.AddAlias(t, addr("a@example.org"), addr("c@example.org")) })
		w.refuses("a loop of one", mail.Conflict, func(t *tx.Tx) error { return w.AddAlias(t, addr("a@example.org"), addr("a@example.org")) })
		w.do(func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`INSERT INTO address (domain, local, target, account_id, kind, created) VALUES ('example.org', 'a', 'c@example.org', 0, 'alias', 0)`)
			return err
		})
		w.leads("c@example.org", "10")
		w.do(func(t *tx.Tx) error { return w.RemoveAlias(t, addr("a@example.org"), addr("ann@example.org")) })
		w.leads("c@example.org", "not found")
	})
}

func TestAliasChainIsBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org")
		w.account(10, "ann@example.org")
		w.do(func(t *tx.Tx) error {
			for i := range MaxSteps {
				to := mail.Address{Local: fmt.Sprintf("a%d", i-1), Domain: "example.org"}
				if i == 0 {
					to = addr("ann@example.org")
				}
				if err := w.AddAlias(t, mail.Address{Local: fmt.Sprintf("a%d", i), Domain: "example.org"}, to); err != nil {
					return err
				}
			}
			return nil
		})
		w.leads(fmt.Sprintf("a%d@example.org", MaxSteps-1), "10")
		err := w.try(func(t *tx.Tx) error {
			return w.AddAlias(t, addr("long@example.org"), addr(fmt.Sprintf("a%d@example.org", MaxSteps-1)))
		})
		if err == nil {
			w.leads("long@example.org", "limit")
		} else if !mail.Is(err, mail.Limit) {
			t.Errorf("a chain that is too long: %v", err)
		}
	})
}

// Aliases that point elsewhere come back as values.
func TestResolveElsewhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org")
		w.account(10, "ann@example.org")
		w.refuses("an alias elsewhere", mail.Invalid, func(t *tx.Tx) error { return w.AddAlias(t, addr("out@example.org"), addr("x@elsewhere.example")) })
		w.Store = New(Options{Forwarding: true})
		w.alias("out@example.org", "Some.One@elsewhere.example", "ann@example.org")
		w.alias("more@example.org", "out@example.org", "x@elsewhere.example")
		w.leads("out@example.org", "10 Some.One@elsewhere.example")
		w.leads("more@example.org", "10 Some.One@elsewhere.example x@elsewhere.example")
		w.do(func(t *tx.Tx) error {
			return w.RemoveAlias(t, addr("out@example.org"), addr("Some.One@elsewhere.example"))
		})
		w.leads("more@example.org", "10 x@elsewhere.example")
	})
}

func TestAccounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org")
		w.account(10, "Ann@EXAMPLE.org")
		w.alias("sales@example.org", "ann@example.org")
		add := func(id mail.AccountID, address, name string) func(t *tx.Tx) error {
			return func(t *tx.Tx) error {
				_, err := w.AddAccount(t, Account{ID: id, Address: addr(address), Name: name})
				return err
			}
		}
		w.refuses("an address that is taken", mail.Exists, add(11, "aNN@example.org", ""))
		w.refuses("an address that is an alias", mail.Exists, add(11, "SALES@example.org", ""))
		w.refuses("a domain that is not ours", mail.NotFound, add(11, "ann@elsewhere.example", ""))
		w.refuses("a name with a newline", mail.Invalid, add(11, "x@example.org", "a\nb"))
		w.refuses("a name too long", mail.Invalid, add(11, "x@example.org", strings.Repeat("é", maxName+1)))
		w.refuses("no local part", mail.Invalid, add(11, `""@example.org`, ""))
		w.refuses("an address literal", mail.Invalid, add(11, "x@[192.0.2.1]", ""))

		var a Account
		w.do(func(t *tx.Tx) (err error) {
			if err := w.SetName(t, 10, " Ann Lee "); err != nil {
				return err
			}
			a, err = w.Account(t, 10)
			return err
		})
		if a.ID != 10 || a.Address != addr("Ann@example.org") || a.Name != "Ann Lee" || a.Disabled || a.Created.IsZero() {
			t.Errorf("the account is %+v", a)
		}
		for address, kind := range map[string]mail.Kind{"ANN@example.org": "", "sales@example.org": mail.NotFound, "who@example.org": mail.NotFound, "ann@x": mail.NotFound, "ann+x@example.org": mail.NotFound} {
			var got Account
			err := w.try(func(t *tx.Tx) (err error) { got, err = w.ByAddress(t, addr(address)); return err })
			if (err == nil) != (kind == "") || err != nil && !mail.Is(err, kind) || err == nil && got != a {
				t.Errorf("%s is %+v, %v", address, got, err)
			}
		}
		for _, fn := range []func(t *tx.Tx) error{
			func(t *tx.Tx) error { return w.SetName(t, 99, "x") },
			func(t *tx.Tx) error { return w.SetDisabled(t, 99, true) },
			func(t *tx.Tx) error { return w.SetAdmin(t, 99, true) },
			func(t *tx.Tx) error { return w.SetShared(t, 99, true) },
			func(t *tx.Tx) error { return w.RemoveAccount(t, 99) },
			func(t *tx.Tx) error { _, err := w.Account(t, 99); return err },
		} {
			if err := w.try(fn); !mail.Is(err, mail.NotFound) {
				t.Errorf("an account that is not there: %v", err)
			}
		}
	})
}

func TestSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org")
		w.account(10, "ann@example.org")
		w.account(11, "bob@example.org")
		w.alias("ann.lee@example.org", "ann@example.org")
		w.alias("team@example.org", "ann@example.org", "bob@example.org")
		w.alias("chain@example.org", "ann.lee@example.org")
		w.do(func(t *tx.Tx) error { return w.SetCatchAll(t, "example.org", addr("bob@example.org")) })
		check := func(login string, want mail.AccountID, off bool) {
			t.Helper()
			w.do(func(tr *tx.Tx) error {
				id, disabled, err := w.SignIn(tr, login)
				if id != want || disabled != off || (err != nil) != (want == 0) || err != nil && !mail.Is(err, mail.NotFound) {
					t.Errorf("%q signs in to %d, disabled %v, %v; want %d, %v", login, id, disabled, err, want, off)
				}
				if a, err := w.Lookup(tr, login); a.ID != want || a.Disabled != off {
					t.Errorf("%q is found to be %+v, %v", login, a, err)
				}
				return nil
			})
		}
		for login, want := range map[string]mail.AccountID{
			"ann@example.org": 10, "Ann@Example.ORG": 10, "ann.lee@example.org": 10, "ann": 10, "ANN.LEE": 10, "bob": 11,
			"team@example.org": 0, "chain@example.org": 0, "ann+x@example.org": 0, "who@example.org": 0, "ann@elsewhere.example": 0,
			"": 0, "@": 0, "ann@": 0, "postmaster@example.org": 0, "a b c": 0, "\xff@example.org": 0,
		} {
			check(login, want, false)
		}
		w.do(func(t *tx.Tx) error { return w.SetDisabled(t, 10, true) })
		check("ann.lee@example.org", 10, true)
		w.do(func(t *tx.Tx) error { return w.SetDomainDisabled(t, "example.org", true) })
		check("bob@example.org", 11, true)
		w.domain("example.net")
		check("bob", 0, false) // of which domain?
	})
}
