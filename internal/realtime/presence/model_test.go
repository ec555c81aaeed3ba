package presence

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const modelNodes = 2

// model is what a reader of the promises would expect.
type model struct {
	*world
	letters map[[2]string]bool // from one address to another
	blocks  map[[2]string]bool // of an address by a person
	setting map[string]contacts.Setting
	clients []*modelClient
	last    map[string]time.Time // when a client of somebody was there last
}

type modelClient struct {
	*client
	name string
	node int
}

func person(address string) string { return address[:len(address)-len(suffix(address))] }

func suffix(address string) string {
	if address[len(address)-1] == '2' {
		return "2"
	}
	return ""
}

// apart reports that one of two blocks an address of the other.
func (m *model) apart(a, b string) bool {
	return m.blocks[[2]string{a, b}] || m.blocks[[2]string{a, b + "2"}] || m.blocks[[2]string{b, a}] || m.blocks[[2]string{b, a + "2"}]
}

// knows reports whether somebody and who has an address may know of each other by it.
func (m *model) knows(a, address string) bool {
	b := person(address)
	if a == b || m.apart(a, b) || !m.setting[a].Presence || !m.setting[b].Presence {
		return false
	}
	for _, own := range []string{a, a + "2"} {
		if m.letters[[2]string{own, address}] && m.letters[[2]string{address, own}] {
			return true
		}
	}
	return false
}

func (m *model) here(name string) bool {
	return slices.ContainsFunc(m.clients, func(c *modelClient) bool { return c.name == name })
}

// Whatever is written, blocked, hidden and said, by whichever node, while nodes fail and time passes: a client hears what it may hear
// and nothing else, and believes of others what is so.
func TestModel(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		w := newWorld(t, open(), modelNodes)
		addresses := slices.Sorted(maps.Keys(w.id))
		rapid.Check(t, func(t *rapid.T) {
			m := &model{world: w, letters: map[[2]string]bool{}, blocks: map[[2]string]bool{}, setting: map[string]contacts.Setting{}, last: map[string]time.Time{}}
			m.reset()
			someone := func(t *rapid.T) string { return rapid.SampledFrom(people).Draw(t, "who") }
			somewhere := func(t *rapid.T) int { return rapid.IntRange(0, modelNodes-1).Draw(t, "node") }
			t.Repeat(map[string]func(*rapid.T){
				"letters": func(t *rapid.T) {
					from, to := rapid.SampledFrom(addresses).Draw(t, "from"), rapid.SampledFrom(addresses).Draw(t, "to")
					m.world.letter(from, to)
					m.letters[[2]string{from, to}] = true
					if rapid.Bool().Draw(t, "answered") {
						m.world.letter(to, from)
						m.letters[[2]string{to, from}] = true
					}
				},
				"block": func(t *rapid.T) {
					who, whom, on := someone(t), rapid.SampledFrom(addresses).Draw(t, "whom"), rapid.Bool().Draw(t, "on")
					m.block(who, whom, on)
					m.blocks[[2]string{who, whom}] = on
				},
				"set": func(t *rapid.T) {
					v := contacts.Setting{Presence: rapid.IntRange(0, 3).Draw(t, "shown") > 0, Typing: rapid.Bool().Draw(t, "typing"), Reading: rapid.Bool().Draw(t, "reading")}
					who := someone(t)
					m.set(who, v)
					m.setting[who] = v
				},
				"connect": func(t *rapid.T) {
					if len(m.clients) < 6 {
						name, node := someone(t), somewhere(t)
						m.clients = append(m.clients, &modelClient{m.connect(name, node), name, node})
					}
				},
				"disconnect": func(t *rapid.T) {
					if len(m.clients) > 0 {
						i := rapid.IntRange(0, len(m.clients)-1).Draw(t, "client")
						m.clients[i].stop()
						m.clients = slices.Delete(m.clients, i, i+1)
					}
				},
				"fail": func(t *rapid.T) {
					node := somewhere(t)
					m.fail(node)
					m.clients = slices.DeleteFunc(m.clients, func(c *modelClient) bool { return c.node == node })
				},
				"pass": func(t *rapid.T) {
					m.pass(rapid.SampledFrom([]time.Duration{time.Second, 15 * time.Second, 2 * time.Minute, 20 * time.Minute}).Draw(t, "time"))
				},
				"signal": func(t *rapid.T) {
					to := rapid.SampledFrom(addresses).Draw(t, "to")
					m.say(t, someone(t), to, somewhere(t), rapid.SampledFrom([]State{Composing, Reading, Gone}).Draw(t, "state"))
				},
				"": m.check,
			})
		})
	})
}

// reset begins anew, without contacts, clients and settings.
func (m *model) reset() {
	for i := range m.nodes {
		m.fail(i)
	}
	m.world.write("ann", func(t *tx.Tx) error {
		_, err := t.SQL().Exec(`DELETE FROM contact`)
		if err == nil {
			_, err = t.SQL().Exec(`DELETE FROM sharing`)
		}
		return err
	})
	for _, name := range people {
		m.setting[name] = contacts.DefaultSetting
	}
	m.now = m.now.Add(time.Hour)
}

// say sends a signal and looks who hears it.
func (m *model) say(t *rapid.T, from, to string, node int, s State) {
	for _, c := range m.clients {
		c.told = nil
	}
	if err := m.nodes[node].Send(Draft{From: m.id[from], To: []mail.Address{addressOf(to)}, State: s}); err != nil {
		t.Fatal(err)
	}
	m.work()
	may := func(v contacts.Setting) bool { return allows(v, s) }
	want := m.knows(from, to) && may(m.setting[from]) && may(m.setting[person(to)])
	for _, c := range m.clients {
		if heard := len(c.told) > 0; heard != (want && c.name == person(to)) {
			t.Fatalf("%s says %s to %s: %s hears it: %v (%+v)", from, s, to, c.name, heard, c.told)
		}
		if len(c.told) > 0 && (c.told[0].State != s || person(c.told[0].From.Address.Local) != from) {
			t.Fatalf("%s says %s to %s: heard is %+v", from, s, to, c.told)
		}
	}
}

// vanish is how long it takes at most until who has gone is not seen online.
const vanish = nodeSilent + Grace + 2*beatEvery

// check holds what clients believe against what is so.
func (m *model) check(t *rapid.T) {
	for _, name := range people {
		if m.here(name) {
			m.last[name] = m.now
		}
	}
	for _, c := range m.clients {
		seen := map[string]bool{}
		for address, s := range c.sees {
			other := person(address)
			switch {
			case s == Unknown:
				continue
			case !m.knows(c.name, other) && !m.knows(c.name, other+"2"):
				t.Fatalf("%s sees that %s is %s", c.name, address, s)
			case s == Online && m.now.Sub(m.last[other]) > vanish:
				t.Fatalf("%s sees %s, who has gone at %v, online at %v", c.name, address, m.last[other], m.now)
			}
			seen[other] = seen[other] || s == Online
		}
		for _, other := range people {
			if (m.knows(c.name, other) || m.knows(c.name, other+"2")) && m.here(other) && !seen[other] {
				t.Fatalf("%s does not see that %s is there: %v", c.name, other, c.sees)
			}
		}
	}
}
