package contacts

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// owners says whose the addresses of the model are. Each account has two.
var owners = map[string]mail.AccountID{"a": 10, "a2": 10, "b": 11, "b2": 11, "c": 12, "c2": 12}

// letters is a model of who has written to whom: from one address to another, and whom each account blocks.
type letters struct {
	sent   map[[2]string]bool
	blocks map[mail.AccountID]map[string]bool
}

func (m *letters) wrote(account mail.AccountID, from, to string) bool {
	return m.sent[[2]string{from, to}] && !m.blocks[account][to]
}

// mutual says which of the other's addresses an account's contact is: those from which it was answered.
func (m *letters) mutual(account mail.AccountID, to string) bool {
	for own, owner := range owners {
		if owner == account && owner != owners[to] && m.wrote(account, own, to) && m.wrote(owners[to], to, own) {
			return true
		}
	}
	return false
}

// Whatever is written, blocked and forgotten in whatever order: who is mutual is what the letters say, it is so for both or for none,
// and asked for many it is the same.
func TestMutualModel(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		w := newWorld(t, open())
		names := slices.Sorted(maps.Keys(owners))
		rapid.Check(t, func(t *rapid.T) {
			m := &letters{map[[2]string]bool{}, map[mail.AccountID]map[string]bool{10: {}, 11: {}, 12: {}}}
			w.do(func(t *tx.Tx) error { _, err := t.SQL().Exec(`DELETE FROM contact`); return err })
			pick := func(t *rapid.T) (from, to string) {
				return rapid.SampledFrom(names).Draw(t, "from"), rapid.SampledFrom(names).Draw(t, "to")
			}
			t.Repeat(map[string]func(*rapid.T){
				"write": func(t *rapid.T) {
					from, to := pick(t)
					w.wrote(owners[from], from, to)
					m.sent[[2]string{from, to}] = true
				},
				"block or allow": func(t *rapid.T) {
					from, to := pick(t)
					on := rapid.Bool().Draw(t, "block")
					w.do(func(x *tx.Tx) error {
						c, err := w.Of(x, owners[from], address(to))
						if err != nil || c.Created.IsZero() {
							return err
						}
						c.Blocked = on
						m.blocks[owners[from]][to] = on
						_, err = w.Change(x, owners[from], c)
						return err
					})
				},
				"forget": func(t *rapid.T) {
					from, to := pick(t)
					if err := w.try(func(x *tx.Tx) error { return w.Remove(x, owners[from], IDOf(address(to))) }); err != nil && !mail.Is(err, mail.NotFound) {
						t.Fatal(err)
					}
					delete(m.blocks[owners[from]], to)
					maps.DeleteFunc(m.sent, func(l [2]string, _ bool) bool { return owners[l[0]] == owners[from] && l[1] == to })
				},
				"look": func(t *rapid.T) { w.check(t, m, names) },
			})
		})
	})
}

// check asks for all accounts in one view.
func (w *world) check(t *rapid.T, m *letters, names []string) {
	w.ask(func(x *tx.Tx) error {
		for _, account := range accounts {
			if err := w.checkAccount(t, x, m, names, account); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) checkAccount(t *rapid.T, x *tx.Tx, m *letters, names []string, account mail.AccountID) error {
	want, got := map[mail.AccountID]bool{}, map[mail.AccountID]bool{}
	for _, to := range names {
		want[owners[to]] = want[owners[to]] || m.mutual(account, to)
		c, err := w.Of(x, account, address(to))
		if err != nil {
			return err
		}
		var peers []Peer
		if c.wrote() { // as Peers has them
			peers = []Peer{{c, owners[to]}}
		}
		one, err := w.MutualOf(x, account, peers)
		if err != nil {
			return err
		}
		as, ok := one[owners[to]]
		if ok != m.mutual(account, to) || ok && owners[as.Address.Local] != account {
			t.Fatalf("%v and %s: mutual is %v, as %v", account, to, ok, as.Address)
		}
		got[owners[to]] = got[owners[to]] || ok
	}
	list, err := w.Peers(x, account, 100)
	if err != nil {
		return err
	}
	var peers []Peer
	for _, c := range list {
		peers = append(peers, Peer{c, owners[c.Address.Local]})
	}
	many, err := w.MutualOf(x, account, peers)
	for other := range want {
		if _, ok := many[other]; want[other] != got[other] || ok != want[other] {
			t.Fatalf("%v and %v: %v, asked for one %v, for many %v", account, other, want[other], got[other], ok)
		}
	}
	return err
}
