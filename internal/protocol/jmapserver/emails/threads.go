package emails

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/sight"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// thread is a Thread (RFC 8621 3).
type thread struct {
	ID       string   `json:"id"`
	EmailIDs []string `json:"emailIds"`
}

var knownOfThread = method.Known("id", "emailIds")

// getThreads is Thread/get (RFC 8621 3.1).
func (e *Emails) getThreads(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	access, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	properties, err := method.Select(args.Properties, knownOfThread)
	if err != nil {
		return nil, err
	}
	var asked []string
	var ids []mail.ThreadID
	if args.IDs == nil {
		// RFC 8620 5.1: all, where that is supported. The threads of an account are as many as its mail.
		return nil, method.Fail(method.RequestTooLarge, "ids: name the threads, at most %d", method.MaxObjectsInGet)
	}
	asked = method.Unique(*args.IDs)
	if err := method.CheckGet(len(asked)); err != nil {
		return nil, err
	}
	for _, text := range asked {
		if id, err := mail.ParseThreadID(text); err == nil {
			ids = append(ids, id)
		}
	}
	var state states.State
	var threads map[mail.ThreadID][]dated
	err = e.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if state, err = states.Of(t, access.Owner, threadType(access)); err != nil {
			return err
		}
		seen, err := sight.Of(t, e.o.Mailbox, access)
		if err != nil {
			return err
		}
		threads, err = e.threads(t, access, seen, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answerThreads(args.AccountID, state, asked, threads, properties, c.Room())
}

func answerThreads(account string, state states.State, asked []string, threads map[mail.ThreadID][]dated, properties method.Properties, room int) (any, error) {
	r := method.GetResponse{AccountID: account, State: state.String(), NotFound: []string{}}
	list := []any{}
	for _, text := range asked {
		id, _ := mail.ParseThreadID(text)
		emails := threads[id]
		if len(emails) == 0 {
			r.NotFound = append(r.NotFound, text)
			continue
		}
		if room -= len(emails) * 20; room < 0 {
			return nil, method.Fail(method.RequestTooLarge, "the threads have too many emails: ask for fewer threads")
		}
		one := thread{ID: text, EmailIDs: make([]string, len(emails))}
		for i, e := range emails {
			one.EmailIDs[i] = e.id.String()
		}
		object, err := properties.Of(one)
		if err != nil {
			return nil, err
		}
		list = append(list, object)
	}
	r.List = list
	return r, nil
}

// threadType is the type whose state tells of threads. What a user sees of another's account changes with the mailboxes that emails
// are in.
func threadType(a method.Access) states.Type {
	if a.Own() {
		return states.Thread
	}
	return states.Email
}

// dated is an email with the time by which threads are sorted.
type dated struct {
	id       mail.EmailID
	received int64
}

// threads reads the emails that a user sees of threads, the oldest first (RFC 8621 3: with the same date, by id).
func (e *Emails) threads(t *tx.Tx, a method.Access, seen sight.Sight, ids []mail.ThreadID) (map[mail.ThreadID][]dated, error) {
	out := make(map[mail.ThreadID][]dated, len(ids))
	err := e.o.Mailbox.LocatedInThreads(t, a.Owner, ids, func(l *mailbox.Located) {
		list := out[l.Thread]
		if !seen.Sees(l.Mailbox, l.Flags.Bits) || len(list) > 0 && list[len(list)-1].id == l.Email {
			return
		}
		out[l.Thread] = append(list, dated{l.Email, l.Received})
	})
	for _, list := range out {
		slices.SortFunc(list, func(a, b dated) int { return cmp.Or(cmp.Compare(a.received, b.received), cmp.Compare(a.id, b.id)) })
	}
	return out, err
}

// changesOfThreads is Thread/changes (RFC 8621 3.2).
func (e *Emails) changesOfThreads(ctx context.Context, c *method.Call) (any, error) {
	return e.follow(ctx, c, func(f *following) (method.ChangesResponse, error) {
		r, err := method.Changes(f.t, f.access.Owner, threadType(f.access), f.args, f.thread)
		if err == nil && r.HasMoreChanges {
			err = f.lookAhead(r.NewState)
		}
		if err != nil {
			return r, err
		}
		return r, e.settleThreads(f, &r)
	})
}

// thread says what a change is to a thread: the id is the thread's or, where the log does not name it, that of an email in it.
func (f *following) thread(c tx.Change) (id string, op tx.Op, ok bool) {
	switch {
	case c.Kind == tx.KindThread:
		return mail.ThreadID(c.Object).String(), tx.Updated, c.Mailbox == 0 || f.sight.Reads(c.Mailbox)
	case c.Kind == tx.KindEmail && c.Op == tx.Destroyed: // its thread is logged
		return "", 0, false
	case c.Kind == tx.KindMembership && c.Op == tx.Updated: // flags
		return "", 0, false
	}
	id, _, ok = f.email(c)
	return id, tx.Updated, ok
}

// lookAhead notes which emails come into view only after a state on the way: what the user sees now is no sign that they were seen
// before.
func (f *following) lookAhead(from string) error {
	state, err := states.Parse(from)
	if err != nil {
		return err
	}
	if state.Part > 0 {
		state.ModSeq--
	}
	kinds := []tx.Kind{tx.KindShown}
	if !f.access.Own() {
		kinds = append(kinds, tx.KindMembership)
	}
	return f.t.ChangesOf(f.access.Owner, state.ModSeq, kinds, func(c tx.Change, _ int) bool {
		email := mail.EmailID(c.Object)
		if _, told := f.shown[email]; c.Kind == tx.KindShown && !told {
			f.shown[email] = c.Op == tx.Created
		}
		if c.Kind == tx.KindMembership && c.Op == tx.Created && !f.met[email] && f.sight.Reads(c.Mailbox) {
			f.entered[email] = true
		}
		return true
	})
}

// settleThreads finds the threads and sorts them by what the user sees now.
func (e *Emails) settleThreads(f *following, r *method.ChangesResponse) error {
	threads, err := f.threadsOf(r.Updated)
	if err != nil {
		return err
	}
	visible, err := e.threads(f.t, f.access, f.sight, threads)
	if err != nil {
		return err
	}
	created := map[mail.EmailID]mail.ModSeq{}
	err = f.room.EmailsOfThreads(f.t, f.access.Owner, threads, func(m mailbox.ThreadEmail) { created[m.ID] = m.CreatedModSeq })
	if err != nil {
		return err
	}
	entered, err := f.places(slices.Collect(maps.Keys(f.entered)))
	if err != nil {
		return err
	}
	known := func(d dated) bool {
		return created[d.id] <= f.since && !f.shown[d.id] && (!f.entered[d.id] || f.knownBefore(entered[d.id]))
	}
	r.Created, r.Updated, r.Destroyed = []string{}, []string{}, []string{}
	for _, id := range threads {
		emails := visible[id]
		switch {
		case len(emails) > 0 && slices.ContainsFunc(emails, known):
			r.Updated = append(r.Updated, id.String())
		case len(emails) > 0:
			r.Created = append(r.Created, id.String())
		case !f.born[mail.EmailID(id)]: // a thread has the id of its first email: else it came and went
			r.Destroyed = append(r.Destroyed, id.String())
		}
	}
	return nil
}

// threadsOf are the threads among ids, and those of the emails among them, each once.
func (f *following) threadsOf(ids []string) (threads []mail.ThreadID, err error) {
	met := map[mail.ThreadID]bool{}
	add := func(id mail.ThreadID) {
		if !met[id] {
			met[id] = true
			threads = append(threads, id)
		}
	}
	for _, text := range ids {
		if id, err := mail.ParseThreadID(text); err == nil {
			add(id)
		}
	}
	err = f.room.Located(f.t, f.access.Owner, idsOf(ids), func(l *mailbox.Located) { add(l.Thread) })
	return threads, err
}
