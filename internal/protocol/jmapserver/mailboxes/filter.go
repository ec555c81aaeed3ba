package mailboxes

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// Limits of a filter.
const (
	maxConditions = 1000
	maxDepth      = 20
)

// filter tells whether a mailbox is among the results.
type filter func(*object) bool

func all(*object) bool { return true }

// parser reads a filter (RFC 8620 5.5, RFC 8621 2.3).
type parser struct{ conditions int }

func parseFilter(text ijson.Value) (filter, error) {
	if len(text) == 0 || ijson.IsNull(text) {
		return all, nil
	}
	return new(parser).parse(text, 0)
}

func (p *parser) parse(text ijson.Value, depth int) (filter, error) {
	if p.conditions++; p.conditions > maxConditions || depth > maxDepth {
		return nil, method.Fail(method.UnsupportedFilter, "a filter has at most %d conditions, and operators %d deep", maxConditions, maxDepth)
	}
	var members map[string]ijson.Value
	if err := ijson.Unmarshal(text, &members); err != nil || members == nil {
		return nil, method.Fail(method.InvalidArguments, "a filter is an object")
	}
	if _, is := members["operator"]; is {
		return p.operator(text, depth)
	}
	var conditions []filter
	for name, value := range members {
		c, err := condition(name, value)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
	}
	return every(conditions), nil
}

func every(filters []filter) filter {
	return func(o *object) bool { return !slices.ContainsFunc(filters, func(f filter) bool { return !f(o) }) }
}

func (p *parser) operator(text ijson.Value, depth int) (filter, error) {
	var op struct {
		Operator   string        `json:"operator"`
		Conditions []ijson.Value `json:"conditions"`
	}
	if err := ijson.Strict(text, &op); err != nil {
		return nil, method.Fail(method.InvalidArguments, "filter: %v", err)
	}
	var filters []filter
	for _, c := range op.Conditions {
		f, err := p.parse(c, depth+1)
		if err != nil {
			return nil, err
		}
		filters = append(filters, f)
	}
	switch op.Operator {
	case "AND":
		return every(filters), nil
	case "OR":
		return func(o *object) bool { return slices.ContainsFunc(filters, func(f filter) bool { return f(o) }) }, nil
	case "NOT":
		return func(o *object) bool { return !slices.ContainsFunc(filters, func(f filter) bool { return f(o) }) }, nil
	}
	return nil, method.Fail(method.InvalidArguments, "filter: the operators are AND, OR and NOT, not %.40q", op.Operator)
}

// condition reads one property of a FilterCondition.
func condition(name string, value ijson.Value) (filter, error) {
	var err error
	var f filter
	switch name {
	case "parentId":
		var want *string
		err = ijson.Strict(value, &want)
		f = func(o *object) bool { return equal(o.ParentID, want) }
	case "role":
		var want *string
		err = ijson.Strict(value, &want)
		f = func(o *object) bool { return equal(o.Role, want) }
	case "name":
		var want string
		err = ijson.Strict(value, &want)
		want = casemap.Fold(want)
		f = func(o *object) bool { return strings.Contains(casemap.Fold(o.Name), want) }
	case "hasAnyRole":
		var want bool
		err = ijson.Strict(value, &want)
		f = func(o *object) bool { return (o.Role != nil) == want }
	case "isSubscribed":
		var want bool
		err = ijson.Strict(value, &want)
		f = func(o *object) bool { return o.IsSubscribed == want }
	default:
		return nil, method.Fail(method.UnsupportedFilter, "a filter of mailboxes cannot ask for %.100q", name)
	}
	if err != nil {
		return nil, method.Fail(method.InvalidArguments, "filter: %s: %v", name, err)
	}
	return f, nil
}

func equal(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
