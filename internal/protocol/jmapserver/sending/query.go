package sending

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// condition is a FilterCondition (RFC 8621 7.3).
type condition struct {
	IdentityIDs *[]string `json:"identityIds"`
	EmailIDs    *[]string `json:"emailIds"`
	ThreadIDs   *[]string `json:"threadIds"`
	UndoStatus  *string   `json:"undoStatus"`
	Before      *string   `json:"before"`
	After       *string   `json:"after"`

	before, after time.Time
}

// operator is a FilterOperator (RFC 8620 5.5).
type operator struct {
	Operator   string        `json:"operator"`
	Conditions []ijson.Value `json:"conditions"`
}

// test says whether a submission is among the results.
type test func(one *submissions.Shown, now time.Time) bool

// maxConditions bounds a filter.
const maxConditions = 100

// readFilter reads a filter. left is how many conditions it may still have.
func readFilter(v ijson.Value, left *int) (test, error) {
	if ijson.IsNull(v) {
		return func(*submissions.Shown, time.Time) bool { return true }, nil
	}
	if *left--; *left < 0 {
		return nil, method.Fail(method.UnsupportedFilter, "a filter has at most %d conditions", maxConditions)
	}
	var op operator
	if err := ijson.Strict(v, &op); err != nil || op.Operator == "" {
		return readCondition(v)
	}
	var all []test
	for _, c := range op.Conditions {
		one, err := readFilter(c, left)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	any := func(want bool) test {
		return func(one *submissions.Shown, now time.Time) bool {
			return slices.ContainsFunc(all, func(t test) bool { return t(one, now) == want })
		}
	}
	switch op.Operator {
	case "AND":
		some := any(false)
		return func(one *submissions.Shown, now time.Time) bool { return !some(one, now) }, nil
	case "OR":
		return any(true), nil
	case "NOT":
		some := any(true)
		return func(one *submissions.Shown, now time.Time) bool { return !some(one, now) }, nil
	}
	return nil, method.Fail(method.InvalidArguments, "filter: there is no operator %.40q", op.Operator)
}

func readCondition(v ijson.Value) (test, error) {
	var c condition
	if err := ijson.Strict(v, &c); err != nil {
		return nil, method.Fail(method.InvalidArguments, "filter: %v", err)
	}
	if c.UndoStatus != nil && !slices.Contains([]string{pending, final, canceled}, *c.UndoStatus) {
		return nil, method.Fail(method.InvalidArguments, "filter: undoStatus is %q, %q or %q", pending, final, canceled)
	}
	for text, into := range map[*string]*time.Time{c.Before: &c.before, c.After: &c.after} {
		if text == nil {
			continue
		}
		var err error
		if *into, err = time.Parse("2006-01-02T15:04:05.999999999Z", *text); err != nil {
			return nil, method.Fail(method.InvalidArguments, "filter: %.40q is no date in UTC", *text)
		}
	}
	return c.holds, nil
}

func (c *condition) holds(one *submissions.Shown, now time.Time) bool {
	in := func(list *[]string, id string) bool { return list == nil || slices.Contains(*list, id) }
	return in(c.EmailIDs, one.Email.String()) && in(c.ThreadIDs, one.Thread.String()) && in(c.IdentityIDs, one.Identity.String()) &&
		(c.UndoStatus == nil || *c.UndoStatus == undoStatus(one.Canceled, one.Due, now)) &&
		(c.Before == nil || one.Due.Before(c.before)) && (c.After == nil || !one.Due.Before(c.after))
}

// sorted reads a sort. What is alike stays in the order in which it was made.
func sorted(by []method.SortBy) (func(a, b submissions.Shown) int, error) {
	orders := map[string]func(a, b submissions.Shown) int{
		"emailId":  func(a, b submissions.Shown) int { return cmp.Compare(a.Email, b.Email) },
		"threadId": func(a, b submissions.Shown) int { return cmp.Compare(a.Thread, b.Thread) },
		"sentAt":   func(a, b submissions.Shown) int { return a.Due.Compare(b.Due) },
		"sendAt":   func(a, b submissions.Shown) int { return a.Due.Compare(b.Due) }, // what it is called elsewhere
	}
	for _, s := range by {
		if orders[s.Property] == nil || len(by) > len(orders) {
			return nil, method.Fail(method.UnsupportedSort, "submissions are sorted by emailId, threadId and sentAt, not by %.40q", s.Property)
		}
	}
	return func(a, b submissions.Shown) int {
		for _, s := range by {
			d := orders[s.Property](a, b)
			if s.IsAscending != nil && !*s.IsAscending {
				d = -d
			}
			if d != 0 {
				return d
			}
		}
		return cmp.Compare(a.ID, b.ID)
	}, nil
}

// querySubmissions is EmailSubmission/query (RFC 8621 7.3).
func (s *Sending) querySubmissions(ctx context.Context, c *method.Call) (any, error) {
	var args method.QueryArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	left := maxConditions
	holds, err := readFilter(args.Filter, &left)
	if err != nil {
		return nil, err
	}
	order, err := sorted(args.Sort)
	if err != nil {
		return nil, err
	}
	var ids []string
	var now states.State
	err = s.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if now, err = states.Of(t, account, states.EmailSubmission); err != nil {
			return err
		}
		all, err := s.o.Submissions.Shown(t, account)
		all = slices.DeleteFunc(all, func(one submissions.Shown) bool { return !holds(&one, t.Now()) })
		slices.SortFunc(all, order)
		ids = make([]string, len(all))
		for i, one := range all {
			ids[i] = one.ID.String()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return page(args, ids, now)
}

// page cuts the part of the results that is asked for (RFC 8620 5.5).
func page(args method.QueryArgs, ids []string, now states.State) (any, error) {
	r := method.QueryResponse{AccountID: args.AccountID, QueryState: now.String(), IDs: []string{}}
	from := args.Position
	switch {
	case args.Anchor != nil:
		at := slices.Index(ids, *args.Anchor)
		if at < 0 {
			return nil, method.Fail(method.AnchorNotFound, "the results have no %.40q", *args.Anchor)
		}
		from = max(0, int64(at)+min(max(args.AnchorOffset, -1<<40), 1<<40))
	case from < 0:
		from = max(0, int64(len(ids))+from)
	}
	total := uint64(len(ids))
	if args.CalculateTotal {
		r.Total = &total
	}
	from = min(from, int64(len(ids)))
	r.Position = uint64(from)
	rest, most := ids[from:], uint64(method.MaxObjectsInGet)
	if args.Limit != nil && *args.Limit < most {
		most = *args.Limit
	} else {
		r.Limit = &most // RFC 8620 5.5: the server's own
	}
	r.IDs = append(r.IDs, rest[:min(uint64(len(rest)), most)]...)
	return r, nil
}

// submissionQueryChanges is EmailSubmission/queryChanges (RFC 8621 7.4): the time alone moves submissions from pending to final,
// so that no log says what has changed.
func (s *Sending) submissionQueryChanges(ctx context.Context, c *method.Call) (any, error) {
	var args method.QueryChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if _, err := c.OwnAccount(ctx, args.AccountID); err != nil {
		return nil, err
	}
	return nil, method.Fail(method.CannotCalculateChanges, "ask EmailSubmission/query again")
}
