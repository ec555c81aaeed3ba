package mailbox

import "github.com/mailmesh/mailmesh/internal/mail"

// Diff is what a session must be told to go from one view of a mailbox to a later one.
type Diff struct {
	Expunged []Position // by their sequence numbers in the old view, ascending
	Added    []Position // by their sequence numbers in the new view, ascending
	Changed  []Position // whose modseq changed, by their sequence numbers in the new view, ascending
}

// Position is a message in a view.
type Position struct {
	Seq int
	UID mail.UID
}

// Empty reports whether no message differs. Counters may.
func (d *Diff) Empty() bool { return len(d.Expunged)+len(d.Added)+len(d.Changed) == 0 }

// Compare returns what changed from one view to a later one of the same mailbox. It takes time in proportion to the
// chunks that are not shared. The caller has checked that UIDVALIDITY is the same.
func Compare(before, after *View) *Diff {
	var d Diff
	if before == after {
		return &d
	}
	b, a := cursor{view: before}, cursor{view: after}
	for !b.end() && !a.end() {
		if b.entry == 0 && a.entry == 0 && b.chunk() == a.chunk() {
			b.nextChunk()
			a.nextChunk()
			continue
		}
		was, is := b.get(), a.get()
		switch {
		case was.UID < is.UID:
			d.Expunged = append(d.Expunged, Position{b.seq(), was.UID})
			b.next()
		case was.UID > is.UID:
			d.Added = append(d.Added, Position{a.seq(), is.UID})
			a.next()
		default:
			if was.ModSeq != is.ModSeq {
				d.Changed = append(d.Changed, Position{a.seq(), is.UID})
			}
			b.next()
			a.next()
		}
	}
	for ; !b.end(); b.next() {
		d.Expunged = append(d.Expunged, Position{b.seq(), b.get().UID})
	}
	for ; !a.end(); a.next() {
		d.Added = append(d.Added, Position{a.seq(), a.get().UID})
	}
	return &d
}

// cursor walks the entries of a view.
type cursor struct {
	view  *View
	at    int // chunk
	entry int // in the chunk
}

func (c *cursor) end() bool     { return c.at == len(c.view.chunks) }
func (c *cursor) chunk() *chunk { return c.view.chunks[c.at] }
func (c *cursor) get() *Entry   { return &c.chunk().entries[c.entry] }
func (c *cursor) seq() int      { return c.view.starts[c.at] + c.entry + 1 }
func (c *cursor) nextChunk()    { c.at, c.entry = c.at+1, 0 }

func (c *cursor) next() {
	if c.entry++; c.entry == len(c.chunk().entries) {
		c.nextChunk()
	}
}

// Keeping returns v as a client sees it that cannot be told yet that messages went: with those that the diff from before
// to v calls expunged, under their old numbers and flags. Its HIGHESTMODSEQ is that of before: a client that asks later for
// what came after it must hear of them (RFC 7162 3.2).
func (v *View) Keeping(before *View, d *Diff) *View {
	in := newInterner(v.sets)
	put := make([]Entry, len(d.Expunged))
	for i, p := range d.Expunged {
		put[i] = before.At(p.Seq)
		put[i].keywords = in.number(before.sets.sets[put[i].keywords].text)
	}
	status := v.status
	status.ModSeq = before.status.ModSeq
	return v.advance(status, nil, put, in.done())
}
