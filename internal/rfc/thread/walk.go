package thread

import (
	"cmp"
	"slices"
)

// walk yields the threads in their order (step 6).
func (b *Builder) walk(yield func(Node) bool) {
	live := b.live()
	t := b.tops(live)
	f := b.family(live)
	if b.algorithm == Refs {
		newest := b.newest(live)
		slices.SortFunc(t.nodes, func(x, y int32) int {
			return cmp.Or(cmp.Compare(newest[x], newest[y]), b.before(t.head(x), t.head(y)))
		})
	}
	type level struct{ left []int32 }
	var open []level
	for _, top := range t.nodes {
		open = append(open[:0], level{[]int32{top}})
		for len(open) > 0 {
			l := &open[len(open)-1]
			if len(l.left) == 0 {
				open = open[:len(open)-1]
				continue
			}
			at := l.left[0]
			l.left = l.left[1:]
			children := f.of(at)
			if !yield(Node{b.nodes[at].number, len(open) - 1, len(children)}) {
				return
			}
			if len(children) > 0 {
				open = append(open, level{children})
			}
		}
	}
}

// family has the children of all nodes, one after the other.
type family struct {
	children []int32
	ends     []int32 // where those of a node end
}

// family sorts messages, which are in order, by their parents.
func (b *Builder) family(live []int32) family {
	f := family{ends: make([]int32, len(b.nodes)+1)}
	for _, at := range live {
		if parent := b.nodes[at].parent; parent != none {
			f.ends[parent+1]++
		}
	}
	for i := 1; i < len(f.ends); i++ {
		f.ends[i] += f.ends[i-1]
	}
	f.children = make([]int32, f.ends[len(b.nodes)])
	for _, at := range live {
		if parent := b.nodes[at].parent; parent != none {
			f.children[f.ends[parent]] = at
			f.ends[parent]++ // its beginning, until all are there: then its end
		}
	}
	return f
}

func (f family) of(at int32) []int32 {
	begin := int32(0)
	if at > 0 {
		begin = f.ends[at-1]
	}
	return f.children[begin:f.ends[at]]
}

// newest returns when the newest message of each thread was sent, by the thread's first node.
func (b *Builder) newest(live []int32) map[int32]int64 {
	top := make([]int32, len(b.nodes))
	for i := range top {
		top[i] = none
	}
	newest := map[int32]int64{}
	for _, at := range live {
		first := b.top(at, top)
		if known, is := newest[first]; !is || b.nodes[at].sent > known {
			newest[first] = b.nodes[at].sent
		}
	}
	return newest
}

// top finds the first node of a thread, and notes it for all on the way there.
func (b *Builder) top(at int32, known []int32) int32 {
	end := at
	for known[end] == none && b.nodes[end].parent != none {
		end = b.nodes[end].parent
	}
	first := end
	if known[end] != none {
		first = known[end]
	}
	for ; at != end; at = b.nodes[at].parent {
		known[at] = first
	}
	known[end] = first
	return first
}
