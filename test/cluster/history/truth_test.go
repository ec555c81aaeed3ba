package history

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"
)

// truth is a message in a server that does nothing wrong, one operation after the other.
type truth struct {
	next    [places]uint32
	uids    [places]uint32
	were    [places][]uint32 // UIDs that it had
	deleted [places]bool
	flags   Flags
	copied  bool
	retired bool // somebody has begun to remove it
}

func (m *truth) arrive(p Place) uint32 {
	m.next[p] += 3
	m.uids[p], m.deleted[p] = m.next[p], false
	m.were[p] = append(m.were[p], m.next[p])
	return m.next[p]
}

func (m *truth) shown() (in Places) {
	for p := Inbox; p < places; p++ {
		if m.uids[p] != 0 && !m.deleted[p] {
			in |= In(p)
		}
	}
	return in
}

// draw chooses an operation that a client could do that knows some UID.
func (m *truth) draw(t *rapid.T) Operation {
	o := Operation{Kind: rapid.SampledFrom([]Kind{ReadIn, ReadIn, Read, Store, Store, Delete, Expunge, Move, Copy, Patch, Patch, Destroy}).Draw(t, "kind")}
	o.Add = Flags(rapid.IntRange(0, int(AllFlags)).Draw(t, "add"))
	o.Clear = Flags(rapid.IntRange(0, int(AllFlags)).Draw(t, "clear")) &^ o.Add
	o.From = rapid.SampledFrom([]Place{Inbox, Inbox, Archive, Copies}).Draw(t, "from")
	switch o.Kind {
	case Read, Destroy:
		return Operation{Kind: o.Kind}
	case Patch:
		o.From = Nowhere
		if !m.retired && rapid.Bool().Draw(t, "moves") {
			o.From, o.To = Inbox, Archive
		}
		return o
	}
	if len(m.were[o.From]) == 0 {
		return Operation{Kind: Read}
	}
	o.UID = rapid.SampledFrom(m.were[o.From]).Draw(t, "uid")
	switch {
	case o.Kind == Store && rapid.Bool().Draw(t, "whole"):
		o.Whole, o.Clear = true, AllFlags&^o.Add
	case o.Kind == Store:
	case o.Kind == Delete:
		m.retired = true
		o.Add, o.Clear = 0, 0
	case (o.Kind == Move || o.Kind == Copy) && (m.retired || o.From == Copies || o.Kind == Copy && m.copied):
		o.Kind, o.Add, o.Clear = ReadIn, 0, 0
	case o.Kind == Move:
		o.To, o.Add, o.Clear = Inbox+Archive-o.From, 0, 0
	case o.Kind == Copy:
		m.copied = true
		o.To, o.Add, o.Clear = Copies, 0, 0
	default:
		o.Add, o.Clear = 0, 0
	}
	return o
}

// do carries it out, and says what a client is told.
func (m *truth) do(o *Operation) {
	here := o.From != Nowhere && o.UID != 0 && m.uids[o.From] == o.UID
	o.Found = here
	switch o.Kind {
	case ReadIn:
		o.Saw = m.flags
	case Read:
		o.Found, o.Saw, o.SawIn = m.shown() != 0, m.flags, m.shown()
	case Store:
		if here {
			m.flags = m.flags&^o.Clear | o.Add
			m.deleted[o.From] = m.deleted[o.From] && !o.Whole
		}
	case Delete:
		m.deleted[o.From] = m.deleted[o.From] || here
	case Expunge:
		if here && m.deleted[o.From] {
			m.uids[o.From], m.deleted[o.From] = 0, false
		}
	case Move, Copy:
		if here {
			o.NewUID = m.arrive(o.To)
			m.deleted[o.To] = m.deleted[o.From]
			if o.Kind == Move {
				m.uids[o.From], m.deleted[o.From] = 0, false
			}
		}
	case Patch:
		m.patch(o)
	case Destroy:
		if o.Found = m.shown() != 0; o.Found {
			m.uids, m.deleted = [places]uint32{}, [places]bool{}
		}
	}
}

func (m *truth) patch(o *Operation) {
	if o.Found = m.shown() != 0; !o.Found {
		return
	}
	m.flags = m.flags&^o.Clear | o.Add
	if o.To == Nowhere {
		return
	}
	if m.uids[o.From] != 0 && !m.deleted[o.From] {
		m.uids[o.From] = 0
	}
	if m.uids[o.To] == 0 {
		m.arrive(o.To)
	}
	m.deleted[o.To] = false
}

func (m *truth) final() final {
	f := final{uids: m.uids, flags: m.flags}
	for p := Inbox; p < places; p++ {
		if m.deleted[p] {
			f.deleted |= In(p)
		}
	}
	return f
}

// live plays a message's life with a server that does nothing wrong: what clients do overlaps, and some hear no answer, or hear one
// and it was never done.
func live(t *rapid.T) ([]Operation, final) {
	m := &truth{}
	span := func(o *Operation, at int) {
		o.Call = time.Duration(at - rapid.IntRange(0, 40).Draw(t, "before"))
		o.Return = time.Duration(at + rapid.IntRange(0, 40).Draw(t, "after"))
	}
	born := Operation{Kind: Deliver, To: Inbox, Add: Flags(rapid.IntRange(0, int(AllFlags)).Draw(t, "born with"))}
	uid := m.arrive(Inbox)
	if m.flags = born.Add; rapid.Bool().Draw(t, "APPENDUID") {
		born.NewUID = uid
	}
	span(&born, 100)
	history := []Operation{born}
	for i := range rapid.IntRange(0, 25).Draw(t, "operations") {
		o := m.draw(t)
		answered := rapid.IntRange(0, 9).Draw(t, "answered") > 0
		if answered || rapid.Bool().Draw(t, "done all the same") {
			m.do(&o)
		}
		span(&o, 110+10*i)
		if !answered {
			o.Outcome, o.Found, o.NewUID = Unknown, false, 0
			o.Return = o.Call + 1 // the client has given up; it may still happen
		}
		history = append(history, o)
	}
	return history, m.final()
}

// What a faultless server does is never found fault with, whatever overlaps and whatever has no answer.
func TestAFaultlessServerIsFoundSo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history, end := live(t)
		if got := verdict(history, end, patience); got != porcupine.Ok {
			t.Fatalf("%v; in the end %v after\n%s", got, end, tell(history))
		}
	})
}

// Where everything is answered and nothing overlaps, any change to how a message is found in the end is found fault with.
func TestEveryChangeIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history, end := live(t)
		for i := range history {
			if history[i].Outcome != Acknowledged {
				t.Skip("something has no answer")
			}
			history[i].Call, history[i].Return = time.Duration(10*i), time.Duration(10*i+1)
		}
		switch p := rapid.SampledFrom([]Place{Inbox, Archive, Copies}).Draw(t, "where"); {
		case end.uids[p] == 0:
			end.uids[p] = 1000
		case rapid.Bool().Draw(t, "it is gone"):
			end.uids[p], end.deleted = 0, end.deleted&^In(p)
		case rapid.Bool().Draw(t, "\\Deleted"):
			end.deleted ^= In(p)
		default:
			end.flags ^= Flags(1 + rapid.IntRange(0, int(AllFlags)-1).Draw(t, "flags"))
		}
		if got := verdict(history, end, patience); got != porcupine.Illegal {
			t.Fatalf("%v; in the end %v after\n%s", got, end, tell(history))
		}
	})
}
