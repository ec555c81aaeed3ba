package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// One address goes to one of two who ask for it at the same time, whether as an account or as an alias.
func TestAddressIsGivenOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org")
		w.account(10, "ann@example.org")
		name := ""
		account := func(id mail.AccountID) func(t *tx.Tx) error {
			return func(t *tx.Tx) error { _, err := w.AddAccount(t, Account{ID: id, Address: addr(name)}); return err }
		}
		alias := func(t *tx.Tx) error { return w.AddAlias(t, addr(name), addr("ann@example.org")) }
		for i, both := range [][2]func(t *tx.Tx) error{{account(20), account(21)}, {account(22), alias}, {alias, account(23)}} {
			name = fmt.Sprintf("new%d@example.org", i)
			first, second := w.meet(both[0], both[1])
			if first != nil || !mail.Is(second, mail.Exists) {
				t.Errorf("%s: the first got %v, the second %v", name, first, second)
			}
		}
	})
}

// An alias that is made while its account is being removed leads nowhere, and is not there.
func TestAliasMeetsRemoval(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org")
		remove := func(id mail.AccountID) func(*tx.Tx) error {
			return func(t *tx.Tx) error { return w.RemoveAccount(t, id) }
		}
		alias := func(t *tx.Tx) error { return w.AddAlias(t, addr("a@example.org"), addr("ann@example.org")) }
		w.account(10, "ann@example.org")
		if first, second := w.meet(remove(10), alias); first != nil || !mail.Is(second, mail.NotFound) {
			t.Errorf("after the removal: %v, %v", first, second)
		}
		w.account(11, "ann@example.org")
		if first, second := w.meet(alias, remove(11)); first != nil || second != nil {
			t.Errorf("before the removal: %v, %v", first, second)
		}
		var left []Alias
		if w.do(func(t *tx.Tx) (err error) { left, err = w.Aliases(t, "", Alias{}, 0); return err }); len(left) != 0 {
			t.Errorf("left are %+v", left)
		}
		w.leads("a@example.org", "not found")
	})
}

// meet runs second while first, which is done with its work, has not yet committed.
func (w *world) meet(first, second func(*tx.Tx) error) (firstErr, secondErr error) {
	w.t.Helper()
	begun, ended := make(chan bool), make(chan bool)
	var start, begin sync.Once // a closure may run more than once
	firstErr = w.try(func(t *tx.Tx) error {
		if err := first(t); err != nil {
			return err
		}
		start.Do(func() {
			go func() {
				defer close(ended)
				secondErr = w.try(func(t *tx.Tx) error {
					begin.Do(func() { close(begun) })
					return second(t)
				})
			}()
		})
		if t.SQL().Engine() != db.Postgres {
			return nil // its one writer runs second after first
		}
		<-begun
		for range 50 { // time enough for second to read, if nothing makes it wait
			var one int
			if err := t.SQL().QueryRow(`SELECT 1`).Scan(&one); err != nil {
				return err
			}
		}
		return nil
	})
	<-ended
	return firstErr, secondErr
}

func TestDomains(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("Example.org", "bücher.example", "a.example.", "localhost")
		add := func(name string) func(t *tx.Tx) error {
			return func(t *tx.Tx) error { _, err := w.AddDomain(t, name); return err }
		}
		w.refuses("a second time", mail.Exists, add("xn--bcher-kva.example"))
		for _, name := range []string{"", ".", "a..b", "-a.example", "a b", "[192.0.2.1]", "a@b", strings.Repeat("ü", 63) + ".example", "a\x00"} {
			w.refuses(fmt.Sprintf("%q", name), mail.Invalid, add(name))
		}
		var all, some []Domain
		w.do(func(t *tx.Tx) (err error) {
			if all, err = w.Domains(t, "", 0); err == nil {
				some, err = w.Domains(t, "a.example", 2)
			}
			return err
		})
		var names []string
		for _, d := range all {
			names = append(names, d.Name)
		}
		if len(all) != 4 || len(some) != 2 || some[0] != all[1] || !slices.Contains(names, "xn--bcher-kva.example") || all[0].Created.IsZero() {
			t.Errorf("listed are %v, and %v", all, some)
		}
	})
}

func TestRemoveDomain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org", "old.example")
		w.account(10, "ann@example.org")
		w.do(func(t *tx.Tx) error {
			for i := range 150 {
				if err := w.AddAlias(t, addr(fmt.Sprintf("a%d@old.example", i)), addr("ann@example.org")); err != nil {
					return err
				}
			}
			return nil
		})
		w.refuses("a domain with accounts", mail.Conflict, func(t *tx.Tx) error { _, err := w.RemoveDomain(t, "example.org"); return err })
		for rounds := 0; ; rounds++ {
			var more bool
			w.do(func(t *tx.Tx) (err error) { more, err = w.RemoveDomain(t, "OLD.example"); return err })
			if !more {
				break
			}
			if rounds > 150 {
				t.Fatal("it never ends")
			}
		}
		w.leads("a1@old.example", "denied")
		w.refuses("a domain that is gone", mail.NotFound, func(t *tx.Tx) error { _, err := w.RemoveDomain(t, "old.example"); return err })
		var left []Alias
		w.do(func(t *tx.Tx) (err error) { left, err = w.Aliases(t, "", Alias{}, 0); return err })
		if len(left) != 0 {
			t.Errorf("%d aliases are left", len(left))
		}
	})
}

// Lists come in pages that neither overlap nor leave anything out.
func TestLists(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("a.example", "b.example")
		var accounts, aliases []string
		for i := range 7 {
			d := []string{"a.example", "b.example"}[i%2]
			accounts = append(accounts, fmt.Sprintf("u%d@%s", i, d))
			w.account(mail.AccountID(10+i), accounts[i])
		}
		for _, to := range accounts {
			w.alias("all@a.example", to)
			w.alias("z"+to, "all@a.example")
			aliases = append(aliases, "all@a.example>"+to, "z"+to+">all@a.example")
		}
		for _, domain := range []string{"", "A.example", "b.example"} {
			var gotAccounts, gotAliases []string
			w.do(func(t *tx.Tx) error {
				gotAccounts, gotAliases = nil, nil
				var after Account
				for {
					p, err := w.Accounts(t, domain, after.Address, 2)
					if err != nil || len(p) == 0 {
						return err
					}
					for _, after = range p {
						gotAccounts = append(gotAccounts, after.Address.String())
					}
				}
			})
			w.do(func(t *tx.Tx) error {
				gotAliases = nil
				var after Alias
				for {
					p, err := w.Aliases(t, domain, after, 3)
					if err != nil || len(p) == 0 {
						return err
					}
					for _, after = range p {
						gotAliases = append(gotAliases, after.Address.String()+">"+after.Target.String())
					}
				}
			})
			suffix := strings.ToLower(domain)
			of := func(s string) bool { a, _, _ := strings.Cut(s, ">"); return !strings.HasSuffix(a, suffix) }
			wantAccounts, wantAliases := slices.DeleteFunc(slices.Clone(accounts), of), slices.DeleteFunc(slices.Clone(aliases), of)
			for _, l := range [][]string{gotAccounts, gotAliases, wantAccounts, wantAliases} {
				slices.Sort(l)
			}
			if !slices.Equal(gotAccounts, wantAccounts) || !slices.Equal(gotAliases, wantAliases) {
				t.Errorf("of %q are listed\n%v, want\n%v, and\n%v, want\n%v", domain, gotAccounts, wantAccounts, gotAliases, wantAliases)
			}
		}
	})
}

func TestAliasRefusals(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org")
		w.account(10, "ann@example.org")
		w.alias("a@example.org", "ann@example.org")
		add := func(a, to string) func(t *tx.Tx) error {
			return func(t *tx.Tx) error { return w.AddAlias(t, addr(a), addr(to)) }
		}
		remove := func(a, to string) func(t *tx.Tx) error {
			return func(t *tx.Tx) error { return w.RemoveAlias(t, addr(a), addr(to)) }
		}
		w.refuses("an account's own address", mail.Exists, add("ANN@example.org", "a@example.org"))
		w.refuses("the same again", mail.Exists, add("A@example.org", "ANN@example.org"))
		w.refuses("a domain that is not ours", mail.NotFound, add("a@elsewhere.example", "ann@example.org"))
		w.refuses("a target that is nobody", mail.NotFound, add("b@example.org", "nobody@example.org"))
		w.refuses("a target that is no address", mail.Invalid, func(t *tx.Tx) error { return w.AddAlias(t, addr("b@example.org"), mail.Address{}) })
		w.refuses("removing what is no alias", mail.NotFound, remove("b@example.org", ""))
		w.refuses("removing a target that is none", mail.NotFound, remove("a@example.org", "b@example.org"))
		w.refuses("removing an account as an alias", mail.NotFound, remove("ann@example.org", ""))
		err := w.try(func(t *tx.Tx) error {
			for i := range MaxAddresses {
				if err := w.AddAlias(t, addr(fmt.Sprintf("n%d@example.org", i)), addr("ann@example.org")); err != nil {
					return err
				}
			}
			return nil
		})
		if !mail.Is(err, mail.Limit) {
			t.Errorf("%d addresses of one account: %v", MaxAddresses+2, err)
		}
	})
}

func TestHome(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(func(t *tx.Tx) error { return w.AddHome(t, 10, []byte{1, 2}, Quota{Bytes: 100, Messages: 2}) })
		w.do(func(t *tx.Tx) error { return w.AddHome(t, 11, []byte{3}, Quota{}) })
		w.refuses("a second home", mail.Exists, func(t *tx.Tx) error { return w.AddHome(t, 10, []byte{9}, Quota{}) })
		w.refuses("a negative quota", mail.Invalid, func(t *tx.Tx) error { return w.SetQuota(t, 10, Quota{Bytes: -1}) })
		w.do(func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE account SET used_bytes = 90, used_messages = 1 WHERE id = 10`)
			return err
		})
		var q QuotaState
		state := func(id mail.AccountID) error {
			return w.tx.Read(w.t.Context(), func(t *tx.Tx) (err error) { q, err = w.QuotaState(t, id); return err })
		}
		if err := state(10); err != nil || q != (QuotaState{Quota{Bytes: 100, Messages: 2}, 90, 1}) || q.Full(10) || !q.Full(11) {
			t.Errorf("%+v, %v", q, err)
		}
		w.doLocked(10, func(t *tx.Tx) error { return w.SetQuota(t, 10, Quota{Messages: 1, Mailboxes: 5}) })
		if got := w.quotaLog(10); got != "[{1 3} {2 2} {3 1}]" { // bytes are not limited any more, messages otherwise, mailboxes now
			t.Errorf("the log says %s", got)
		}
		if err := state(10); err != nil || !q.Full(0) {
			t.Errorf("%+v, %v", q, err)
		}
		w.do(func(t *tx.Tx) error { return w.CloseHome(t, 10) })
		if err := state(10); !mail.Is(err, mail.NotFound) {
			t.Errorf("the quota of a closed account: %v", err)
		}
		if err := w.tx.Write(t.Context(), []mail.AccountID{10}, func(*tx.Tx) error { return nil }); !mail.Is(err, mail.Gone) {
			t.Errorf("writing to a closed account: %v", err)
		}
		var closed []mail.AccountID
		list := func(t *tx.Tx) (err error) { closed, err = w.ClosedHomes(t, 0); return err }
		w.domain("example.org")
		w.account(11, "ann@example.org")
		w.do(func(t *tx.Tx) error {
			return errors.Join(w.AddHome(t, 12, []byte{1}, Quota{}), w.AddHome(t, mail.SpoolAccount, []byte{1}, Quota{}))
		})
		var nameless []mail.AccountID
		if w.do(func(t *tx.Tx) (err error) { nameless, err = w.NamelessHomes(t, 0); return err }); !slices.Equal(nameless, []mail.AccountID{12}) {
			t.Errorf("nameless are %v", nameless)
		}
		if w.do(list); !slices.Equal(closed, []mail.AccountID{10}) {
			t.Errorf("closed are %v", closed)
		}
		w.do(func(t *tx.Tx) error {
			return errors.Join(w.RemoveHome(t, 10), w.RemoveHome(t, 11), w.RemoveHome(t, 10))
		})
		if w.do(list); len(closed) != 0 || state(11) != nil {
			t.Errorf("after removing: closed %v", closed)
		}
	})
}
