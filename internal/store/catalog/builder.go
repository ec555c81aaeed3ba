package catalog

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// builder makes a snapshot from the one before, or from nothing.
type builder struct {
	*Snapshot
	own     map[int]bool // pages that are not shared
	gone    Bits         // slots that lose their email
	ids     []Item       // emails that come, for byID
	threads map[mail.ThreadID]uint32
}

func newBuilder(s *Snapshot) *builder {
	return &builder{Snapshot: s, own: map[int]bool{}, threads: map[mail.ThreadID]uint32{}}
}

// next begins a snapshot that follows another.
func next(before *Snapshot) *builder {
	s := *before
	s.pages, s.free = slices.Clone(before.pages), slices.Clone(before.free)
	b := newBuilder(&s)
	b.gone = NewBits(before.slots)
	return b
}

// add takes an email that was not there.
func (b *builder) add(list []member) {
	e := b.entry(list)
	e.thread = b.threadNumber(e.Thread)
	slot := uint32(b.slots)
	if n := len(b.free); n > 0 {
		slot, b.free = b.free[n-1], b.free[:n-1]
	} else {
		b.slots++
	}
	*b.writable(slot) = e
	b.ids = append(b.ids, Item{uint64(e.Email), slot})
	b.note(slot, true)
}

// put takes what an email is now.
func (b *builder) put(slot uint32, list []member) {
	e := b.entry(list)
	was := b.Entry(slot)
	if e.thread = was.thread; e != *was {
		*b.writable(slot) = e
		b.note(slot, false)
	}
}

// remove takes an email out.
func (b *builder) remove(slot uint32) {
	*b.writable(slot) = Entry{}
	b.gone.Add(slot)
	b.note(slot, true)
}

func (b *builder) note(slot uint32, other bool) {
	c := change(slot) << 1
	if other {
		c |= 1
	}
	b.log = append(b.log, c)
}

// writable is the place of an email in a page that is not shared.
func (b *builder) writable(slot uint32) *Entry {
	n := int(slot / pageSize)
	switch {
	case n == len(b.pages):
		b.pages = append(b.pages, new(page))
	case !b.own[n]:
		p := *b.pages[n]
		b.pages[n] = &p
	}
	b.own[n] = true
	return &b.pages[n][slot%pageSize]
}

// threadNumber is the number of a thread, a new one where no email of it is known.
func (b *builder) threadNumber(id mail.ThreadID) uint32 {
	if n, known := b.threads[id]; known {
		return n
	}
	for slot := range b.InThread(id) {
		if e := b.Entry(slot); e.Thread == id {
			return e.thread
		}
	}
	n := b.Snapshot.threads
	b.Snapshot.threads++
	b.threads[id] = n
	return n
}

// loaded makes the lists of a snapshot whose emails were all added.
func (b *builder) loaded() {
	b.byThread = NewList(b.inThreads(), b.ByID)
	b.byID = NewList(b.ids, b.ByID)
	b.log = nil
}

func (b *builder) inThreads() []Item {
	items := make([]Item, len(b.ids))
	for i, item := range b.ids {
		items[i] = Item{uint64(b.Entry(item.Slot).Thread), item.Slot}
	}
	return items
}

// followed makes the lists of a snapshot that follows another. Slots that lost their email are free from the next one on: in this
// one no slot has one email after another.
func (b *builder) followed() *Snapshot {
	if gone := b.gone.All(); len(gone) > 0 {
		b.byID, b.byThread = b.byID.Without(b.gone), b.byThread.Without(b.gone)
		b.free = append(b.free, gone...)
	}
	if len(b.ids) > 0 {
		b.byThread = b.byThread.With(b.inThreads(), b.ByID)
		b.byID = b.byID.With(b.ids, b.ByID)
	}
	if most := max(maxFollow, b.Len()/4); len(b.log) > 2*most { // who is that far behind looks at everything
		b.forgotten += len(b.log) - most
		b.log = slices.Clone(b.log[len(b.log)-most:])
	}
	return b.Snapshot
}

// wasteful reports that a line holds so much that is of no use any more that it is better to read the account anew.
func (s *Snapshot) wasteful() bool {
	most := 2*s.Len() + 4096
	return s.slots > most || int(s.threads) > most || len(s.keywords) > most || len(s.places) > most
}
