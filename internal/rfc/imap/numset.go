package imap

import (
	"errors"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Star stands for "*" in a Range: the largest number in use.
const Star = 0

// Range is all numbers from Start to Stop, in either order, both included. A single number has Start == Stop.
type Range struct{ Start, Stop uint32 }

// Set is a sequence-set or uid-set (RFC 9051 9) as written: ranges are kept, never expanded. Resolve makes it
// normal: without Star, each Start <= Stop, ascending, and neither overlapping nor touching. Methods that say so need
// a normal set.
type Set []Range

// Numbers is a set of messages in a command.
type Numbers struct {
	UID   bool // the numbers are UIDs, not sequence numbers
	Saved bool // "$", the result that SEARCH RETURN (SAVE) kept (RFC 5182); Set is empty
	Set   Set
}

var (
	errSetSyntax = errors.New("a number set looks like 1,3:5,7:*")
	errSetNumber = errors.New("a number in a set is between 1 and 4294967295")
)

// ParseSet reads a set. It holds at least one element.
func ParseSet(s string) (Set, error) {
	return parseSet(s, math.MaxInt)
}

func parseSet(s string, limit int) (Set, error) {
	n := strings.Count(s, ",") + 1
	if n > limit {
		return nil, errTooManyRanges
	}
	set := make(Set, 0, n)
	for part := range strings.SplitSeq(s, ",") {
		first, second, isRange := strings.Cut(part, ":")
		start, err := parseSetNumber(first)
		if err != nil {
			return nil, err
		}
		stop := start
		if isRange {
			if stop, err = parseSetNumber(second); err != nil {
				return nil, err
			}
		}
		set = append(set, Range{start, stop})
	}
	return set, nil
}

var errTooManyRanges = errors.New("too many ranges in a number set")

func parseSetNumber(s string) (uint32, error) {
	if s == "*" {
		return Star, nil
	}
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, errSetSyntax
	}
	n, err := strconv.ParseUint(s, 10, 32)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		return 0, errSetSyntax
	case err != nil || n == 0 || s[0] == '0':
		return 0, errSetNumber
	}
	return uint32(n), nil
}

// SetOf makes a normal set of numbers in any order.
func SetOf(numbers ...uint32) Set {
	var s Set
	if slices.IsSorted(numbers) {
		for _, n := range numbers {
			s.Add(n)
		}
		return s
	}
	for _, n := range numbers {
		s = append(s, Range{n, n})
	}
	return s.Resolve(0)
}

// Dynamic reports whether the set holds Star, so that its meaning depends on the mailbox.
func (s Set) Dynamic() bool {
	return slices.ContainsFunc(s, func(r Range) bool { return r.Start == Star || r.Stop == Star })
}

// Resolve returns the normal set that s means when largest is the largest number in use. "n:*" with n above largest
// is the range from largest to n (RFC 9051 9: order does not matter). With largest 0 nothing is in use and elements with
// Star are left out.
func (s Set) Resolve(largest uint32) Set {
	out := make(Set, 0, len(s))
	for _, r := range s {
		if (r.Start == Star || r.Stop == Star) && largest == 0 {
			continue
		}
		if r.Start == Star {
			r.Start = largest
		}
		if r.Stop == Star {
			r.Stop = largest
		}
		if r.Start > r.Stop {
			r.Start, r.Stop = r.Stop, r.Start
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Range) int { return int(int64(a.Start) - int64(b.Start)) })
	return out.merge()
}

// merge joins the overlapping and touching ranges of a sorted set in place.
func (s Set) merge() Set {
	out := s[:0]
	for _, r := range s {
		if last := len(out) - 1; last >= 0 && uint64(r.Start) <= uint64(out[last].Stop)+1 {
			out[last].Stop = max(out[last].Stop, r.Stop)
			continue
		}
		out = append(out, r)
	}
	return out
}

// Add puts n behind the largest number of a normal set; a number not above it is added in its place.
func (s *Set) Add(n uint32) {
	if last := len(*s) - 1; last >= 0 {
		r := &(*s)[last]
		switch {
		case n == r.Stop+1 && n != 0:
			r.Stop = n
			return
		case n <= r.Stop:
			if !s.Contains(n) {
				*s = append(*s, Range{n, n}).Resolve(0)
			}
			return
		}
	}
	*s = append(*s, Range{n, n})
}

// Append puts n at the end of a set that is in an order of its own (RFC 5267 3.2: ranges count upwards).
func (s *Set) Append(n uint32) {
	if last := len(*s) - 1; last >= 0 && (*s)[last].Stop == n-1 && n > 1 {
		(*s)[last].Stop = n
		return
	}
	*s = append(*s, Range{n, n})
}

// Contains reports whether a normal set holds n.
func (s Set) Contains(n uint32) bool {
	i, _ := slices.BinarySearchFunc(s, n, func(r Range, n uint32) int {
		if r.Stop < n {
			return -1
		}
		return 1
	})
	return i < len(s) && s[i].Start <= n
}

// Len counts the numbers of a normal set.
func (s Set) Len() uint64 {
	var n uint64
	for _, r := range s {
		n += uint64(r.Stop) - uint64(r.Start) + 1
	}
	return n
}

// All yields the numbers of a normal set in ascending order. A client can name four billion numbers in a few octets:
// bound the set first, with Intersect or Resolve and Len.
func (s Set) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, r := range s {
			for n := uint64(r.Start); n <= uint64(r.Stop); n++ {
				if !yield(uint32(n)) {
					return
				}
			}
		}
	}
}

// Intersect returns the numbers that two normal sets share.
func (s Set) Intersect(t Set) Set {
	var out Set
	for i, j := 0, 0; i < len(s) && j < len(t); {
		if r := (Range{max(s[i].Start, t[j].Start), min(s[i].Stop, t[j].Stop)}); r.Start <= r.Stop {
			out = append(out, r)
		}
		if s[i].Stop < t[j].Stop {
			i++
		} else {
			j++
		}
	}
	return out
}

// Subtract returns the numbers of s that are not in t; both are normal.
func (s Set) Subtract(t Set) Set {
	var out Set
	j := 0
	for _, r := range s {
		start := uint64(r.Start)
		for ; j < len(t) && t[j].Stop < r.Start; j++ {
		}
		for k := j; k < len(t) && t[k].Start <= r.Stop; k++ {
			if start < uint64(t[k].Start) {
				out = append(out, Range{uint32(start), t[k].Start - 1})
			}
			start = uint64(t[k].Stop) + 1
		}
		if start <= uint64(r.Stop) {
			out = append(out, Range{uint32(start), r.Stop})
		}
	}
	return out
}

// String writes the set as it goes over the wire.
func (s Set) String() string { return string(s.AppendTo(nil)) }

// AppendTo appends the set as it goes over the wire. An empty set has no form and appends nothing.
func (s Set) AppendTo(b []byte) []byte {
	for i, r := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSetNumber(b, r.Start)
		if r.Stop != r.Start {
			b = appendSetNumber(append(b, ':'), r.Stop)
		}
	}
	return b
}

func appendSetNumber(b []byte, n uint32) []byte {
	if n == Star {
		return append(b, '*')
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

// AppendTo appends the message set as a command has it, without a "UID" in front.
func (n Numbers) AppendTo(b []byte) []byte {
	if n.Saved {
		return append(b, '$')
	}
	return n.Set.AppendTo(b)
}
