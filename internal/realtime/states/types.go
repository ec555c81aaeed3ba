package states

import (
	"maps"
	"slices"
)

// Types is a set of types.
type Types uint32

// order gives each type its bit.
var order = slices.Sorted(maps.Keys(kinds))

// All are the types of an account that is one's own.
var All = Types(1)<<len(order) - 1

// OfMail are the types of which one may see some in an account of somebody else.
var OfMail = Set(Mailbox, Email, Thread)

// Set makes a set of the types that there are among the named; what else is named is left out (RFC 8620 7.3 knows of servers that
// have other types than a client).
func Set(named ...Type) (s Types) {
	for _, t := range named {
		if i := slices.Index(order, t); i >= 0 {
			s |= 1 << i
		}
	}
	return s
}

// Each calls do with each type of the set.
func (s Types) Each(do func(Type)) {
	for i, t := range order {
		if s&(1<<i) != 0 {
			do(t)
		}
	}
}
