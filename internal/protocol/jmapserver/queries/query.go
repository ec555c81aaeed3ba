package queries

import (
	"context"
	"errors"
	"iter"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
)

// queryArgs are the arguments of Email/query (RFC 8621 4.4).
type queryArgs struct {
	method.QueryArgs
	CollapseThreads bool `json:"collapseThreads"`
}

// results are what a query finds, in its order.
type results struct {
	*view
	list     catalog.List
	found    catalog.Bits // nil: all of them
	collapse bool
}

// errLate says that a newer snapshot was asked meanwhile.
var errLate = errors.New("a newer state is known")

// results carries out a query.
func (q *Queries) results(ctx context.Context, a method.Access, f *filter, s *sorting, collapse bool) (*results, error) {
	for {
		v, err := q.view(ctx, a)
		if err != nil {
			return nil, err
		}
		r := &results{view: v, collapse: collapse}
		if r.found, err = q.match(ctx, v, f); err == nil {
			r.list, err = q.order(ctx, v, s)
		}
		if !errors.Is(err, errLate) { // else the next view is at least as new
			return r, err
		}
	}
}

// state is the state of a query.
func (v *view) state() states.State { return states.State{Epoch: v.Epoch, ModSeq: v.Changed} }

// all yields the slots of what is found, in order.
func (r *results) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		var seen catalog.Bits // threads
		if r.collapse {
			seen = catalog.NewBits(r.Threads())
		}
		for slot := range r.list.All() {
			if r.found != nil && !r.found.Has(slot) {
				continue
			}
			if r.collapse {
				thread := r.Entry(slot).ThreadNumber()
				if seen.Has(thread) {
					continue
				}
				seen.Add(thread)
			}
			if !yield(slot) {
				return
			}
		}
	}
}

// total is how many are found.
func (r *results) total() int {
	switch {
	case r.collapse:
		seen := catalog.NewBits(r.Threads())
		for slot := range r.view.All() { // in whichever order
			if r.found == nil || r.found.Has(slot) {
				seen.Add(r.Entry(slot).ThreadNumber())
			}
		}
		return seen.Count()
	case r.found != nil:
		return r.found.Count()
	}
	return r.list.Len()
}

func (q *Queries) query(ctx context.Context, c *method.Call) (any, error) {
	var args queryArgs
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
	r, err := q.results(ctx, a, f, s, args.CollapseThreads)
	if err != nil {
		return nil, err
	}
	return r.answer(&args.QueryArgs)
}

// answer is the page that is wanted (RFC 8620 5.5).
func (r *results) answer(args *method.QueryArgs) (*method.QueryResponse, error) {
	out := &method.QueryResponse{AccountID: args.AccountID, QueryState: r.state().String(), CanCalculateChanges: true, IDs: []string{}}
	limit := uint64(MaxIDs)
	if args.Limit != nil && *args.Limit <= limit {
		limit = *args.Limit
	} else {
		out.Limit = &limit
	}
	total := -1
	if args.CalculateTotal {
		total = r.total()
		out.Total = new(uint64(total))
	}
	position, err := r.position(args, total)
	if err != nil {
		return nil, err
	}
	out.Position = uint64(position)
	n := 0
	for slot := range r.all() {
		if len(out.IDs) == int(limit) {
			break
		}
		if n++; n > position {
			out.IDs = append(out.IDs, r.Entry(slot).Email.String())
		}
	}
	return out, nil
}

// position is the index of the first id that is wanted. total is -1 where it is not known yet.
func (r *results) position(args *method.QueryArgs, total int) (int, error) {
	for _, n := range []int64{args.Position, args.AnchorOffset} {
		if n > maxInt || n < -maxInt {
			return 0, method.Fail(method.InvalidArguments, "a position is a whole number within 2^53")
		}
	}
	if args.Anchor != nil {
		index, found := r.index(*args.Anchor)
		if !found {
			return 0, method.Fail(method.AnchorNotFound, "the anchor is not among the results")
		}
		return max(0, index+int(args.AnchorOffset)), nil
	}
	if args.Position >= 0 {
		return int(args.Position), nil
	}
	if total < 0 {
		total = r.total()
	}
	return max(0, total+int(args.Position)), nil
}

// index is where an email stands among the results.
func (r *results) index(text string) (index int, found bool) {
	id, err := mail.ParseEmailID(text)
	if err != nil {
		return 0, false
	}
	want, is := r.Find(id)
	if !is {
		return 0, false
	}
	for slot := range r.all() {
		if slot == want {
			return index, true
		}
		index++
	}
	return 0, false
}
