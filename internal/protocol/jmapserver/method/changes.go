package method

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// maxChanges is how many ids a response has where the client asks for no number, or for more.
const maxChanges = 4096

// Touched says what a change of the log is to the objects of a type; ok is false where it is nothing. Several changes may touch one
// object: an object that was touched as anything before it was created counts as created.
type Touched func(c tx.Change) (id string, op tx.Op, ok bool)

// Touch is what a change is to one object.
type Touch struct {
	ID string
	Op tx.Op
}

// Changes carries out a /changes (RFC 8620 5.2) from the log of an account. It stops between any two changes of the log, so that
// maxChanges is kept whatever it is; what was created and destroyed on the way is not told.
func Changes(t *tx.Tx, account mail.AccountID, typ states.Type, args ChangesArgs, touched Touched) (ChangesResponse, error) {
	one := make([]Touch, 1)
	return ChangesOfMany(t, account, typ, args, func(c tx.Change) []Touch {
		id, op, ok := touched(c)
		if !ok {
			return nil
		}
		one[0] = Touch{id, op}
		return one
	})
}

// ChangesOfMany is Changes where one change of the log may touch several objects, each once. They are told together, unless they are
// more than maxChanges: then in the order of their ids. Which they are may be another when the client comes back: what makes it so is a
// later change, which touches them too.
func ChangesOfMany(t *tx.Tx, account mail.AccountID, typ states.Type, args ChangesArgs, touched func(tx.Change) []Touch) (ChangesResponse, error) {
	r := ChangesResponse{AccountID: args.AccountID, OldState: args.SinceState}
	most := maxChanges
	if args.MaxChanges != nil {
		if *args.MaxChanges == 0 {
			return r, Fail(InvalidArguments, "maxChanges is above 0")
		}
		most = int(min(*args.MaxChanges, maxChanges))
	}
	since, err := states.Parse(args.SinceState)
	if err != nil {
		return r, Fail(CannotCalculateChanges, "%s", mail.Explain(err))
	}
	now, err := states.Of(t, account, typ)
	if err != nil {
		return r, err
	}
	if since.Epoch != now.Epoch || since.ModSeq > now.ModSeq {
		return r, Fail(CannotCalculateChanges, "the server was restored since, or has never given this state")
	}
	w := walk{most: most, ops: map[string]tx.Op{}}
	err = t.ChangesOf(account, since.Begin(), states.KindsOf(typ), func(c tx.Change, before int) bool {
		if c.ModSeq == since.ModSeq && before < since.Part {
			return true
		}
		touches := touched(c)
		if c.ModSeq == since.ModSeq && before == since.Part {
			touches = slices.DeleteFunc(touches, func(t Touch) bool { return t.ID <= since.After })
		}
		if w.addAll(touches) {
			return true
		}
		r.HasMoreChanges, now.ModSeq, now.Part = true, c.ModSeq, before
		switch {
		case w.count == 0:
			now.After = w.addFirst(touches)
		case before == 0:
			now.ModSeq--
		}
		return false
	})
	if mail.Is(err, mail.Gone) {
		return r, Fail(CannotCalculateChanges, "the server no longer knows what has changed since then")
	}
	r.NewState = now.String()
	r.Created, r.Updated, r.Destroyed = w.of(tx.Created), w.of(tx.Updated), w.of(tx.Destroyed)
	return r, err
}

// walk gathers what became of each object.
type walk struct {
	most  int
	count int
	ids   []string // as they were met
	ops   map[string]tx.Op
}

// addAll notes a change to some objects, unless there is no room for all of them.
func (w *walk) addAll(touches []Touch) bool {
	room := w.most - w.count
	for _, touch := range touches {
		if _, known := w.ops[touch.ID]; !known {
			room--
		}
	}
	if room < 0 {
		return false
	}
	for _, touch := range touches {
		w.add(touch.ID, touch.Op)
	}
	return true
}

// addFirst notes as much of a change as there is room for, and returns the last id of that.
func (w *walk) addFirst(touches []Touch) (last string) {
	slices.SortFunc(touches, func(a, b Touch) int { return strings.Compare(a.ID, b.ID) })
	touches = touches[:w.most]
	w.addAll(touches)
	return touches[w.most-1].ID
}

// gone is the op of an object that was created and destroyed.
const gone tx.Op = -1

// add notes a change.
func (w *walk) add(id string, op tx.Op) {
	last, known := w.ops[id]
	switch {
	case !known:
		w.ids, w.count = append(w.ids, id), w.count+1
		w.ops[id] = op
	case op == tx.Destroyed && last == tx.Created:
		w.ops[id] = gone
		w.count--
	case last == gone, op == tx.Updated:
	default:
		w.ops[id] = op
	}
}

func (w *walk) of(op tx.Op) []string {
	var out []string
	for _, id := range w.ids {
		if w.ops[id] == op {
			out = append(out, id)
		}
	}
	return out
}
