package mailboxes

import (
	"cmp"
	"context"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// treeArgs are the arguments that Mailbox/query and Mailbox/queryChanges have besides the standard ones (RFC 8621 2.3).
type treeArgs struct {
	SortAsTree   bool `json:"sortAsTree"`
	FilterAsTree bool `json:"filterAsTree"`
}

type queryArgs struct {
	method.QueryArgs
	treeArgs
}

// query is Mailbox/query (RFC 8621 2.3).
func (m *Mailboxes) query(ctx context.Context, c *method.Call) (any, error) {
	var args queryArgs
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
	var ids []string
	var state string
	err = m.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		ids, state, err = m.results(t, access, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return method.Page(&args.QueryArgs, ids, state, access.Own())
}

// asked is a query.
type asked struct {
	treeArgs
	filter method.Filter[*object]
	sort   []method.SortBy
}

func parseQuery(text ijson.Value, sort []method.SortBy, tree treeArgs) (asked, error) {
	q := asked{treeArgs: tree, sort: sort}
	var err error
	if q.filter, err = method.ParseFilter(text, condition); err != nil {
		return q, err
	}
	for _, by := range sort {
		switch {
		case by.Property != "sortOrder" && by.Property != "name":
			return q, method.Fail(method.UnsupportedSort, "mailboxes are sorted by sortOrder and name, not %.100q", by.Property)
		case by.Collation != "" && by.Collation != "i;unicode-casemap":
			return q, method.Fail(method.UnsupportedSort, "names are compared by i;unicode-casemap, not %.100q", by.Collation)
		}
	}
	return q, nil
}

// results are the ids that a query finds, and the state of the query.
func (m *Mailboxes) results(t *tx.Tx, a method.Access, q asked) (ids []string, state string, err error) {
	s, err := m.see(t, a)
	if err != nil {
		return nil, "", err
	}
	f := newForest(&s)
	for _, id := range f.sorted(q) {
		if q.filter(f.objects[id]) && (!q.FilterAsTree || f.pass(q.filter, f.above[id])) {
			ids = append(ids, id.String())
		}
	}
	now, err := queryState(t, a)
	if state = now.String(); !a.Own() {
		// What others see also depends on rights and on their own subscriptions.
		h := fnv.New64a()
		for _, id := range ids {
			io.WriteString(h, id)
		}
		state += "-" + strconv.FormatUint(h.Sum64(), 36)
	}
	return ids, state, err
}

// queryState is the number of the last change of a property that queries look at.
func queryState(t *tx.Tx, a method.Access) (states.State, error) {
	_, epoch, err := t.State(a.Owner)
	if err != nil {
		return states.State{}, err
	}
	last, err := t.LastOf(a.Owner, tx.KindMailbox)
	return states.State{Epoch: epoch, ModSeq: last}, err
}

// forest are the mailboxes with those above them.
type forest struct {
	ids     []mail.MailboxID
	objects map[mail.MailboxID]*object
	above   map[mail.MailboxID]mail.MailboxID
	folded  map[mail.MailboxID]string // names, for comparing
}

func newForest(s *seen) *forest {
	f := &forest{objects: map[mail.MailboxID]*object{}, above: map[mail.MailboxID]mail.MailboxID{}, folded: map[mail.MailboxID]string{}}
	for i := range s.list {
		one := &s.list[i]
		o := s.object(one)
		f.ids = append(f.ids, one.ID)
		f.objects[one.ID], f.above[one.ID], f.folded[one.ID] = &o, s.parent(one), casemap.Fold(o.Name)
	}
	return f
}

// pass reports whether a mailbox and all above it pass a filter; 0 is the top.
func (f *forest) pass(filter method.Filter[*object], id mail.MailboxID) bool {
	for ; id != 0; id = f.above[id] {
		if !filter(f.objects[id]) {
			return false
		}
	}
	return true
}

// sorted are the ids in the order of a query; what is equal is in order of id.
func (f *forest) sorted(q asked) []mail.MailboxID {
	compare := func(a, b mail.MailboxID) int {
		for _, by := range q.sort {
			n := strings.Compare(f.folded[a], f.folded[b])
			if by.Property == "sortOrder" {
				n = cmp.Compare(f.objects[a].SortOrder, f.objects[b].SortOrder)
			}
			if by.IsAscending != nil && !*by.IsAscending {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return cmp.Compare(a, b)
	}
	ids := slices.Clone(f.ids)
	slices.SortFunc(ids, compare)
	if !q.SortAsTree {
		return ids
	}
	// Children in their order below each, beginning at the top.
	below := map[mail.MailboxID][]mail.MailboxID{}
	for _, id := range ids {
		below[f.above[id]] = append(below[f.above[id]], id)
	}
	ids = ids[:0]
	var descend func(id mail.MailboxID)
	descend = func(id mail.MailboxID) {
		for _, child := range below[id] {
			ids = append(ids, child)
			descend(child)
		}
	}
	descend(0)
	return ids
}
