package queries

import "github.com/mailmesh/mailmesh/internal/store/catalog"

// threadFlags says of each thread whether some, or all, of its emails that are seen have a flag.
type threadFlags struct{ some, all catalog.Bits }

// threadFlags looks through all emails: threads cannot be told apart by the emails that changed alone, and this costs about a
// millisecond for 100,000 of them.
func (v *view) threadFlags(name string) *threadFlags {
	f := &threadFlags{catalog.NewBits(v.Threads()), catalog.NewBits(v.Threads())}
	without := catalog.NewBits(v.Threads())
	has := v.HasFlag(name)
	for slot := range v.All() {
		e := v.Entry(slot)
		switch {
		case !v.sees(e):
		case has(e):
			f.some.Add(e.ThreadNumber())
		default:
			without.Add(e.ThreadNumber())
		}
	}
	for i := range f.all {
		f.all[i] = f.some[i] &^ without[i]
	}
	return f
}

// flagsOf makes the flags of threads by their names; nil for no names.
func (v *view) flagsOf(names map[string]bool) map[string]*threadFlags {
	if len(names) == 0 {
		return nil
	}
	flags := make(map[string]*threadFlags, len(names))
	for name := range names {
		flags[name] = v.threadFlags(name)
	}
	return flags
}

func (f *threadFlags) of(thread uint32, all bool) bool {
	if all {
		return f.all.Has(thread)
	}
	return f.some.Has(thread)
}

// weight is how many bytes the flags take.
func weightOf(flags map[string]*threadFlags) (n int64) {
	for _, f := range flags {
		n += int64(8*len(f.some) + 8*len(f.all))
	}
	return n
}

// changesSince are the slots of v at which something is or was else than at an earlier point: their emails, or the threads of their
// emails. other are those of them that had another email, or none.
func (v *view) changesSince(p catalog.Point, before, now map[string]*threadFlags) (changed, other catalog.Bits) {
	changed, other = catalog.NewBits(v.Slots()), catalog.NewBits(v.Slots())
	for slot, another := range v.After(p) {
		changed.Add(slot)
		if another {
			other.Add(slot)
		}
	}
	for name := range now {
		v.addThreads(changed, before[name], now[name])
	}
	return changed, other
}

// addThreads adds the emails of threads whose flags are others.
func (v *view) addThreads(changed catalog.Bits, before, now *threadFlags) {
	differ := catalog.NewBits(64 * max(len(before.some), len(now.some)))
	for i := range differ {
		differ[i] = word(before.some, i) ^ word(now.some, i) | word(before.all, i) ^ word(now.all, i)
	}
	if differ.Count() == 0 {
		return
	}
	for slot := range v.All() {
		if differ.Has(v.Entry(slot).ThreadNumber()) {
			changed.Add(slot)
		}
	}
}

func word(b catalog.Bits, i int) uint64 {
	if i < len(b) {
		return b[i]
	}
	return 0
}
