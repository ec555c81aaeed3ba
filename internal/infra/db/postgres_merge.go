package db

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// common is one statement on its way to the server, and the closures that it is of.
type common struct {
	statement
	of    []*member
	asked []bool // for each of them: it waits for the answer
}

type commons []common

func (c commons) statements() []statement {
	out := make([]statement, len(c))
	for i := range c {
		out[i] = c[i].statement
	}
	return out
}

// outgoing is what one closure has to send, in order.
type outgoing struct {
	of     *member
	rest   []statement
	queued int // of them are not asked for
}

func (l *outgoing) holds(t *Text) bool {
	return slices.ContainsFunc(l.rest, func(st statement) bool { return st.text == t })
}

// merged takes what members have to send and makes one statement of those with the same Text. The statements of each member
// keep their order; which of two members comes first does not matter.
func merged(members []*member) (out commons) {
	lists := make([]*outgoing, 0, len(members))
	holders := make(map[*Text]int) // how many lists hold a Text
	for _, m := range members {
		l := &outgoing{of: m, rest: slices.Concat(m.pending, m.asked), queued: len(m.pending)}
		m.pending, m.asked = nil, nil
		for i, st := range l.rest {
			if st.text != nil && !slices.ContainsFunc(l.rest[:i], func(b statement) bool { return b.text == st.text }) {
				holders[st.text]++
			}
		}
		lists = append(lists, l)
	}
	for {
		lists = slices.DeleteFunc(lists, func(l *outgoing) bool { return len(l.rest) == 0 })
		if len(lists) == 0 {
			return out
		}
		text, first := nextText(lists, holders)
		if text == nil {
			out = append(out, take(first))
			continue
		}
		var same []common
		for _, l := range lists {
			if l.rest[0].text == text {
				same = append(same, take(l))
				if !l.holds(text) {
					holders[text]--
				}
			}
		}
		out = append(out, joined(text, same)...)
	}
}

// nextText returns the Text that goes next, the one that stands first with all who have it. A statement that has none goes at once.
func nextText(lists []*outgoing, holders map[*Text]int) (text *Text, plain *outgoing) {
	first := make(map[*Text]int)
	for _, l := range lists {
		t := l.rest[0].text
		if t == nil {
			return nil, l
		}
		first[t]++
	}
	best := lists[0].rest[0].text
	for _, l := range lists {
		t := l.rest[0].text
		if first[t] == holders[t] {
			return t, nil
		}
		if first[t] > first[best] {
			best = t
		}
	}
	return best, nil
}

// take takes the first statement of a list.
func take(l *outgoing) common {
	c := common{statement: l.rest[0], of: []*member{l.of}, asked: []bool{l.queued == 0}}
	l.rest = l.rest[1:]
	l.queued = max(0, l.queued-1)
	return c
}

// joined makes one statement of several of a Text, where their arguments fit into arrays.
func joined(t *Text, same []common) []common {
	if len(same) < 2 {
		return same
	}
	args := make([]any, len(same[0].args))
	for i := range args {
		var fits bool
		switch same[0].args[i].(type) {
		case int64:
			args[i], fits = array[int64](same, i)
		case string:
			args[i], fits = array[string](same, i)
		case []byte:
			args[i], fits = array[[]byte](same, i)
		}
		if !fits {
			return same
		}
	}
	one := common{statement: statement{sql: t.Many, args: args, text: t}}
	for i := range same {
		one.of, one.asked = append(one.of, same[i].of...), append(one.asked, same[i].asked...)
	}
	return []common{one}
}

// array is a column of the arguments.
func array[T any](same []common, column int) (all []T, ok bool) {
	all = make([]T, len(same))
	for i := range same {
		if all[i], ok = same[i].args[column].(T); !ok {
			return nil, false
		}
	}
	return all, true
}

// read reads the answer and gives each closure its part.
func (c *common) read(results pgx.BatchResults) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}
	fields := slices.Clone(rows.FieldDescriptions())
	each := make([]answer, len(c.of))
	if len(c.of) > 1 && len(fields) > 0 {
		err = readEach(rows, each)
		fields = fields[1:]
	} else {
		for rows.Next() {
			each[0].rows = append(each[0].rows, copied(rows.RawValues()))
		}
	}
	rows.Close()
	if err == nil {
		err = rows.Err()
	}
	if err != nil {
		return err
	}
	c.count(each, rows.CommandTag(), len(fields) > 0)
	for i, m := range c.of {
		m.rows += each[i].changed
		if c.asked[i] {
			each[i].fields = fields
			m.answers = append(m.answers, each[i])
		}
	}
	return nil
}

// readEach reads rows that begin with the number of the closure they are for.
func readEach(rows pgx.Rows, each []answer) error {
	for rows.Next() {
		raw := rows.RawValues()
		if len(raw[0]) != 8 {
			return errors.New("db: the first column of a Text's Many is no BIGINT")
		}
		n := binary.BigEndian.Uint64(raw[0]) - 1
		if n >= uint64(len(each)) {
			return errors.New("db: the first column of a Text's Many is not the number of a closure")
		}
		each[n].rows = append(each[n].rows, copied(raw[1:]))
	}
	return nil
}

// count says how many rows a statement has changed for each closure. What is common and returns no rows counts as one for each.
func (c *common) count(each []answer, tag pgconn.CommandTag, returns bool) {
	if !tag.Insert() && !tag.Update() && !tag.Delete() {
		return
	}
	for i := range each {
		switch {
		case len(each) == 1:
			each[i].changed = tag.RowsAffected()
		case returns:
			each[i].changed = int64(len(each[i].rows))
		default:
			each[i].changed = 1
		}
	}
}

// copied copies a row out of the driver's buffer.
func copied(raw [][]byte) [][]byte {
	size := 0
	for _, column := range raw {
		size += len(column)
	}
	buf := make([]byte, 0, size)
	out := make([][]byte, len(raw))
	for i, column := range raw {
		if column != nil {
			start := len(buf)
			buf = append(buf, column...)
			out[i] = buf[start:len(buf):len(buf)]
		}
	}
	return out
}
