package thread

import (
	"cmp"
	"slices"
)

// before compares nodes by when they were sent, then by their number (RFC 5256 2.2).
func (b *Builder) before(x, y int32) int {
	n, m := &b.nodes[x], &b.nodes[y]
	return cmp.Or(cmp.Compare(n.sent, m.sent), cmp.Compare(n.number, m.number))
}

// live returns the messages, by when they were sent.
func (b *Builder) live() []int32 {
	all := make([]int32, 0, len(b.nodes))
	for i := range b.nodes {
		if b.nodes[i].number != 0 {
			all = append(all, int32(i))
		}
	}
	slices.SortFunc(all, b.before)
	return all
}

// bySubject makes the oldest message of each subject the parent of the others (ORDEREDSUBJECT).
func (b *Builder) bySubject() {
	first := map[uint64]int32{}
	for _, at := range b.live() {
		n := &b.nodes[at]
		if parent, known := first[n.subject]; known {
			n.parent = parent
		} else {
			first[n.subject] = at
		}
	}
}

// prune is step 3: messages nobody has give their children to their parents, but those at the top keep them, unless it is only
// one.
func (b *Builder) prune() {
	children := make(map[int32]int32) // of messages at the top that nobody has
	for i := range b.nodes {
		n := &b.nodes[i]
		if n.number == 0 {
			continue
		}
		if n.parent = b.owner(n.parent); n.parent != none && b.nodes[n.parent].number == 0 {
			children[n.parent]++
		}
	}
	for i := range b.nodes {
		n := &b.nodes[i]
		if n.number != 0 && n.parent != none && b.nodes[n.parent].number == 0 && children[n.parent] == 1 {
			n.parent = none
		}
	}
}

// owner is the nearest node, from one on upwards, that is a message or at the top. The way there is shortened for those who
// come after.
func (b *Builder) owner(at int32) int32 {
	end := at
	for end != none && b.nodes[end].number == 0 && b.nodes[end].parent != none {
		end = b.nodes[end].parent
	}
	for at != end {
		at, b.nodes[at].parent = b.nodes[at].parent, end
	}
	return end
}

// tops are the threads' first nodes, and of those that nobody has the oldest child.
type tops struct {
	nodes []int32
	child map[int32]int32
}

// tops finds them, given the messages by when they were sent.
func (b *Builder) tops(live []int32) (t tops) {
	t.child = map[int32]int32{}
	for _, at := range live {
		switch parent := b.nodes[at].parent; {
		case parent == none:
			t.nodes = append(t.nodes, at)
		case b.nodes[parent].number == 0:
			if _, known := t.child[parent]; !known {
				t.child[parent] = at
				t.nodes = append(t.nodes, parent)
			}
		}
	}
	slices.SortFunc(t.nodes, func(x, y int32) int { return b.before(t.head(x), t.head(y)) })
	return t
}

// head is the message that stands for a node at the top: itself, or its first child.
func (t *tops) head(at int32) int32 {
	if child, dummy := t.child[at]; dummy {
		return child
	}
	return at
}

// mergeSubjects is step 5: threads of one subject become one.
func (b *Builder) mergeSubjects() {
	t := b.tops(b.live())
	table := map[uint64]int32{}
	for _, at := range t.nodes { // 5.B
		subject := b.nodes[t.head(at)].subject
		if subject == 0 {
			continue
		}
		if known, is := table[subject]; !is || b.better(at, known) {
			table[subject] = at
		}
	}
	for _, at := range t.nodes { // 5.C
		subject := b.nodes[t.head(at)].subject
		// One that has become a child, of a node made here, has been dealt with.
		if subject == 0 || table[subject] == at || b.nodes[at].parent != none {
			continue
		}
		b.merge(table, subject, at)
	}
	b.adopt()
}

// better reports whether a thread is to stand for its subject instead of another one.
func (b *Builder) better(at, known int32) bool {
	n, k := &b.nodes[at], &b.nodes[known]
	return k.number != 0 && (n.number == 0 || k.reply && !n.reply)
}

func (b *Builder) merge(table map[uint64]int32, subject uint64, at int32) {
	known := table[subject]
	n, k := &b.nodes[at], &b.nodes[known]
	switch {
	case n.number == 0: // then nobody has the other either, or it would not stand for the subject
		n.parent, n.merged = known, true // see adopt
	case k.number == 0 || n.reply && !k.reply:
		n.parent = known
	default:
		b.nodes = append(b.nodes, node{parent: none})
		both := int32(len(b.nodes) - 1)
		b.nodes[at].parent, b.nodes[known].parent = both, both
		table[subject] = both
	}
}

// adopt gives the children of nodes that were merged into others to those.
func (b *Builder) adopt() {
	for i := range b.nodes {
		n := &b.nodes[i]
		if n.parent != none && b.nodes[n.parent].merged {
			n.parent = b.nodes[n.parent].parent
		}
	}
}
