package emails

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/sight"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// changes is Email/changes (RFC 8621 4.3).
func (e *Emails) changes(ctx context.Context, c *method.Call) (any, error) {
	return e.follow(ctx, c, func(f *following) (method.ChangesResponse, error) {
		r, err := method.Changes(f.t, f.access.Owner, states.Email, f.args, f.email)
		if err != nil {
			return r, err
		}
		return r, f.settle(&r)
	})
}

// following is one /changes of emails or threads.
type following struct {
	t      *tx.Tx
	room   *mailbox.Store
	access method.Access
	args   method.ChangesArgs
	since  mail.ModSeq
	sight  sight.Sight

	met     map[mail.EmailID]bool // emails of which something was read
	born    map[mail.EmailID]bool // emails that are new to the account
	shown   map[mail.EmailID]bool // emails that came into view where they lay
	entered map[mail.EmailID]bool // emails that came into a mailbox that the user, who is not the owner, reads
}

// follow carries out a /changes in one view of the account.
func (e *Emails) follow(ctx context.Context, c *method.Call, run func(*following) (method.ChangesResponse, error)) (any, error) {
	var args method.ChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	access, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	var r method.ChangesResponse
	err = e.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		f := &following{t: t, room: e.o.Mailbox, access: access, args: args, met: map[mail.EmailID]bool{}, born: map[mail.EmailID]bool{}, shown: map[mail.EmailID]bool{}, entered: map[mail.EmailID]bool{}}
		if since, err := states.Parse(args.SinceState); err == nil {
			f.since = since.Begin()
		}
		if f.sight, err = sight.Of(t, e.o.Mailbox, access); err != nil {
			return err
		}
		if r, err = run(f); err != nil {
			return err
		}
		regranted, err := sight.Regranted(t, access, f.since)
		if err == nil && regranted {
			err = method.Fail(method.CannotCalculateChanges, "rights to mailboxes have changed since then: what you see may be all other mail")
		}
		return err
	})
	return r, err
}

// email says what a change is to an email. What is created or destroyed with it is settled when all is read: \Deleted hides
// emails, too.
func (f *following) email(c tx.Change) (id string, op tx.Op, ok bool) {
	email := mail.EmailID(c.Object)
	own := f.access.Own()
	switch c.Kind {
	case tx.KindEmail: // who is not the owner hears of it by the memberships that are the user's business
		f.born[email] = f.born[email] || c.Op == tx.Created
		return email.String(), c.Op, own
	case tx.KindShown:
		f.shown[email] = c.Op == tx.Created
		op = tx.Updated
	case tx.KindMembership:
		if op = tx.Updated; c.Op == tx.Created && !own && !f.met[email] && f.sight.Reads(c.Mailbox) {
			op = tx.Created
			f.entered[email] = true
		}
	default:
		return "", 0, false
	}
	if !f.sight.Reads(c.Mailbox) {
		return "", 0, false
	}
	f.met[email] = true
	return email.String(), op, true
}

// settle sorts the ids by what the user sees now.
func (f *following) settle(r *method.ChangesResponse) error {
	places, err := f.places(idsOf(r.Created, r.Updated))
	if err != nil {
		return err
	}
	was := *r
	r.Created, r.Updated = []string{}, []string{}
	for _, text := range was.Created {
		id, _ := mail.ParseEmailID(text)
		switch at := places[id]; {
		case len(at) == 0: // it came and went
		case f.knownBefore(at):
			r.Updated = append(r.Updated, text)
		default:
			r.Created = append(r.Created, text)
		}
	}
	for _, text := range was.Updated {
		id, _ := mail.ParseEmailID(text)
		switch {
		case len(places[id]) == 0:
			r.Destroyed = append(r.Destroyed, text)
		case f.shown[id]:
			r.Created = append(r.Created, text)
		default:
			r.Updated = append(r.Updated, text)
		}
	}
	return nil
}

// knownBefore reports whether a user who is not the owner saw an email already: it lies unchanged somewhere else.
func (f *following) knownBefore(at []mail.ModSeq) bool {
	for _, modseq := range at {
		if !f.access.Own() && modseq <= f.since {
			return true
		}
	}
	return false
}

// places are the numbers of the places where the user sees emails.
func (f *following) places(ids []mail.EmailID) (map[mail.EmailID][]mail.ModSeq, error) {
	places := make(map[mail.EmailID][]mail.ModSeq, len(ids))
	err := f.room.Located(f.t, f.access.Owner, ids, func(l *mailbox.Located) {
		if f.sight.Sees(l.Mailbox, l.Flags.Bits) {
			places[l.Email] = append(places[l.Email], l.ModSeq)
		}
	})
	return places, err
}

func idsOf(lists ...[]string) (ids []mail.EmailID) {
	for _, list := range lists {
		for _, text := range list {
			if id, err := mail.ParseEmailID(text); err == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
