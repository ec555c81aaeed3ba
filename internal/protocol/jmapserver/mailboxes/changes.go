package mailboxes

import (
	"context"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/sight"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// changesResponse is what Mailbox/changes answers (RFC 8621 2.2).
type changesResponse struct {
	method.ChangesResponse
	UpdatedProperties *[]string `json:"updatedProperties"`
}

// changes is Mailbox/changes.
func (m *Mailboxes) changes(ctx context.Context, c *method.Call) (any, error) {
	var args method.ChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	access, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	var r changesResponse
	err = m.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		f := following{t: t, m: m, access: access, emails: map[mail.EmailID]bool{}, threads: map[mail.ThreadID]bool{}}
		r, err = f.changes(args)
		return err
	})
	return r, err
}

// following is one Mailbox/changes.
type following struct {
	t       *tx.Tx
	m       *Mailboxes
	access  method.Access
	seen    seen
	emails  map[mail.EmailID]bool  // that were changed
	threads map[mail.ThreadID]bool // that lost an email
	own     bool                   // properties besides the counts have changed
	trash   bool                   // another mailbox has become the trash, or none is
}

func (f *following) changes(args method.ChangesArgs) (r changesResponse, err error) {
	if f.seen, err = f.m.see(f.t, f.access); err != nil {
		return r, err
	}
	r.ChangesResponse, err = method.Changes(f.t, f.access.Owner, states.Mailbox, args, f.touched)
	if err != nil {
		return r, err
	}
	since, err := states.Parse(args.SinceState)
	if err != nil {
		return r, err
	}
	if since.Part > 0 {
		since.ModSeq-- // some changes of that number are still to come
	}
	if regranted, err := sight.Regranted(f.t, f.access, since.ModSeq); err != nil {
		return r, err
	} else if regranted {
		return r, method.Fail(method.CannotCalculateChanges, "rights to mailboxes have changed since then")
	}
	f.settle(&r.ChangesResponse)
	if err := f.addByThreads(&r.ChangesResponse); err != nil {
		return r, err
	}
	if args.MaxChanges != nil && uint64(len(r.Created)+len(r.Updated)+len(r.Destroyed)) > *args.MaxChanges {
		if r.ChangesResponse, err = f.singly(args); err != nil {
			return r, err
		}
	}
	if !f.own && len(r.Updated) > 0 {
		r.UpdatedProperties = &counts
	}
	return r, nil
}

// touched says what a change is to a mailbox.
func (f *following) touched(c tx.Change) (id string, op tx.Op, ok bool) {
	switch c.Kind {
	case tx.KindTrash:
		f.trash = true
	case tx.KindThread:
		f.threads[mail.ThreadID(c.Object)] = true
	case tx.KindMailbox:
		f.own = f.own || c.Op == tx.Updated
		id := mail.MailboxID(c.Object)
		return id.String(), c.Op, f.access.Own() || f.seen.find(id) != nil
	case tx.KindMembership:
		f.emails[mail.EmailID(c.Object)] = true
		return c.Mailbox.String(), tx.Updated, f.seen.find(c.Mailbox) != nil
	}
	return "", 0, false
}

// settle sorts out what is gone by now: with maxChanges, that it was destroyed may stand later in the log.
func (f *following) settle(r *method.ChangesResponse) {
	gone := func(text string) bool {
		id, _ := mail.ParseMailboxID(text)
		return f.seen.find(id) == nil
	}
	r.Created = slices.DeleteFunc(r.Created, gone)
	for _, text := range r.Updated {
		if gone(text) {
			r.Destroyed = append(r.Destroyed, text)
		}
	}
	r.Updated = slices.DeleteFunc(r.Updated, gone)
}

// addByThreads adds the mailboxes whose unreadThreads have changed with a message in another one, or with the trash.
func (f *following) addByThreads(r *method.ChangesResponse) error {
	met := map[string]bool{}
	for _, id := range slices.Concat(r.Created, r.Updated) {
		met[id] = true
	}
	if reached, err := states.Parse(r.NewState); err == nil && r.HasMoreChanges {
		for i := range f.seen.list { // what was created later is told then
			if one := &f.seen.list[i]; one.CreatedModSeq > reached.Begin() {
				met[one.ID.String()] = true
			}
		}
	}
	if f.trash && f.access.Own() {
		for i := range f.seen.list {
			if id := f.seen.list[i].ID.String(); !met[id] {
				met[id] = true
				r.Updated = append(r.Updated, id)
			}
		}
	}
	if !f.access.Own() || len(f.emails)+len(f.threads) == 0 || len(r.Created)+len(r.Updated) >= len(f.seen.list) {
		return nil
	}
	if err := f.m.o.Mailbox.Located(f.t, f.access.Owner, keys(f.emails), func(l *mailbox.Located) { f.threads[l.Thread] = true }); err != nil {
		return err
	}
	return f.m.o.Mailbox.LocatedInThreads(f.t, f.access.Owner, keys(f.threads), func(l *mailbox.Located) {
		if id := l.Mailbox.String(); !met[id] && f.seen.find(l.Mailbox) != nil {
			met[id] = true
			r.Updated = append(r.Updated, id)
		}
	})
}

// singly is for a client that asks for few changes: it tells for each change of the log by itself which mailboxes it touches by way of
// threads, so that the answer can end there, or within. What was met on the way to the first answer is all that it meets.
func (f *following) singly(args method.ChangesArgs) (r method.ChangesResponse, err error) {
	near, err := f.readNear()
	if err != nil {
		return r, err
	}
	f.own = false
	r, err = method.ChangesOfMany(f.t, f.access.Owner, states.Mailbox, args, func(c tx.Change) []method.Touch {
		var list []method.Touch
		id, op, ok := f.touched(c)
		if ok {
			list = append(list, method.Touch{ID: id, Op: op})
		}
		for _, at := range near.of(f, c) {
			// What was created later is told then.
			if one := f.seen.find(at); one != nil && one.CreatedModSeq < c.ModSeq && (!ok || at.String() != id) {
				list = append(list, method.Touch{ID: at.String(), Op: tx.Updated})
			}
		}
		return list
	})
	if err == nil {
		f.settle(&r)
	}
	return r, err
}

// near says in which mailboxes threads are.
type near struct {
	threads   map[mail.EmailID]mail.ThreadID
	mailboxes map[mail.ThreadID][]mail.MailboxID
}

// readNear reads where the threads are that were met.
func (f *following) readNear() (n near, err error) {
	n = near{map[mail.EmailID]mail.ThreadID{}, map[mail.ThreadID][]mail.MailboxID{}}
	if !f.access.Own() {
		return n, nil
	}
	if err := f.m.o.Mailbox.Located(f.t, f.access.Owner, keys(f.emails), func(l *mailbox.Located) {
		n.threads[l.Email], f.threads[l.Thread] = l.Thread, true
	}); err != nil {
		return n, err
	}
	err = f.m.o.Mailbox.LocatedInThreads(f.t, f.access.Owner, keys(f.threads), func(l *mailbox.Located) {
		if !slices.Contains(n.mailboxes[l.Thread], l.Mailbox) {
			n.mailboxes[l.Thread] = append(n.mailboxes[l.Thread], l.Mailbox)
		}
	})
	return n, err
}

// of are the mailboxes whose counts may have changed with a change that need not be to them.
func (n near) of(f *following, c tx.Change) (list []mail.MailboxID) {
	switch {
	case c.Kind == tx.KindThread:
		return n.mailboxes[mail.ThreadID(c.Object)]
	case c.Kind == tx.KindMembership:
		return n.mailboxes[n.threads[mail.EmailID(c.Object)]]
	case c.Kind == tx.KindTrash && f.access.Own():
		for i := range f.seen.list {
			list = append(list, f.seen.list[i].ID)
		}
	}
	return list
}

func keys[K ~int64](m map[K]bool) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
