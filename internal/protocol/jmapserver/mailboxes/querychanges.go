package mailboxes

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

type queryChangesArgs struct {
	method.QueryChangesArgs
	treeArgs
}

// queryChanges is Mailbox/queryChanges (RFC 8621 2.4). Every property that a query looks at may change, so that each mailbox that was
// changed is taken out and, if it is among the results, put in again (RFC 8620 5.6).
func (m *Mailboxes) queryChanges(ctx context.Context, c *method.Call) (any, error) {
	var args queryChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	access, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	q, err := parseQuery(args.Filter, args.Sort, args.treeArgs)
	if err != nil {
		return nil, err
	}
	if args.MaxChanges != nil && *args.MaxChanges == 0 {
		return nil, method.Fail(method.InvalidArguments, "maxChanges is above 0")
	}
	r := method.QueryChangesResponse{AccountID: args.AccountID, OldQueryState: args.SinceQueryState}
	err = m.o.Tx.Read(ctx, func(t *tx.Tx) error {
		ids, state, err := m.results(t, access, q)
		if err != nil {
			return err
		}
		touched, err := m.touchedSince(t, access, args.SinceQueryState, state)
		if err != nil {
			return err
		}
		if err := m.addBelow(t, access, q, touched); err != nil {
			return err
		}
		r.NewQueryState, r.Removed, r.Added = state, []string{}, []method.Added{}
		for _, id := range keys(touched) {
			r.Removed = append(r.Removed, id.String())
		}
		for i, text := range ids {
			if id, _ := mail.ParseMailboxID(text); touched[id] {
				r.Added = append(r.Added, method.Added{ID: text, Index: uint64(i)})
			}
		}
		if args.CalculateTotal {
			r.Total = new(uint64(len(ids)))
		}
		return nil
	})
	if err == nil && args.MaxChanges != nil && uint64(len(r.Removed)+len(r.Added)) > *args.MaxChanges {
		err = method.Fail(method.TooManyChanges, "there are %d changes", len(r.Removed)+len(r.Added))
	}
	return r, err
}

// touchedSince are the mailboxes whose own properties have changed.
func (m *Mailboxes) touchedSince(t *tx.Tx, a method.Access, since, now string) (map[mail.MailboxID]bool, error) {
	touched := map[mail.MailboxID]bool{}
	if since == now {
		return touched, nil
	}
	cannot := func(why string) error { return method.Fail(method.CannotCalculateChanges, "%s", why) }
	if !a.Own() {
		return nil, cannot("of mailboxes that others share no changes of queries are known")
	}
	before, err := states.Parse(since)
	if err != nil {
		return nil, cannot(mail.Explain(err))
	}
	if after, err := queryState(t, a); err != nil || before.Epoch != after.Epoch || before.ModSeq > after.ModSeq || before.Part > 0 {
		if err == nil {
			err = cannot("the server was restored since, or has never given this state")
		}
		return nil, err
	}
	err = t.Changes(a.Owner, before.ModSeq, func(c tx.Change) bool {
		if c.Kind == tx.KindMailbox {
			touched[mail.MailboxID(c.Object)] = true
		}
		return true
	})
	if mail.Is(err, mail.Gone) {
		err = cannot("the server no longer knows what has changed since then")
	}
	return touched, err
}

// addBelow adds what lies below mailboxes that were touched: in a tree it may have moved with them, or be found with them.
func (m *Mailboxes) addBelow(t *tx.Tx, a method.Access, q asked, touched map[mail.MailboxID]bool) error {
	if !q.SortAsTree && !q.FilterAsTree || len(touched) == 0 {
		return nil
	}
	s, err := m.see(t, a)
	if err != nil {
		return err
	}
	f := newForest(&s)
	for _, id := range f.ids {
		for above := f.above[id]; above != 0; above = f.above[above] {
			if touched[above] {
				touched[id] = true
			}
		}
	}
	return nil
}
