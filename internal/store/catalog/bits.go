package catalog

import "math/bits"

// Bits is a set of small numbers: of slots, or of threads.
type Bits []uint64

// NewBits makes an empty set with room for the numbers below n.
func NewBits(n int) Bits { return make(Bits, (n+63)/64) }

// Has reports whether n is in the set.
func (b Bits) Has(n uint32) bool { return int(n/64) < len(b) && b[n/64]&(1<<(n%64)) != 0 }

// Add puts n into the set, for which there must be room.
func (b Bits) Add(n uint32) { b[n/64] |= 1 << (n % 64) }

// Remove takes n out of the set, for which there must be room.
func (b Bits) Remove(n uint32) { b[n/64] &^= 1 << (n % 64) }

// Grown is a copy with room for the numbers below n.
func (b Bits) Grown(n int) Bits {
	out := NewBits(max(n, 64*len(b)))
	copy(out, b)
	return out
}

// Subtract takes the numbers of another set out of the set, which is not shorter.
func (b Bits) Subtract(c Bits) {
	for i := range c {
		b[i] &^= c[i]
	}
}

// Count is how many numbers the set has.
func (b Bits) Count() (n int) {
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// All lists the numbers in order.
func (b Bits) All() []uint32 {
	list := make([]uint32, 0, b.Count())
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			list = append(list, uint32(64*i+bits.TrailingZeros64(word)))
		}
	}
	return list
}
