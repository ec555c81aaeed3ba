package method

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// maxChanges is how many ids a response has where the client asks for no number, or for more.
const maxChanges = 4096

// Touched says what a change of the log is to the objects of a type; ok is false where it is nothing. Several changes may touch one
// object: an object that was touched as anything before it was created counts as created.
type Touched func(c tx.Change) (id string, op tx.Op, ok bool)

// Changes carries out a /changes (RFC 8620 5.2) from the log of an account. It stops between any two changes of the log, so that
// maxChanges is kept whatever it is; what was created and destroyed on the way is not told.
func Changes(t *tx.Tx, account mail.AccountID, typ states.Type, args ChangesArgs, touched Touched) (ChangesResponse, error) {
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
	begin := since.ModSeq
	if since.Part > 0 {
		begin--
	}
	err = t.ChangesOf(account, begin, states.KindsOf(typ), func(c tx.Change, before int) bool {
		if c.ModSeq == since.ModSeq && before < since.Part {
			return true
		}
		id, op, ok := touched(c)
		if !ok || w.add(id, op) {
			return true
		}
		r.HasMoreChanges, now.ModSeq, now.Part = true, c.ModSeq, before
		if before == 0 {
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

// gone is the op of an object that was created and destroyed.
const gone tx.Op = -1

// add notes a change, unless there is no room for another object.
func (w *walk) add(id string, op tx.Op) bool {
	last, known := w.ops[id]
	switch {
	case !known && w.count == w.most:
		return false
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
	return true
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
