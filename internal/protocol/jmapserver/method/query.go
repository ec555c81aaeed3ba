package method

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// Limits of a filter that is carried out on objects in memory.
const (
	maxConditions  = 1000
	maxFilterDepth = 20
)

// Page is the part of a query's results that is wanted (RFC 8620 5.5), of results that are all at hand.
func Page(args *QueryArgs, ids []string, state string, changes bool) (*QueryResponse, error) {
	r := &QueryResponse{AccountID: args.AccountID, QueryState: state, CanCalculateChanges: changes, IDs: []string{}}
	position := args.Position
	if position < 0 {
		position = max(0, int64(len(ids))+position)
	}
	if args.Anchor != nil {
		at := slices.Index(ids, *args.Anchor)
		if at < 0 {
			return nil, Fail(AnchorNotFound, "the anchor %.40q is not among the results", *args.Anchor)
		}
		n := int64(len(ids)) // offsets beyond it are all alike, and are not added: they may be as large as an int64
		position = max(0, int64(at)+min(n, max(-n, args.AnchorOffset)))
	}
	r.Position = uint64(position)
	if position < int64(len(ids)) {
		r.IDs = ids[position:]
	}
	if args.Limit != nil && *args.Limit < uint64(len(r.IDs)) {
		r.IDs = r.IDs[:*args.Limit]
	}
	if args.CalculateTotal {
		r.Total = new(uint64(len(ids)))
	}
	return r, nil
}

// Filter tells whether an object is among the results of a query.
type Filter[T any] func(T) bool

// Condition reads one property of a FilterCondition. An error of ijson's is invalidArguments.
type Condition[T any] func(name string, value ijson.Value) (Filter[T], error)

// ParseFilter reads a filter, operators included (RFC 8620 5.5). null lets all pass.
func ParseFilter[T any](text ijson.Value, condition Condition[T]) (Filter[T], error) {
	if ijson.IsNull(text) {
		return func(T) bool { return true }, nil
	}
	return (&filterParser[T]{condition: condition}).parse(text, 0)
}

type filterParser[T any] struct {
	condition  Condition[T]
	conditions int
}

func (p *filterParser[T]) parse(text ijson.Value, depth int) (Filter[T], error) {
	if p.conditions++; p.conditions > maxConditions || depth > maxFilterDepth {
		return nil, Fail(UnsupportedFilter, "a filter has at most %d conditions, and operators %d deep", maxConditions, maxFilterDepth)
	}
	var members map[string]ijson.Value
	if err := ijson.Unmarshal(text, &members); err != nil || members == nil {
		return nil, Fail(InvalidArguments, "a filter is an object")
	}
	if _, is := members["operator"]; is {
		return p.operator(text, depth)
	}
	var all []Filter[T]
	for name, value := range members {
		f, err := p.condition(name, value)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return every(all), nil
}

func (p *filterParser[T]) operator(text ijson.Value, depth int) (Filter[T], error) {
	var op struct {
		Operator   string        `json:"operator"`
		Conditions []ijson.Value `json:"conditions"`
	}
	if err := ijson.Strict(text, &op); err != nil {
		return nil, Fail(InvalidArguments, "filter: %v", err)
	}
	var all []Filter[T]
	for _, c := range op.Conditions {
		f, err := p.parse(c, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	any := func(v T) bool { return slices.ContainsFunc(all, func(f Filter[T]) bool { return f(v) }) }
	switch op.Operator {
	case "AND":
		return every(all), nil
	case "OR":
		return any, nil
	case "NOT":
		return func(v T) bool { return !any(v) }, nil
	}
	return nil, Fail(InvalidArguments, "filter: the operators are AND, OR and NOT, not %.40q", op.Operator)
}

func every[T any](all []Filter[T]) Filter[T] {
	return func(v T) bool { return !slices.ContainsFunc(all, func(f Filter[T]) bool { return !f(v) }) }
}
