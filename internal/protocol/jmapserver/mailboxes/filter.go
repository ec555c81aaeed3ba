package mailboxes

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// condition reads one property of a FilterCondition (RFC 8621 2.3).
func condition(name string, value ijson.Value) (method.Filter[*object], error) {
	var err error
	var f method.Filter[*object]
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
