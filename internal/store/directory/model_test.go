package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// model is the directory as one would write it without a database: everything is found by looking at everything.
type model struct {
	domains  map[string]*modelDomain
	accounts map[mail.AccountID]*modelAccount
	aliases  map[string][]modelTarget
}

// modelTarget is an account, or an address that was no account's own when the alias was made.
type modelTarget struct {
	id      mail.AccountID
	address string
}

type modelDomain struct {
	off      bool
	catchAll string
}

type modelAccount struct {
	address string
	off     bool
}

func (m *model) primary(address string) mail.AccountID {
	for id, a := range m.accounts {
		if a.address == address {
			return id
		}
	}
	return 0
}

func (m *model) off(id mail.AccountID) bool {
	_, domain, _ := strings.Cut(m.accounts[id].address, "@")
	return m.accounts[id].off || m.domains[domain].off
}

func (m *model) exists(address string) bool {
	return m.primary(address) != 0 || len(m.aliases[address]) > 0
}

// named is the address itself, or without its detail, whichever is somebody; else "".
func (m *model) named(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	user, _, _ := strings.Cut(local, "+")
	for _, a := range []string{address, user + "@" + domain} {
		if m.exists(a) {
			return a
		}
	}
	return ""
}

// reach collects the accounts that an address leads to; met says whether something is there at all.
func (m *model) reach(address string, seen map[string]bool, to map[mail.AccountID]bool) (met bool) {
	if seen[address] {
		return false
	}
	seen[address] = true
	_, domain, _ := strings.Cut(address, "@")
	d := m.domains[domain]
	if d.off {
		return true
	}
	name := m.named(address)
	switch {
	case name == "" && d.catchAll != "":
		return m.reach(d.catchAll, seen, to)
	case name == "":
		return false
	}
	if id := m.primary(name); id != 0 {
		if !m.off(id) {
			to[id] = true
		}
		return true
	}
	for _, target := range m.aliases[name] {
		if target.id == 0 {
			met = m.reach(target.address, seen, to) || met
			continue
		}
		met = true
		if !m.off(target.id) {
			to[target.id] = true
		}
	}
	return met
}

// resolve is Resolve, for anything but roles.
func (m *model) resolve(address string) (ids []mail.AccountID, kind mail.Kind) {
	_, domain, _ := strings.Cut(address, "@")
	if m.domains[domain] == nil {
		return nil, mail.Denied
	}
	if m.domains[domain].off {
		return nil, mail.Disabled
	}
	to := map[mail.AccountID]bool{}
	met := m.reach(address, map[string]bool{}, to)
	for id := range to {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	switch {
	case len(ids) > 0:
		return ids, ""
	case met:
		return nil, mail.Disabled
	}
	return nil, mail.NotFound
}

var (
	modelDomains = []string{"a.example", "b.example", "c.example"}
	modelLocals  = []string{"x", "y", "z", "x+1", "y+2"}
)

func drawAddress(t *rapid.T, label string) string {
	return rapid.SampledFrom(modelLocals).Draw(t, label) + "@" + rapid.SampledFrom(modelDomains).Draw(t, label+" domain")
}

// act plays one random change on both and checks that they agree on whether it is allowed.
func (m *model) act(t *rapid.T, s *Store, x *tx.Tx) {
	domain := rapid.SampledFrom(modelDomains).Draw(t, "domain")
	d := m.domains[domain]
	address, target := drawAddress(t, "address"), drawAddress(t, "target")
	_, home, _ := strings.Cut(address, "@")
	switch rapid.SampledFrom([]string{"domain", "account", "account", "alias", "alias", "alias", "catch-all", "off", "account off", "remove", "unalias"}).Draw(t, "act") {
	case "domain":
		_, err := s.AddDomain(x, domain)
		expect(t, err, d == nil)
		if d == nil {
			m.domains[domain] = &modelDomain{}
		}
	case "account":
		id := mail.AccountID(100 + len(m.accounts))
		for m.accounts[id] != nil {
			id++
		}
		_, err := s.AddAccount(x, Account{ID: id, Address: addr(address)})
		allowed := m.domains[home] != nil && !m.exists(address)
		expect(t, err, allowed)
		if allowed {
			m.accounts[id] = &modelAccount{address: address}
		}
	case "alias":
		m.alias(t, s, x, address, target)
	case "catch-all":
		err := s.SetCatchAll(x, domain, addr(target))
		_, there, _ := strings.Cut(target, "@")
		allowed := d != nil && m.domains[there] != nil && m.named(target) != ""
		expect(t, err, allowed)
		if allowed {
			d.catchAll = target
		}
	case "off":
		off := rapid.Bool().Draw(t, "off")
		expect(t, s.SetDomainDisabled(x, domain, off), d != nil)
		if d != nil {
			d.off = off
		}
	case "account off":
		off := rapid.Bool().Draw(t, "off")
		if id := m.primary(address); id != 0 {
			expect(t, s.SetDisabled(x, id, off), true)
			m.accounts[id].off = off
		}
	case "remove":
		if id := m.primary(address); id != 0 {
			expect(t, s.RemoveAccount(x, id), true)
			delete(m.accounts, id)
			for a := range m.aliases {
				m.aliases[a] = slices.DeleteFunc(m.aliases[a], func(to modelTarget) bool { return to.id == id })
			}
		}
	case "unalias":
		before := len(m.aliases[address])
		m.aliases[address] = slices.DeleteFunc(m.aliases[address], func(to modelTarget) bool {
			return to.address == target || to.id != 0 && to.id == m.primary(target)
		})
		expect(t, s.RemoveAlias(x, addr(address), addr(target)), len(m.aliases[address]) < before)
	}
}

func (m *model) alias(t *rapid.T, s *Store, x *tx.Tx, address, target string) {
	err := s.AddAlias(x, addr(address), addr(target))
	_, home, _ := strings.Cut(address, "@")
	_, there, _ := strings.Cut(target, "@")
	allowed := m.domains[home] != nil && m.primary(address) == 0 && m.domains[there] != nil && m.named(target) != "" &&
		!slices.Contains(m.aliases[address], m.target(target))
	if mail.Is(err, mail.Conflict) && allowed { // a loop: the model shows that there is one
		seen := map[string]bool{}
		m.reach(target, seen, map[mail.AccountID]bool{})
		if target != address && !seen[address] {
			t.Fatalf("%s to %s: %v, but there is no way back", address, target, err)
		}
		return
	}
	expect(t, err, allowed)
	if allowed {
		m.aliases[address] = append(m.aliases[address], m.target(target))
	}
}

func (m *model) target(address string) modelTarget {
	if id := m.primary(address); id != 0 {
		return modelTarget{id: id}
	}
	return modelTarget{address: address}
}

func expect(t *rapid.T, err error, allowed bool) {
	t.Helper()
	if (err == nil) != allowed {
		t.Fatalf("allowed: %v, but %v", allowed, err)
	}
}

var errRollBack = errors.New("the test's rows are not kept")

// begin opens a transaction for the caller's goroutine, where rapid can fail in it; end takes everything in it back.
func (w *world) begin() (x *tx.Tx, end func()) {
	ready, stop, done := make(chan *tx.Tx), make(chan bool), make(chan error)
	go func() {
		done <- w.try(func(x *tx.Tx) error {
			ready <- x
			<-stop
			return errRollBack
		})
	}()
	return <-ready, func() {
		close(stop)
		if err := <-done; !errors.Is(err, errRollBack) {
			w.t.Error(err)
		}
	}
}

// Whatever is changed in whatever order, every address leads where the model says.
func TestResolveModel(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		w := newWorld(t, open)
		rapid.Check(t, func(t *rapid.T) {
			x, end := w.begin()
			defer end()
			m := &model{map[string]*modelDomain{}, map[mail.AccountID]*modelAccount{}, map[string][]modelTarget{}}
			for range rapid.IntRange(1, 60).Draw(t, "acts") {
				m.act(t, w.Store, x)
			}
			for _, domain := range modelDomains {
				for _, local := range append(modelLocals, "x+2", "w", "w+1") {
					address := local + "@" + domain
					r, err := w.Resolve(x, addr(address))
					slices.Sort(r.Accounts)
					want, kind := m.resolve(address)
					if !slices.Equal(r.Accounts, want) || (err != nil) != (kind != "") || err != nil && !mail.Is(err, kind) {
						t.Fatalf("%s leads to %v, %v; want %v, %q", address, r.Accounts, err, want, kind)
					}
				}
			}
		})
	})
}

func FuzzAddresses(f *testing.F) {
	for _, s := range []string{"ann@example.org", "Ann+X@BÜCHER.example", "İ@x", "bjo\u0308rn@xn--bcher-kva.example", `"a b"@x`, "a@xn--a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		k := keyOf(a)
		if again := keyOf(k.address()); again != k {
			t.Fatalf("%q is looked up as %q, and that as %q", s, k, again)
		}
		if !isASCII(k.domain) || k.domain != strings.ToLower(k.domain) {
			t.Fatalf("%q has the domain %q", s, k.domain)
		}
	})
}

// BenchmarkResolve is what RCPT costs in a directory of 100,000 accounts.
func BenchmarkResolve(b *testing.B) {
	for name, open := range map[string]dbtest.Open{"sqlite": dbtest.OnSQLite(b, schema.Files), "postgres": dbtest.OnPostgres(b, schema.Files)} {
		w := newWorld(b, open)
		w.domain("example.org", "example.net")
		w.manyAccounts(100_000)
		for what, address := range map[string]string{"known": "", "unknown": "nobody@example.org", "role": "postmaster@example.org"} {
			b.Run(name+"/"+what, func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					a := addr(address)
					if address == "" {
						a = mail.Address{Local: userName(i * 7919 % 100_000), Domain: "example.org"}
					}
					if _, err := w.resolve(a); err != nil && what != "unknown" {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func userName(i int) string { return fmt.Sprintf("user%x", i*2654435761) }

// manyAccounts adds accounts without looking at what is there.
func (w *world) manyAccounts(n int) {
	w.t.Helper()
	const each = 450
	for i := 0; i < n; i += each {
		w.do(func(t *tx.Tx) error {
			for j := i; j < min(i+each, n); j++ {
				t.SQL().Queue(`INSERT INTO directory_account (account_id, local, domain, name, disabled, created)
					VALUES ($1, $2, 'example.org', '', 0, 0)`, 1000+j, userName(j))
				t.SQL().Queue(`INSERT INTO address (domain, local, target, account_id, kind, created)
					VALUES ('example.org', $1, '', $2, 'primary', 0)`, userName(j), 1000+j)
			}
			return nil
		})
	}
}
