package catalog

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestList compares a list with a sorted slice, through any changes; and no change touches the list before it.
func TestList(t *testing.T) {
	order := func(a, b uint32) int { return cmp.Compare(a, b) }
	rapid.Check(t, func(t *rapid.T) {
		var list List
		var model []Item
		fresh := uint32(0)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			before, was := list, slices.Collect(list.All())
			gone := NewBits(int(fresh) + 1)
			for _, i := range rapid.SliceOfN(rapid.IntRange(0, int(fresh)), 0, 50).Draw(t, "gone") {
				gone.Add(uint32(i))
			}
			model = slices.DeleteFunc(model, func(i Item) bool { return gone.Has(i.Slot) })
			var come []Item
			for range rapid.SampledFrom([]int{0, 1, 5, 700}).Draw(t, "come") {
				come = append(come, Item{uint64(rapid.IntRange(0, 30).Draw(t, "key")), fresh})
				fresh++
			}
			model = append(model, come...)
			slices.SortFunc(model, Order(order).compare)
			if list.Len() == 0 && rapid.Bool().Draw(t, "new") {
				list = NewList(come, order)
			} else {
				list = list.Without(gone).With(come, order)
			}
			check(t, list, model)
			if !slices.Equal(slices.Collect(before.All()), was) {
				t.Fatal("the list before has changed")
			}
		}
	})
}

func check(t *rapid.T, list List, model []Item) {
	var want []uint32
	for _, item := range model {
		want = append(want, item.Slot)
	}
	if got := slices.Collect(list.All()); !slices.Equal(got, want) || list.Len() != len(want) {
		t.Fatalf("%d of %d: %v, want %v", len(got), list.Len(), got, want)
	}
	for _, c := range list.chunks {
		if len(c) == 0 || len(c) > listChunk {
			t.Fatalf("a chunk of %d", len(c))
		}
	}
	key := uint64(rapid.IntRange(0, 31).Draw(t, "under"))
	want = nil
	for _, item := range model {
		if item.Key == key {
			want = append(want, item.Slot)
		}
	}
	if got := slices.Collect(list.Under(key)); !slices.Equal(got, want) {
		t.Fatalf("under %d: %v, want %v", key, got, want)
	}
}

func TestBits(t *testing.T) {
	b := NewBits(70)
	for _, n := range []uint32{0, 63, 64, 69} {
		b.Add(n)
	}
	b.Remove(63)
	c := b.Grown(200)
	c.Add(199)
	d := NewBits(65)
	d.Add(64)
	c.Subtract(d)
	if !slices.Equal(b.All(), []uint32{0, 64, 69}) || !slices.Equal(c.All(), []uint32{0, 69, 199}) || b.Has(5000) || c.Count() != 3 || len(c.Grown(1)) != len(c) {
		t.Errorf("%v %v", b.All(), c.All())
	}
}
