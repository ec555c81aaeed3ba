package queries

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// ordering is all emails of a snapshot in the order of a sort. It does not change.
type ordering struct {
	at    catalog.Point
	list  catalog.List
	texts [][]string // of each comparator that compares texts, by slot
	bytes int64      // of texts
	flags map[string]*threadFlags
}

func (o *ordering) weight() int64 {
	n := int64(o.list.Len())*catalog.ItemSize + o.bytes + weightOf(o.flags)
	for _, t := range o.texts {
		n += 16 * int64(len(t))
	}
	return n
}

// order returns the emails of a view in the order of a sort.
func (q *Queries) order(ctx context.Context, v *view, s *sorting) (catalog.List, error) {
	key := v.access.Owner.String()
	if len(s.thread) > 0 {
		key = v.key // others see other threads
	}
	o, err := derive(ctx, q.kept, key+" sort "+s.spec, func(known *ordering) (*ordering, error) {
		switch {
		case known != nil && known.at == v.Point():
			return known, nil
		case known != nil && v.Before(known.at):
			return nil, errLate
		}
		return q.orderAll(ctx, v, s, known)
	})
	if mail.Is(err, mail.Limit) {
		return catalog.List{}, method.Fail(method.UnsupportedSort, "%s", mail.Explain(err))
	}
	if err != nil {
		return catalog.List{}, err
	}
	return o.list, nil
}

// orderAll puts all emails in order, or those into a known order that have come, or have changed where that counts.
func (q *Queries) orderAll(ctx context.Context, v *view, s *sorting, known *ordering) (*ordering, error) {
	o := &ordering{at: v.Point(), flags: v.flagsOf(s.thread)}
	var fresh []uint32 // slots of emails whose texts are not known
	moved := catalog.Bits(nil)
	if known != nil && v.Follows(known.at) {
		changed, other := v.changesSince(known.at, known.flags, o.flags)
		if moved = other; s.mutable {
			moved = changed
		}
		o.texts, o.bytes = known.texts, known.bytes
		fresh = slices.Collect(v.still(other))
	} else {
		fresh = slices.Collect(v.All())
	}
	if err := q.readTexts(ctx, v, s, o, fresh); err != nil {
		return nil, err
	}
	r := newRanker(v, s, o)
	if moved != nil {
		o.list = known.list.Without(moved).With(r.items(v.still(moved)), r.compare)
	} else {
		o.list = catalog.NewList(r.items(v.All()), r.compare)
	}
	return o, nil
}

var errTooManyTexts = method.Fail(method.UnsupportedSort, "there are too many emails to sort them by text: sort by date")

// readTexts reads what emails are compared by from their rows.
func (q *Queries) readTexts(ctx context.Context, v *view, s *sorting, o *ordering, slots []uint32) error {
	by := s.texts()
	if len(by) == 0 || len(slots) == 0 {
		return nil
	}
	texts := make([][]string, len(by)) // those of o are shared
	for i := range texts {
		texts[i] = make([]string, v.Slots())
		if o.texts != nil {
			copy(texts[i], o.texts[i])
		}
	}
	o.texts = texts
	spent := effort(ctx)
	for batch := range slices.Chunk(slots, finding.BatchSize) {
		if err := spent.Spend(int64(len(batch)) * finding.CostOfRow); err != nil {
			return err
		}
		if err := q.readBatch(ctx, v, by, o, batch); err != nil {
			return err
		}
		if o.bytes > sortBytes {
			return errTooManyTexts
		}
	}
	return nil
}

// readBatch is readTexts for few emails, in turn with what else the account does.
func (q *Queries) readBatch(ctx context.Context, v *view, by []comparator, o *ordering, slots []uint32) error {
	end, err := q.o.Finder.Turn(ctx, v.access.Who)
	if err != nil {
		return err
	}
	defer end()
	ids := make([]mail.EmailID, len(slots))
	for i, slot := range slots {
		ids[i] = v.Entry(slot).Email
	}
	var rows finding.Rows
	for len(ids) > 0 {
		n, err := q.o.Finder.Rows(ctx, v.access.Owner, ids, &rows)
		if err != nil {
			return err
		}
		for i, slot := range slots[:n] {
			row := rows.Of(i)
			if row == nil {
				continue // it is gone: the next snapshot will not have it
			}
			for j, c := range by {
				text, err := search.SortText(c.text, row.Summary)
				if err != nil {
					return err
				}
				o.texts[j][slot] = c.form(text)
				o.bytes += int64(len(o.texts[j][slot]))
			}
		}
		ids, slots = ids[n:], slots[n:]
	}
	return nil
}

// texts are the comparators that compare texts.
func (s *sorting) texts() (by []comparator) {
	for _, c := range s.by {
		if c.kind == byText {
			by = append(by, c)
		}
	}
	return by
}

// maxText is how much of a text is compared, in bytes.
const maxText = 512

// form is a text in the form in which its collation compares it octet by octet.
func (c *comparator) form(text string) string {
	if !c.ascii {
		return string(search.AppendText(nil, text))
	}
	upper := []byte(text[:min(len(text), maxText)])
	for i, b := range upper {
		if 'a' <= b && b <= 'z' {
			upper[i] = b - 'a' + 'A'
		}
	}
	return string(upper)
}

// ranker compares emails.
type ranker struct {
	*view
	by []ranking
}

// ranking is a comparator at work: of a text, or of a number.
type ranking struct {
	texts   []string
	number  func(*catalog.Entry) uint64
	reverse bool
}

func newRanker(v *view, s *sorting, o *ordering) *ranker {
	r := &ranker{view: v}
	texts := 0
	for _, c := range s.by {
		n := ranking{reverse: c.descending}
		switch c.kind {
		case byText:
			n.texts = make([]string, 0)
			if o.texts != nil {
				n.texts = o.texts[texts]
			}
			texts++
		case byNumber:
			n.number = func(e *catalog.Entry) uint64 { return uint64(c.number(e)) ^ 1<<63 }
		case byFlag:
			has := v.HasFlag(c.flag)
			n.number = func(e *catalog.Entry) uint64 { return boolean(has(e)) }
		case byThread:
			flags := o.flags[c.flag]
			n.number = func(e *catalog.Entry) uint64 { return boolean(flags.of(e.ThreadNumber(), c.all)) }
		}
		r.by = append(r.by, n)
	}
	return r
}

func boolean(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

// items are emails with their keys, which have of the first comparator as much as fits.
func (r *ranker) items(slots iter.Seq[uint32]) (items []catalog.Item) {
	first := &r.by[0]
	for slot := range slots {
		var key uint64
		if first.texts != nil {
			for i := range 8 {
				key <<= 8
				if text := first.texts[slot]; i < len(text) {
					key |= uint64(text[i])
				}
			}
		} else {
			key = first.number(r.Entry(slot))
		}
		if first.reverse {
			key = ^key
		}
		items = append(items, catalog.Item{Key: key, Slot: slot})
	}
	return items
}

// compare puts what is the same by all comparators in the order of ids.
func (r *ranker) compare(a, b uint32) int {
	for i := range r.by {
		if c := r.by[i].compare(r.view, a, b); c != 0 {
			return c
		}
	}
	if r.by[0].reverse {
		a, b = b, a
	}
	return r.ByID(a, b)
}

func (n *ranking) compare(v *view, a, b uint32) int {
	if n.reverse {
		a, b = b, a
	}
	if n.texts != nil {
		return strings.Compare(n.texts[a], n.texts[b])
	}
	return cmp.Compare(n.number(v.Entry(a)), n.number(v.Entry(b)))
}
