package thread

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
)

// shown writes threads as nested lists: a number, then its children; ? is a message nobody has.
func shown(b *Builder) string {
	var out strings.Builder
	depth := 0
	for n := range b.Threads() {
		for ; depth > n.Depth; depth-- {
			out.WriteByte(')')
		}
		if depth < n.Depth {
			out.WriteByte('(')
			depth++
		} else if out.Len() > 0 {
			out.WriteByte(' ')
		}
		if n.Number == 0 {
			out.WriteByte('?')
		} else {
			fmt.Fprint(&out, n.Number)
		}
	}
	return out.String() + strings.Repeat(")", depth)
}

func build(t rapid.TB, a Algorithm, messages []Message) string {
	b := NewBuilder(a, 1<<20)
	for _, m := range messages {
		if err := b.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	return shown(b)
}

func TestThreads(t *testing.T) {
	msg := func(number uint32, sent int64, id, references, subject string) Message {
		base, reply := strings.CutPrefix(subject, "Re: ")
		return Message{Number: number, Sent: sent, ID: id, References: strings.Fields(references), BaseSubject: base, Reply: reply}
	}
	for _, tt := range []struct {
		name      string
		algorithm Algorithm
		messages  []Message
		want      string
	}{
		{"nothing", References, nil, ""},
		{"a reply", References, []Message{msg(1, 1, "a", "", "x"), msg(2, 2, "b", "a", "Re: x")}, "1(2)"},
		{"the parent comes later", References, []Message{msg(1, 1, "b", "a", "Re: x"), msg(2, 2, "a", "", "x")}, "2(1)"},
		{"nobody has the root", References, []Message{msg(1, 1, "b", "a", "x"), msg(2, 2, "c", "a", "x")}, "?(1 2)"},
		{"an only child moves up", References, []Message{msg(1, 1, "b", "a", "x"), msg(2, 2, "c", "b", "x")}, "1(2)"},
		{"nobody has the middle", References, []Message{msg(1, 1, "a", "", "x"), msg(2, 2, "c", "a b", "x"), msg(3, 3, "d", "a b", "x")}, "1(2 3)"},
		{"siblings by date", References, []Message{msg(1, 1, "a", "", "x"), msg(2, 9, "b", "a", "x"), msg(3, 5, "c", "a", "x")}, "1(3 2)"},
		{"a ring", References, []Message{msg(1, 1, "a", "b", "x"), msg(2, 2, "b", "a", "x")}, "2(1)"},
		{"itself", References, []Message{msg(1, 1, "a", "a", "x"), msg(2, 2, "b", "b a b", "y")}, "2(1)"},
		{"one id twice", References, []Message{msg(1, 1, "a", "", ""), msg(2, 2, "a", "", ""), msg(3, 3, "b", "a", "")}, "1(3) 2"},
		{"quoted ids", References, []Message{msg(1, 1, `"a"@x`, "", ""), msg(2, 2, "b", "a@x", "")}, "1(2)"},
		{"ids have case", References, []Message{msg(1, 1, "A", "", ""), msg(2, 2, "b", "a", "")}, "1 2"},
		{"a truncated line is put right", References, []Message{msg(1, 1, "c", "a b", ""), msg(2, 2, "d", "a c", ""), msg(3, 3, "b", "", ""), msg(4, 4, "c2", "", "")}, "3(1(2)) 4"},
		{"subjects: a reply", References, []Message{msg(1, 1, "a", "", "x"), msg(2, 2, "b", "", "Re: X")}, "1(2)"},
		{"subjects: the reply is first", References, []Message{msg(1, 1, "a", "", "Re: x"), msg(2, 2, "b", "", "x")}, "2(1)"},
		{"subjects: two new ones", References, []Message{msg(1, 1, "a", "", "x"), msg(2, 2, "b", "", "x"), msg(3, 3, "c", "", "x")}, "?(1 2 3)"},
		{"subjects: into one nobody has", References, []Message{msg(1, 1, "a", "z", "x"), msg(2, 2, "b", "z", "x"), msg(3, 3, "c", "", "x")}, "?(1 2 3)"},
		{"subjects: two nobody has", References, []Message{msg(1, 1, "a", "z", "x"), msg(2, 2, "b", "z", "q"), msg(3, 3, "c", "y", "x"), msg(4, 4, "d", "y", "q")}, "?(1 2 3 4)"},
		{"subjects: empty ones are none", References, []Message{msg(1, 1, "a", "", ""), msg(2, 2, "b", "", "")}, "1 2"},
		{"threads by date", References, []Message{msg(1, 9, "a", "", "x"), msg(2, 2, "b", "", "y")}, "2 1"},
		{"REFS: not by subject, by the newest", Refs, []Message{msg(1, 1, "a", "", "x"), msg(2, 5, "b", "", "x"), msg(3, 9, "c", "a", "x")}, "2 1(3)"},
		{"ORDEREDSUBJECT", OrderedSubject, []Message{msg(1, 5, "a", "", "x"), msg(2, 1, "b", "a", "y"), msg(3, 3, "c", "", "Re: X"), msg(4, 9, "d", "", "x")}, "2 3(1 4)"},
		{"ORDEREDSUBJECT: no subject is one too", OrderedSubject, []Message{msg(1, 5, "", "", ""), msg(2, 6, "", "", "")}, "1(2)"},
	} {
		if got := build(t, tt.algorithm, tt.messages); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestInReplyTo(t *testing.T) {
	got := build(t, Refs, []Message{{Number: 1, ID: "a"}, {Number: 2, ID: "b"}, {Number: 3, ID: "c", InReplyTo: []string{"a", "b"}},
		{Number: 4, ID: "d", References: []string{"b"}, InReplyTo: []string{"a"}}})
	if want := "1(3) 2(4)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLimit(t *testing.T) {
	b := NewBuilder(References, 10*nodeSize)
	for i := range uint32(5) {
		if err := b.Add(Message{Number: i + 1, ID: fmt.Sprint("m", i), References: []string{fmt.Sprint("r", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Add(Message{Number: 6, ID: "m0"}); !mail.Is(err, mail.Limit) {
		t.Errorf("%v", err)
	}
}

// Messages made to be looked through again and again cost no more than maxSteps, and one chain of them all is no trouble.
func TestHostileThreads(t *testing.T) {
	const n = 50_000
	b := NewBuilder(References, 64<<20)
	id := func(kind string, i int) string { return fmt.Sprint(kind, i) }
	number := uint32(0)
	add := func(m Message) {
		number++
		m.Number = number
		if err := b.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n { // a long chain
		add(Message{ID: id("c", i), References: []string{id("c", i-1)}})
	}
	for i := range n { // each of these has a child and another parent when it comes, and wants to go below the chain
		add(Message{ID: id("x", i), References: []string{id("p", i), id("m", i)}})
		add(Message{ID: id("m", i), References: []string{id("c", n-1)}})
	}
	if b.steps >= 0 {
		t.Error("this is not what it is meant to be")
	}
	deepest, count := 0, 0
	for node := range b.Threads() {
		deepest = max(deepest, node.Depth)
		count++
	}
	if deepest < n-1 || count < 3*n {
		t.Errorf("%d messages, %d deep", count, deepest)
	}
}

// reference is REFERENCES as RFC 5256 3 tells it, step by step, on trees of pointers.
type reference struct {
	Message
	dummy    bool
	parent   *reference
	children []*reference
}

func (r *reference) below(other *reference) bool {
	for ; r != nil; r = r.parent {
		if r == other {
			return true
		}
	}
	return false
}

func (r *reference) detach() {
	if r.parent != nil {
		r.parent.children = slices.DeleteFunc(r.parent.children, func(c *reference) bool { return c == r })
		r.parent = nil
	}
}

func (r *reference) attach(child *reference) {
	child.detach()
	child.parent = r
	r.children = append(r.children, child)
}

// first is the message that stands for one: itself or, of a dummy, its first child.
func (r *reference) first() *reference {
	if r.dummy && len(r.children) > 0 {
		return r.children[0]
	}
	return r
}

func bySent(a, b *reference) int {
	a, b = a.first(), b.first()
	return cmp.Or(cmp.Compare(a.Sent, b.Sent), cmp.Compare(a.Number, b.Number))
}

func (r *reference) String() string {
	var out []string
	for _, c := range r.children {
		s := fmt.Sprint(c.Number)
		if c.dummy {
			s = "?"
		}
		if len(c.children) > 0 {
			s += "(" + c.String() + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// linked is step 1 and 2.
func linked(messages []Message) *reference {
	table := map[string]*reference{}
	var all []*reference
	byID := func(id string) *reference {
		if table[id] == nil {
			table[id] = &reference{dummy: true}
			all = append(all, table[id])
		}
		return table[id]
	}
	for i, m := range messages {
		refs := m.References
		if len(refs) == 0 && len(m.InReplyTo) > 0 {
			refs = m.InReplyTo[:1]
		}
		for i := 1; i < len(refs); i++ {
			a, b := byID(refs[i-1]), byID(refs[i])
			if b.parent == nil && !a.below(b) {
				a.attach(b)
			}
		}
		var parent *reference
		if len(refs) > 0 {
			parent = byID(refs[len(refs)-1])
		}
		id := m.ID
		if id == "" || table[id] != nil && !table[id].dummy {
			id = fmt.Sprint("unique ", i)
		}
		at := byID(id)
		at.Message, at.dummy = m, false
		at.detach()
		if parent != nil && !parent.below(at) {
			parent.attach(at)
		}
	}
	root := &reference{dummy: true}
	for _, r := range all {
		if r.parent == nil {
			root.attach(r)
		}
	}
	return root
}

// pruned is step 3.
func (r *reference) pruned(root bool) {
	for _, c := range slices.Clone(r.children) {
		c.pruned(false)
	}
	var kept []*reference
	for _, c := range r.children {
		switch {
		case !c.dummy || root && len(c.children) > 1:
			kept = append(kept, c)
		default:
			for _, grandchild := range c.children {
				grandchild.parent = r
				kept = append(kept, grandchild)
			}
		}
	}
	r.children = kept
}

// ordered sorts the children of the root's children, or of all, and then the root's.
func (r *reference) ordered() {
	for _, c := range r.children {
		c.ordered()
	}
	slices.SortFunc(r.children, bySent)
}

// merged is step 5.
func (root *reference) merged() {
	subject := func(r *reference) string { return casemap.Fold(r.first().BaseSubject) }
	table := map[string]*reference{}
	for _, c := range root.children {
		s := subject(c)
		if s == "" {
			continue
		}
		if known := table[s]; known == nil || !known.dummy && (c.dummy || known.Reply && !c.Reply) {
			table[s] = c
		}
	}
	for _, c := range slices.Clone(root.children) {
		if c.parent != root {
			continue
		}
		s := subject(c)
		known := table[s]
		switch {
		case s == "" || known == c:
		case known.dummy && c.dummy:
			for _, grandchild := range slices.Clone(c.children) {
				known.attach(grandchild)
			}
			c.detach()
		case known.dummy || c.Reply && !known.Reply:
			known.attach(c)
		default:
			both := &reference{dummy: true}
			root.attach(both)
			both.attach(c)
			both.attach(known)
			table[s] = both
		}
		if known != nil {
			slices.SortFunc(known.children, bySent)
		}
	}
}

func drawMessages(t *rapid.T) (messages []Message) {
	ids := []string{"a", "b", "c", "d", "e", "f", "g"}
	some := rapid.SliceOfN(rapid.SampledFrom(ids), 0, 4)
	for i := range rapid.IntRange(0, 12).Draw(t, "messages") {
		messages = append(messages, Message{
			Number: uint32(i + 1), Sent: rapid.Int64Range(0, 5).Draw(t, "sent"), ID: rapid.SampledFrom(append(ids, "")).Draw(t, "id"),
			References: some.Draw(t, "references"), InReplyTo: some.Draw(t, "in reply to"),
			BaseSubject: rapid.SampledFrom([]string{"", "x", "X", "y", "z", "w"}).Draw(t, "subject"), Reply: rapid.Bool().Draw(t, "reply"),
		})
	}
	return messages
}

// Whatever the messages refer to, REFERENCES and REFS are what the steps of the standard make of them.
func TestThreadModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages := drawMessages(t)
		root := linked(messages)
		root.pruned(true)
		root.ordered()
		refs := slices.Clone(root.children)
		slices.SortStableFunc(refs, func(a, b *reference) int { return cmp.Compare(a.newest(), b.newest()) })
		want := (&reference{children: refs}).String()
		if got := build(t, Refs, messages); got != want {
			t.Fatalf("REFS of %+v: %s, want %s", messages, got, want)
		}
		root.merged()
		root.ordered()
		want = root.String()
		if got := build(t, References, messages); got != want {
			t.Fatalf("REFERENCES of %+v: %s, want %s", messages, got, want)
		}
	})
}

func (r *reference) newest() (sent int64) {
	if !r.dummy {
		sent = r.Sent
	}
	for _, c := range r.children {
		sent = max(sent, c.newest())
	}
	return sent
}

func BenchmarkThread(b *testing.B) {
	for b.Loop() {
		t := NewBuilder(References, 64<<20)
		for i := range 100_000 {
			t.Add(Message{Number: uint32(i + 1), Sent: int64(i), ID: fmt.Sprint(i), References: []string{fmt.Sprint(i / 10), fmt.Sprint(i / 2)}, BaseSubject: fmt.Sprint(i / 100)})
		}
		for range t.Threads() {
		}
	}
}
