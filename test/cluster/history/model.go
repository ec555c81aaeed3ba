package history

import (
	"math"
	"time"

	"github.com/anishathalye/porcupine"
)

// state is a message in one moment.
type state struct {
	born    bool
	uids    [places]uint32 // 0: it is not there
	been    Places         // where it is or was
	deleted Places         // where it has \Deleted: JMAP does not show it there (RFC 8621 4.1.1)
	flags   Flags
}

// A message whose UID nobody has told yet has the only one that it ever had in a place, or, having come back, another one.
const (
	itsUID = math.MaxUint32 - iota
	someUID
)

// shown is where JMAP has it.
func (s state) shown() (in Places) {
	for p := Inbox; p < places; p++ {
		if s.uids[p] != 0 {
			in |= 1 << p
		}
	}
	return in &^ s.deleted
}

// find is the state if the message is in p under uid.
func (s state) find(p Place, uid uint32) (state, bool) {
	switch s.uids[p] {
	case uid:
		return s, uid != 0
	case itsUID, someUID:
		s.uids[p] = uid
		return s, uid != 0
	}
	return s, false
}

// misses says that the message may not be in p under uid.
func (s state) misses(p Place, uid uint32) bool { return s.uids[p] != uid && s.uids[p] != itsUID }

func (s state) put(p Place, uid uint32) state {
	switch {
	case uid == 0 && s.been.Has(p):
		uid = someUID
	case uid == 0:
		uid = itsUID
	}
	s.uids[p], s.been, s.deleted = uid, s.been|In(p), s.deleted&^In(p)
	return s
}

func (s state) take(p Place) state {
	s.uids[p], s.deleted = 0, s.deleted&^In(p)
	return s
}

func (s state) mark(o *Operation) state {
	s.flags = s.flags&^o.Clear | o.Add
	return s
}

// happens are the states after o, if o takes place in s and finds the message or not, as found says; none: it cannot.
func (s state) happens(o *Operation, found bool) []state {
	switch o.Kind {
	case Deliver, Relay:
		if s.born {
			return nil
		}
		s.born = true
		return []state{s.put(o.To, o.NewUID).mark(o)}
	case Delete, Expunge:
		return s.remove(o)
	case Read, Patch, Destroy:
		return s.whole(o, found)
	}
	return s.placed(o, found)
}

// remove is for the two steps of a removal, which do nothing where the message is not. A UID that nobody has told yet may be
// another.
func (s state) remove(o *Operation) (after []state) {
	if s.misses(o.From, o.UID) {
		after = append(after, s)
	}
	s, ok := s.find(o.From, o.UID)
	switch {
	case !ok:
	case o.Kind == Delete:
		s.deleted |= In(o.From)
		after = append(after, s)
	case s.deleted.Has(o.From):
		after = append(after, s.take(o.From))
	default:
		after = append(after, s)
	}
	return after
}

// whole is for what names the message and not a place.
func (s state) whole(o *Operation, found bool) []state {
	if found != (s.shown() != 0) {
		return nil
	}
	switch {
	case !found || o.Kind == Read:
		return []state{s}
	case o.Kind == Destroy:
		s.uids, s.deleted = [places]uint32{}, 0
		return []state{s}
	}
	if s.shown().Has(o.From) && o.From != Nowhere {
		s = s.take(o.From)
	}
	if o.To != Nowhere && s.uids[o.To] == 0 {
		s = s.put(o.To, 0)
	}
	s.deleted &^= In(o.To) // it is wanted again
	return []state{s.mark(o)}
}

// placed is for what names a UID.
func (s state) placed(o *Operation, found bool) []state {
	here, ok := s.find(o.From, o.UID)
	var after []state
	if !found && s.misses(o.From, o.UID) {
		after = append(after, s)
	}
	// A STORE that is followed by a removal before it is answered tells no flags, as nothing is there to have them.
	if !ok || !found && o.Kind != Store {
		return after
	}
	s = here
	switch o.Kind {
	case Store:
		s = s.mark(o)
		if o.Whole {
			s.deleted &^= In(o.From)
		}
	case Move, Copy:
		return append(after, s.transfer(o)...)
	}
	return append(after, s)
}

// transfer puts the message where it is copied or moved to: with \Deleted, if it has that, or without.
func (s state) transfer(o *Operation) (after []state) {
	deleted := s.deleted.Has(o.From)
	if o.Kind == Move {
		s = s.take(o.From)
	}
	s = s.put(o.To, o.NewUID)
	after = append(after, s)
	if deleted {
		s.deleted |= In(o.To)
		after = append(after, s)
	}
	return after
}

// explains says whether a result that was seen fits the state.
func (s state) explains(o *Operation) bool {
	switch {
	case !o.Found:
		return true
	case o.Kind == Read:
		return s.shown() == o.SawIn && s.flags == o.Saw
	case o.Kind == ReadIn:
		return s.flags == o.Saw
	}
	return true
}

// after are the states after o, whose outcome may leave open what it did.
func (s state) after(o *Operation) (after []state) {
	switch o.Outcome {
	case Refused:
		return []state{s}
	case Acknowledged:
		for _, next := range s.happens(o, o.Found) {
			if next.explains(o) {
				after = append(after, next)
			}
		}
		return after
	}
	return append(s.happens(o, true), s)
}

// final is the last look, at everything.
type final struct {
	uids    [places]uint32
	deleted Places
	flags   Flags
}

func (s state) ends(f final) bool {
	for p := Inbox; p < places; p++ {
		if f.uids[p] == 0 && s.uids[p] != 0 {
			return false
		}
		if _, ok := s.find(p, f.uids[p]); f.uids[p] != 0 && !ok {
			return false
		}
	}
	return s.deleted == f.deleted && (s.uids == [places]uint32{} || s.flags == f.flags)
}

var model = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{state{}} },
	Step: func(at, input, _ any) (next []any) {
		s := at.(state)
		switch o := input.(type) {
		case *Operation:
			for _, n := range s.after(o) {
				next = append(next, n)
			}
		case final:
			if s.ends(o) {
				next = []any{s}
			}
		}
		return next
	},
	Equal: func(a, b any) bool { return a.(state) == b.(state) },
}).ToModel()

// verdict is whether some order of the operations explains them and how the message was found in the end.
func verdict(operations []Operation, end final, patience time.Duration) porcupine.CheckResult {
	last := time.Duration(0)
	for i := range operations {
		last = max(last, operations[i].Return)
	}
	history := make([]porcupine.Operation, 0, len(operations)+1)
	for i := range operations {
		o := &operations[i]
		until := o.Return
		if o.Outcome == Unknown || o.Outcome == Deferred || o.Kind == Relay {
			until = last + 1 // open: it may still happen, but not after the last look
		}
		history = append(history, porcupine.Operation{ClientId: i, Input: o, Call: int64(o.Call), Return: int64(until)})
	}
	history = append(history, porcupine.Operation{ClientId: len(operations), Input: end, Call: int64(last) + 2, Return: int64(last) + 3})
	return porcupine.CheckOperationsTimeout(model, history, patience)
}
