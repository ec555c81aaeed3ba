package live

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// filter is the condition of Contact/query. What is null is not asked.
type filter struct {
	Text       *string `json:"text"`
	Email      *string `json:"email"`
	IsKnown    *bool   `json:"isKnown"`
	IsAccepted *bool   `json:"isAccepted"`
	IsBlocked  *bool   `json:"isBlocked"`
}

// maxText bounds what is looked for.
const maxText = 200

// readFilter reads a filter. Operators are not supported: the conditions are few, and all must hold.
func readFilter(v ijson.Value) (f filter, err error) {
	if len(v) == 0 || ijson.IsNull(v) {
		return f, nil
	}
	if err := ijson.Strict(v, &f); err != nil {
		return f, method.Fail(method.UnsupportedFilter, "filter: %s", whatIsWrong(err))
	}
	if f.Text != nil && len(*f.Text) > maxText {
		return f, method.Fail(method.UnsupportedFilter, "filter/text has at most %d bytes", maxText)
	}
	return f, nil
}

func (f *filter) matches(c *contacts.Contact, words []string) bool {
	is := func(asked *bool, is bool) bool { return asked == nil || *asked == is }
	return is(f.IsKnown, c.Known()) && is(f.IsAccepted, c.Accepted) && is(f.IsBlocked, c.Blocked) && c.Matches(words) &&
		(f.Email == nil || strings.EqualFold(*f.Email, c.Address.String()))
}

// order is a comparison of contacts.
type order func(a, b *contacts.Contact) int

// readSort reads a sort; without one, who is near comes first.
func readSort(list []method.SortBy) (out []order, err error) {
	for _, by := range list {
		var o order
		switch by.Property {
		case "name":
			o = func(a, b *contacts.Contact) int { return cmp.Compare(casemap.Fold(a.Name), casemap.Fold(b.Name)) }
		case "email":
			o = func(a, b *contacts.Contact) int { return cmp.Compare(a.Address.String(), b.Address.String()) }
		case "lastWritten":
			o = func(a, b *contacts.Contact) int { return a.Wrote.Compare(b.Wrote) }
		default:
			return nil, method.Fail(method.UnsupportedSort, "contacts are sorted by name, email or lastWritten, not %.40q", by.Property)
		}
		if by.Collation != "" {
			return nil, method.Fail(method.UnsupportedSort, "there is no collation %.40q", by.Collation)
		}
		if by.IsAscending != nil && !*by.IsAscending {
			up := o
			o = func(a, b *contacts.Contact) int { return up(b, a) }
		}
		out = append(out, o)
	}
	return out, nil
}

// queryContacts is Contact/query.
func (l *Live) queryContacts(ctx context.Context, c *method.Call) (any, error) {
	var args method.QueryArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	f, err := readFilter(args.Filter)
	if err != nil {
		return nil, err
	}
	by, err := readSort(args.Sort)
	if err != nil {
		return nil, err
	}
	var state states.State
	var list []contacts.Contact
	err = l.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if state, err = states.Of(t, account, states.Contact); err != nil {
			return err
		}
		list, err = l.find(t, account, &f, by)
		return err
	})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID.String()
	}
	return method.Page(&args, ids, state.String(), false)
}

func (l *Live) find(t *tx.Tx, account mail.AccountID, f *filter, by []order) ([]contacts.Contact, error) {
	list, err := l.o.Contacts.Recent(t, account, contacts.MaxSearched)
	if err != nil {
		return nil, err
	}
	var words []string
	if f.Text != nil {
		words = contacts.Words(*f.Text)
	}
	list = slices.DeleteFunc(list, func(c contacts.Contact) bool { return !f.matches(&c, words) })
	if len(by) == 0 {
		contacts.Near(list, t.Now())
		return list, nil
	}
	slices.SortFunc(list, func(a, b contacts.Contact) int {
		for _, o := range by {
			if n := o(&a, &b); n != 0 {
				return n
			}
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return list, nil
}

// contactQueryChanges is Contact/queryChanges.
func (l *Live) contactQueryChanges(ctx context.Context, c *method.Call) (any, error) {
	var args method.QueryChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if _, err := c.OwnAccount(ctx, args.AccountID); err != nil {
		return nil, err
	}
	return nil, method.Fail(method.CannotCalculateChanges, "ask Contact/query again: its list is short")
}
