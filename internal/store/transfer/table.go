package transfer

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// skipped are the tables that are not copied, and why. All others are.
var skipped = map[string]string{
	"transfer":        "it is how far this has come",
	"transfer_change": "it is what has changed meanwhile",
	"schema_reach":    "the target has its own",
	"schema_version":  "the target has been given its schema by migrations of its own",
	"node":            "the lives of the target's nodes are other ones",
	"lease":           "who does what is a matter of the target's nodes",
	"cert_lock":       "nobody orders certificates while this goes on",
	"object_orphan":   "the places are those of the source's store of bodies",
	"blob_bytes":      "bodies go through their stores",
}

// objects is the table whose rows have bodies.
const objects = "object"

// maxKey is how many columns a primary key may have: those that transfer_change has for it.
const maxKey = 4

// kind is the type of a column.
type kind string

const (
	number kind = "BIGINT"
	text   kind = "TEXT"
	octets kind = "BYTEA"
)

// kinds are the types by the names that the engines give them.
var kinds = map[string]kind{"BIGINT": number, "INTEGER": number, "TEXT": text, "BLOB": octets, "BYTEA": octets}

type column struct {
	name string
	kind kind
}

// table is what is known of a table: enough to copy it, whatever it is for.
type table struct {
	name    string
	columns []column
	key     []int   // the columns of the primary key, in its order
	unique  [][]int // those of other unique indexes
}

// row is a row of a table, in the order of its columns: int64, string, []byte or nil.
type row []any

// keyOf is the primary key of a row.
func (t *table) keyOf(r row) row { return pick(r, t.key) }

func pick(r row, columns []int) row {
	out := make(row, len(columns))
	for i, c := range columns {
		out[i] = r[c]
	}
	return out
}

func (t *table) index(name string) int {
	return slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
}

// names are the columns, quoted: some have names that mean something in SQL.
func (t *table) names(columns []int) string {
	var out []string
	for _, c := range columns {
		out = append(out, quote(t.columns[c].name))
	}
	return strings.Join(out, ", ")
}

func (t *table) all() []int {
	out := make([]int, len(t.columns))
	for i := range out {
		out[i] = i
	}
	return out
}

func quote(name string) string { return `"` + name + `"` }

// where is the condition that columns have the values of the placeholders from first on.
func (t *table) where(columns []int, first int) string {
	var out []string
	for i, c := range columns {
		out = append(out, fmt.Sprintf("%s = $%d", quote(t.columns[c].name), first+i))
	}
	return strings.Join(out, " AND ")
}

// placeholders are n of them, from first on.
func placeholders(first, n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("$%d", first+i))
	}
	return strings.Join(out, ", ")
}

// readTables returns the tables of a SQLite database that are copied, by name.
func readTables(ctx context.Context, source *db.DB) (tables []*table, err error) {
	found := map[string]*table{}
	err = source.Read(ctx, func(tx *db.Tx) error {
		clear(found)
		rows, err := tx.Query(`SELECT m.name, c.name, c.type, c.pk FROM sqlite_schema m, pragma_table_info(m.name) c
			WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY m.name, c.cid`)
		if err != nil {
			return err
		}
		for rows.Next() {
			var name, of, typed string
			var pk int
			if err := rows.Scan(&name, &of, &typed, &pk); err != nil {
				return err
			}
			if skipped[name] != "" {
				continue
			}
			if found[name] == nil {
				found[name] = &table{name: name, key: make([]int, maxKey)}
			}
			if err := found[name].add(of, typed, pk); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return readUnique(tx, found)
	})
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		t := found[name]
		if t.key = slices.DeleteFunc(t.key, func(i int) bool { return i == 0 }); len(t.key) == 0 {
			return nil, fmt.Errorf("the table %s has no primary key", name)
		}
		for i := range t.key {
			t.key[i]--
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// add adds a column. key has the columns' numbers from 1 on until all are there.
func (t *table) add(name, typed string, pk int) error {
	k, ok := kinds[strings.ToUpper(typed)]
	if !ok || pk > maxKey {
		return fmt.Errorf("the column %s of the table %s is a %s and number %d of the primary key: this program cannot copy that", name, t.name, typed, pk)
	}
	t.columns = append(t.columns, column{name, k})
	if pk > 0 {
		t.key[pk-1] = len(t.columns)
	}
	return nil
}

// readUnique reads the unique indexes other than primary keys.
func readUnique(tx *db.Tx, found map[string]*table) error {
	rows, err := tx.Query(`SELECT m.name, l.name, i.name FROM sqlite_schema m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
		WHERE m.type = 'table' AND l."unique" = 1 AND l.origin <> 'pk' ORDER BY m.name, l.name, i.seqno`)
	if err != nil {
		return err
	}
	last := ""
	for rows.Next() {
		var name, index, of string
		if err := rows.Scan(&name, &index, &of); err != nil {
			return err
		}
		t := found[name]
		if t == nil {
			continue
		}
		if index != last {
			t.unique = append(t.unique, nil)
			last = index
		}
		n := len(t.unique) - 1
		t.unique[n] = append(t.unique[n], t.index(of))
	}
	return rows.Err()
}

// checkTables finds tables that are not the same in the target.
func checkTables(ctx context.Context, target *db.DB, tables []*table) error {
	const query = `SELECT table_name, column_name, upper(data_type) FROM information_schema.columns WHERE table_schema = current_schema()`
	found := map[string]kind{}
	err := target.Read(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query(query)
		if err != nil {
			return err
		}
		for rows.Next() {
			var of, name, typed string
			if err := rows.Scan(&of, &name, &typed); err != nil {
				return err
			}
			found[of+"."+name] = kinds[typed]
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	for _, t := range tables {
		for _, c := range t.columns {
			if found[t.name+"."+c.name] != c.kind {
				return mail.E("transfer.Begin", mail.Conflict, fmt.Errorf("the target's schema is not this server's: %s.%s is %q there, not %s: use the same release for both",
					t.name, c.name, found[t.name+"."+c.name], c.kind))
			}
		}
	}
	return nil
}

// encode appends a row in its canonical form, which two rows share only if they are equal.
func encode(to []byte, r row) []byte {
	for _, v := range r {
		switch v := v.(type) {
		case nil:
			to = append(to, 'n')
		case int64:
			to = binary.AppendVarint(append(to, 'i'), v)
		case string:
			to = append(binary.AppendUvarint(append(to, 't'), uint64(len(v))), v...)
		case []byte:
			to = append(binary.AppendUvarint(append(to, 'b'), uint64(len(v))), v...)
		default:
			to = fmt.Appendf(to, "?%T %v", v, v)
		}
	}
	return to
}

// decode reads what encode has written.
func decode(from []byte) (r row, err error) {
	bad := fmt.Errorf("%.80x is no row", from)
	for len(from) > 0 {
		tag := from[0]
		from = from[1:]
		switch tag {
		case 'n':
			r = append(r, nil)
		case 'i':
			v, n := binary.Varint(from)
			if n <= 0 {
				return nil, bad
			}
			r, from = append(r, v), from[n:]
		case 't', 'b':
			size, n := binary.Uvarint(from)
			if n <= 0 || size > uint64(len(from)-n) {
				return nil, bad
			}
			v := from[n : n+int(size)]
			if from = from[n+int(size):]; tag == 't' {
				r = append(r, string(v))
			} else {
				r = append(r, slices.Clone(v))
			}
		default:
			return nil, bad
		}
	}
	return r, nil
}

// scanRow reads n columns of any type.
func scanRow(rows *db.Rows, n int) (row, error) {
	r := make(row, n)
	to := make([]any, n)
	for i := range r {
		to[i] = &r[i]
	}
	return r, rows.Scan(to...)
}

// size is about how many bytes a row has.
func (r row) size() (n int) {
	for _, v := range r {
		switch v := v.(type) {
		case string:
			n += len(v)
		case []byte:
			n += len(v)
		}
		n += 16
	}
	return n
}
