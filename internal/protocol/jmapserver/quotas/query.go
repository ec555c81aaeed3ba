package quotas

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// condition is a FilterCondition (RFC 9425 4.4).
type condition struct {
	Name         *string `json:"name"`
	Scope        *string `json:"scope"`
	ResourceType *string `json:"resourceType"`
	Type         *string `json:"type"`
}

type operator struct {
	Operator   string        `json:"operator"`
	Conditions []ijson.Value `json:"conditions"`
}

// query is Quota/query.
func (q *Quotas) query(ctx context.Context, c *method.Call) (any, error) {
	var args method.QueryArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	a, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	matches, err := filterOf(args.Filter)
	if err != nil {
		return nil, err
	}
	compare, err := sortOf(args.Sort)
	if err != nil {
		return nil, err
	}
	var list []quota
	var state states.State
	err = q.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if list, err = q.of(t, c, a.Owner); err == nil {
			state, err = states.Of(t, a.Owner, states.Quota)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(q quota) bool { return !matches(q) })
	slices.SortStableFunc(list, compare)
	resp := method.QueryResponse{AccountID: args.AccountID, QueryState: state.String()}
	return resp, window(&resp, args, idsOf(list))
}

// window takes from all results those that are asked for (RFC 8620 5.5).
func window(resp *method.QueryResponse, args method.QueryArgs, ids []string) error {
	from := args.Position
	if args.Anchor != nil {
		at := slices.Index(ids, *args.Anchor)
		if at < 0 {
			return method.Fail(method.AnchorNotFound, "%.40q is not among the results", *args.Anchor)
		}
		from = max(0, int64(at)+max(args.AnchorOffset, -int64(len(ids))))
	} else if from < 0 {
		from = max(0, from+int64(len(ids)))
	}
	if args.CalculateTotal {
		total := uint64(len(ids))
		resp.Total = &total
	}
	resp.Position = uint64(from)
	resp.IDs = ids[min(from, int64(len(ids))):]
	if args.Limit != nil && *args.Limit < uint64(len(resp.IDs)) {
		resp.IDs = resp.IDs[:*args.Limit]
	}
	return nil
}

// filterOf reads a filter.
func filterOf(v ijson.Value) (func(quota) bool, error) {
	if ijson.IsNull(v) {
		return func(quota) bool { return true }, nil
	}
	isOperator := false
	if err := ijson.Members(v, func(name string, _ ijson.Value) error { isOperator = isOperator || name == "operator"; return nil }); err != nil {
		return nil, method.Fail(method.InvalidArguments, "filter: %v", err)
	}
	if isOperator {
		return operatorOf(v)
	}
	var c condition
	if err := ijson.Strict(v, &c); err != nil {
		return nil, method.Fail(method.UnsupportedFilter, "filter: %v", err)
	}
	return func(q quota) bool {
		is := func(want *string, have string) bool { return want == nil || *want == have }
		return (c.Name == nil || strings.Contains(q.Name, *c.Name)) && is(c.Scope, q.Scope) && is(c.ResourceType, q.ResourceType) &&
			(c.Type == nil || slices.Contains(q.Types, *c.Type))
	}, nil
}

func operatorOf(v ijson.Value) (func(quota) bool, error) {
	var o operator
	if err := ijson.Strict(v, &o); err != nil || o.Conditions == nil || !slices.Contains([]string{"AND", "OR", "NOT"}, o.Operator) {
		return nil, method.Fail(method.InvalidArguments, "filter: an operator is AND, OR or NOT, with conditions")
	}
	parts := make([]func(quota) bool, len(o.Conditions))
	for i, c := range o.Conditions {
		var err error
		if ijson.IsNull(c) {
			return nil, method.Fail(method.InvalidArguments, "filter: a condition is an object")
		}
		if parts[i], err = filterOf(c); err != nil { // as deep as JSON may be
			return nil, err
		}
	}
	return func(q quota) bool {
		matching := 0
		for _, part := range parts {
			if part(q) {
				matching++
			}
		}
		switch o.Operator {
		case "AND":
			return matching == len(parts)
		case "OR":
			return matching > 0
		}
		return matching == 0
	}, nil
}

// sortOf reads an order; quotas that are equal in it are by id.
func sortOf(sort []method.SortBy) (func(a, b quota) int, error) {
	for _, s := range sort {
		if s.Property != "name" && s.Property != "used" || s.Keyword != "" {
			return nil, method.Fail(method.UnsupportedSort, "quotas are sorted by name and used, not by %.40q", s.Property)
		}
	}
	return func(a, b quota) int {
		for _, s := range sort {
			c := cmp.Compare(a.Used, b.Used)
			if s.Property == "name" {
				c = strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
			}
			if s.IsAscending != nil && !*s.IsAscending {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return byID(a, b)
	}, nil
}

func byID(a, b quota) int { return strings.Compare(a.ID, b.ID) }

// queryChanges is Quota/queryChanges: three quotas are asked for anew more easily than their changes are told.
func (q *Quotas) queryChanges(ctx context.Context, c *method.Call) (any, error) {
	var args method.QueryChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if _, err := c.Account(ctx, args.AccountID); err != nil {
		return nil, err
	}
	return nil, method.Fail(method.CannotCalculateChanges, "Quota/query answers at once")
}
