package queries

import (
	"context"
	"maps"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// delta is what the change log says that lies between a state and a later view.
type delta struct {
	emails  map[mail.EmailID]touch
	threads map[mail.ThreadID]bool // that lost an email
	deleted []mail.MailboxID
	rights  bool // what is shown to others is something else
}

// touch is what happened to an email.
type touch uint8

const (
	made  touch = 1 << iota // it was not there
	shown                   // it may not have been seen, or is not seen any more
	ended                   // it is gone
	other                   // something else of it
)

var deltaKinds = []tx.Kind{tx.KindMembership, tx.KindEmail, tx.KindThread, tx.KindMailbox, tx.KindRights, tx.KindShown}

// maxTouched is how many emails a delta has, at most.
const maxTouched = 100_000

var errNoDelta = method.Fail(method.CannotCalculateChanges, "the server cannot tell what has changed since then: ask anew")

// deltaSince reads what happened to the emails that a user sees, after a number.
func (q *Queries) deltaSince(ctx context.Context, v *view, since mail.ModSeq) (*delta, error) {
	d := &delta{}
	err := q.o.Tx.Read(ctx, func(t *tx.Tx) error {
		*d = delta{emails: map[mail.EmailID]touch{}, threads: map[mail.ThreadID]bool{}}
		err := t.ChangesOf(v.access.Owner, since, deltaKinds, func(c tx.Change, _ int) bool {
			d.add(v, c)
			return len(d.emails) <= maxTouched
		})
		if err == nil {
			err = q.addHidden(t, v, d)
		}
		return err
	})
	if mail.Is(err, mail.Gone) || len(d.emails) > maxTouched || d.rights && !v.access.Own() {
		return nil, errNoDelta
	}
	return d, err
}

func (d *delta) add(v *view, c tx.Change) {
	id := mail.EmailID(c.Object)
	switch c.Kind {
	case tx.KindMembership:
		if v.sight.Reads(c.Mailbox) {
			d.emails[id] |= other
		}
	case tx.KindEmail:
		switch c.Op {
		case tx.Created:
			d.emails[id] |= made
		case tx.Destroyed: // with its mailbox it goes without a word of its membership
			d.emails[id] |= ended
		}
	case tx.KindShown:
		d.emails[id] |= shown
	case tx.KindThread:
		d.threads[mail.ThreadID(c.Object)] = true
	case tx.KindMailbox:
		if c.Op == tx.Destroyed {
			d.deleted = append(d.deleted, mail.MailboxID(c.Object))
			d.rights = true // they went with it
		}
	case tx.KindRights:
		d.rights = true
	}
}

// addHidden adds what is gone with a mailbox, and the threads of emails that were touched and are not seen any more.
func (q *Queries) addHidden(t *tx.Tx, v *view, d *delta) error {
	if !v.access.Own() {
		maps.DeleteFunc(d.emails, func(_ mail.EmailID, what touch) bool { return what&other == 0 }) // elsewhere
	}
	var missing []mail.EmailID
	for id := range d.emails {
		if slot, there := v.Find(id); !there || !v.sees(v.Entry(slot)) {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	threads, err := q.o.Catalog.Threads(t, v.access.Owner, missing, d.deleted)
	for id, thread := range threads {
		d.emails[id] |= other
		d.threads[thread] = true
	}
	return err
}

// affected are the slots of emails that may have come or moved, and gone the emails that are not found any more, as far as a client
// may have had them.
func (d *delta) affected(r *results, exact, whole bool) (affected catalog.Bits, gone []string) {
	affected = catalog.NewBits(r.Slots())
	threads := maps.Clone(d.threads)
	for id, what := range d.emails {
		slot, there := r.Find(id)
		switch {
		case there && r.sees(r.Entry(slot)):
			if !exact || what&(made|shown) != 0 {
				affected.Add(slot)
				threads[r.Entry(slot).Thread] = true
			}
		case what&made == 0:
			gone = append(gone, id.String())
		}
	}
	if whole {
		for thread := range threads {
			for slot := range r.InThread(thread) {
				if r.sees(r.Entry(slot)) {
					affected.Add(slot)
				}
			}
		}
	}
	return affected, gone
}
