package queries

import (
	"context"
	"slices"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
)

// changesArgs are the arguments of Email/queryChanges (RFC 8621 4.5).
type changesArgs struct {
	method.QueryChangesArgs
	CollapseThreads bool `json:"collapseThreads"`
}

func (q *Queries) queryChanges(ctx context.Context, c *method.Call) (any, error) {
	var args changesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	a, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	f, err := parseFilter(args.Filter)
	if err != nil {
		return nil, err
	}
	s, err := parseSort(args.Sort)
	if err != nil {
		return nil, err
	}
	since, err := states.Parse(args.SinceQueryState)
	if err != nil || since.Part != 0 {
		return nil, errNoDelta
	}
	r, err := q.results(ctx, a, f, s, args.CollapseThreads)
	if err != nil {
		return nil, err
	}
	if since.Epoch != r.Epoch || since.ModSeq > r.At {
		return nil, errNoDelta // the database was put back to an earlier time, or the state is none of ours
	}
	d, err := q.deltaSince(ctx, r.view, since.ModSeq)
	if err != nil {
		return nil, err
	}
	// Others than the owner see what comes to lie where they may look: for them, everything can change.
	exact := !f.mutable && !s.mutable && a.Own()
	return r.changes(d, &args.QueryChangesArgs, exact, args.CollapseThreads || len(f.thread)+len(s.thread) > 0)
}

// changes is the answer to /queryChanges (RFC 8620 5.6). exact: neither filter nor sort asks for what can change. whole: what happens to
// an email happens to its thread.
func (r *results) changes(d *delta, args *method.QueryChangesArgs, exact, whole bool) (*method.QueryChangesResponse, error) {
	out := &method.QueryChangesResponse{AccountID: args.AccountID, OldQueryState: args.SinceQueryState, NewQueryState: r.state().String(), Added: []method.Added{}}
	if args.CalculateTotal {
		out.Total = new(uint64(r.total()))
	}
	affected, gone := d.affected(r, exact, whole)
	if exact && args.UpToID != nil {
		r.upTo(*args.UpToID, affected)
	}
	out.Removed = gone
	for _, slot := range affected.All() {
		if e := r.Entry(slot); d.emails[e.Email]&made == 0 {
			out.Removed = append(out.Removed, e.Email.String())
		}
	}
	if len(affected.All()) > 0 {
		index := uint64(0)
		for slot := range r.all() {
			if affected.Has(slot) {
				out.Added = append(out.Added, method.Added{ID: r.Entry(slot).Email.String(), Index: index})
			}
			index++
		}
	}
	slices.Sort(out.Removed)
	if most := args.MaxChanges; most != nil && uint64(len(out.Removed)+len(out.Added)) > *most {
		return nil, method.Fail(method.TooManyChanges, "%d ids were removed and %d added", len(out.Removed), len(out.Added))
	}
	return out, nil
}

// upTo leaves out what stands behind an email, if that is found.
func (r *results) upTo(id string, affected catalog.Bits) {
	end, found := r.index(id)
	if !found {
		return
	}
	index := 0
	for slot := range r.all() {
		if index > end {
			affected.Remove(slot)
		}
		index++
	}
}
