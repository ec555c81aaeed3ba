package queries

import (
	"context"
	"iter"
	"time"

	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// matches are the emails that a filter finds in a snapshot. They do not change.
type matches struct {
	at    catalog.Point
	found catalog.Bits
	flags map[string]*threadFlags // that the filter asks for
}

func (m *matches) weight() int64 { return int64(8*len(m.found)) + weightOf(m.flags) }

// match finds the emails of a view that a filter wants; nil stands for all.
func (q *Queries) match(ctx context.Context, v *view, f *filter) (catalog.Bits, error) {
	key := f.key
	if !v.access.Own() {
		key = search.And{search.Within{Mailboxes: v.sight.Readable()}, orAll(key)}
	}
	if key == nil {
		return nil, nil
	}
	plan := search.Plan(key, search.Scope{})
	if plan.ContentKeys() > MaxTexts {
		return nil, method.Fail(method.UnsupportedFilter, "a filter looks for at most %d words in texts", MaxTexts)
	}
	m, err := derive(ctx, q.kept, v.key+" filter "+string(f.hash[:]), func(known *matches) (*matches, error) {
		switch {
		case known != nil && known.at == v.Point():
			return known, nil
		case known != nil && v.Before(known.at):
			return nil, errLate
		}
		return q.matchAll(ctx, v, f, plan, known)
	})
	if mail.Is(err, mail.Limit) {
		return nil, method.Fail(method.UnsupportedFilter, "%s", mail.Explain(err))
	}
	if err != nil {
		return nil, err
	}
	return m.found, nil
}

func orAll(key search.Key) search.Key {
	if key == nil {
		return search.All{}
	}
	return key
}

// matchAll asks all emails, or those that are others than in a snapshot of which the answer is known.
func (q *Queries) matchAll(ctx context.Context, v *view, f *filter, plan *search.Query, known *matches) (*matches, error) {
	m := &matches{at: v.Point(), flags: v.flagsOf(f.thread)}
	var ask iter.Seq[uint32]
	if known != nil && v.Follows(known.at) {
		changed, _ := v.changesSince(known.at, known.flags, m.flags)
		m.found = known.found.Grown(v.Slots())
		m.found.Subtract(changed)
		ask = v.still(changed)
	} else {
		m.found, ask = catalog.NewBits(v.Slots()), v.All()
	}
	s := finding.Search{Query: plan, Owner: v.access.Owner, For: v.access.Who, Keys: f.parts, Effort: effort(ctx),
		Facts: func(slot uint32, into *search.Facts) { v.facts(slot, m.flags, into) },
		Found: func(slot uint32, found bool) {
			if found {
				m.found.Add(slot)
			}
		},
	}
	err := q.o.Finder.Look(ctx, &s, func(yield func(uint32, *search.Facts) bool) {
		var facts search.Facts
		for slot := range ask {
			if v.facts(slot, m.flags, &facts); !yield(slot, &facts) {
				return
			}
		}
	})
	return m, err
}

// still yields those of some slots that have an email.
func (v *view) still(slots catalog.Bits) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, slot := range slots.All() {
			if v.Entry(slot).Email != 0 && !yield(slot) {
				return
			}
		}
	}
}

// facts are what the snapshot knows of an email.
func (v *view) facts(slot uint32, flags map[string]*threadFlags, into *search.Facts) {
	e := v.Entry(slot)
	*into = search.Facts{Email: e.Email, Size: int64(e.Size), Received: time.UnixMilli(e.Received).UTC(), Flags: v.FlagsOf(e),
		Mailboxes: v.mailboxes(e), Attachment: e.Attachment}
	if flags != nil {
		thread := e.ThreadNumber()
		into.InThread = func(name string, all bool) bool { return flags[name].of(thread, all) }
	}
}
