package mailboxes

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/threadcount"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// get is Mailbox/get (RFC 8621 2.1).
func (m *Mailboxes) get(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	access, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	shares := m.o.PrincipalID != nil && c.Uses(sharingCapability)
	properties, err := method.Select(args.Properties, func(name string) bool { return known(name) || shares && name == "shareWith" })
	if err != nil {
		return nil, err
	}
	if args.IDs != nil {
		if err := method.CheckGet(len(*args.IDs)); err != nil {
			return nil, err
		}
	}
	var s seen
	var state states.State
	var threads map[mail.MailboxID]threadcount.Count
	err = m.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if state, err = states.Of(t, access.Owner, states.Mailbox); err != nil {
			return err
		}
		if s, err = m.see(t, access); err != nil {
			return err
		}
		if properties.Has("totalThreads") || properties.Has("unreadThreads") {
			if threads, err = m.o.Threads.Counts(t, access.Owner); err != nil {
				return err
			}
		}
		if shares && properties.Has("shareWith") {
			s.shared, err = m.sharing(t, &s)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer(args, state, &s, threads, properties)
}

// answer makes the objects.
func answer(args method.GetArgs, state states.State, s *seen, threads map[mail.MailboxID]threadcount.Count, properties method.Properties) (any, error) {
	r := method.GetResponse{AccountID: args.AccountID, State: state.String(), NotFound: []string{}}
	list := []ijson.Value{}
	add := func(one *mailbox.Shared) error {
		object, err := properties.Of(s.withThreads(one, threads))
		list = append(list, object)
		return err
	}
	if args.IDs == nil {
		for i := range s.list {
			if err := add(&s.list[i]); err != nil {
				return nil, err
			}
		}
	} else {
		for _, text := range method.Unique(*args.IDs) {
			id, _ := mail.ParseMailboxID(text)
			if one := s.find(id); one == nil {
				r.NotFound = append(r.NotFound, text)
			} else if err := add(one); err != nil {
				return nil, err
			}
		}
	}
	r.List = list
	return r, nil
}

// withThreads is object with the counts of threads.
func (s *seen) withThreads(one *mailbox.Shared, threads map[mail.MailboxID]threadcount.Count) object {
	o := s.object(one)
	o.ShareWith = s.shared[one.ID]
	if n := threads[one.ID]; one.Rights.Has(mail.RightRead) {
		o.TotalThreads, o.UnreadThreads = n.Threads, n.Unread
		if !s.access.Own() {
			o.UnreadThreads = n.UnreadHere
		}
	}
	return o
}
