package catalog

import (
	"iter"
	"slices"
	"sort"
)

// Item is an email in a List: its slot, and the number by which it stands there.
type Item struct {
	Key  uint64
	Slot uint32
}

// ItemSize is what one takes, in bytes.
const ItemSize = 16

// List has emails in an order. It never changes; the next one shares the pieces that are the same.
type List struct {
	chunks [][]Item
	length int
}

// Order says which of two items comes first, where their keys are the same.
type Order func(a, b uint32) int

func (o Order) compare(a, b Item) int {
	switch {
	case a.Key < b.Key:
		return -1
	case a.Key > b.Key:
		return 1
	}
	return o(a.Slot, b.Slot)
}

// listChunk is how many items are copied to change one, at most.
const listChunk = 512

// NewList sorts items, which it takes over.
func NewList(items []Item, order Order) List {
	slices.SortFunc(items, order.compare)
	l := List{length: len(items)}
	for part := range slices.Chunk(items, listChunk/2) {
		l.chunks = append(l.chunks, part)
	}
	return l
}

// Len is how many emails there are.
func (l List) Len() int { return l.length }

// All yields the slots in order.
func (l List) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, c := range l.chunks {
			for i := range c {
				if !yield(c[i].Slot) {
					return
				}
			}
		}
	}
}

// Under yields the slots of the items with a key, in order.
func (l List) Under(key uint64) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		at := sort.Search(len(l.chunks), func(i int) bool { return last(l.chunks[i]).Key >= key })
		for ; at < len(l.chunks); at++ {
			c := l.chunks[at]
			for _, item := range c[sort.Search(len(c), func(i int) bool { return c[i].Key >= key }):] {
				if item.Key != key || !yield(item.Slot) {
					return
				}
			}
		}
	}
}

func last(c []Item) Item { return c[len(c)-1] }

// Without is the list without some slots.
func (l List) Without(gone Bits) List {
	out := List{chunks: make([][]Item, 0, len(l.chunks))}
	for _, c := range l.chunks {
		if slices.ContainsFunc(c, func(i Item) bool { return gone.Has(i.Slot) }) {
			c = slices.DeleteFunc(slices.Clone(c), func(i Item) bool { return gone.Has(i.Slot) })
		}
		out.add(c)
	}
	return out
}

// With is the list with further items, which are put in order.
func (l List) With(items []Item, order Order) List {
	slices.SortFunc(items, order.compare)
	out := List{chunks: make([][]Item, 0, len(l.chunks)+1)}
	for i, c := range l.chunks {
		n := len(items)
		if i < len(l.chunks)-1 {
			end := last(c)
			n = sort.Search(len(items), func(j int) bool { return order.compare(items[j], end) > 0 })
		}
		if n > 0 {
			c = merge(c, items[:n], order)
			items = items[n:]
		}
		out.add(c)
	}
	out.add(items) // where there was no chunk
	return out
}

// merge puts items between those of a chunk.
func merge(c, items []Item, order Order) []Item {
	out := make([]Item, 0, len(c)+len(items))
	for _, item := range items {
		n := sort.Search(len(c), func(i int) bool { return order.compare(c[i], item) > 0 })
		out = append(append(out, c[:n]...), item)
		c = c[n:]
	}
	return append(out, c...)
}

// add appends a chunk, in halves where it has become too long.
func (l *List) add(c []Item) {
	l.length += len(c)
	for len(c) > listChunk {
		l.chunks = append(l.chunks, c[:listChunk/2:listChunk/2])
		c = c[listChunk/2:]
	}
	if len(c) > 0 {
		l.chunks = append(l.chunks, c)
	}
}
