package transfer

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

// The size of a page: what one commit writes to the target.
const (
	pageRows  = 400
	pageBytes = 4 << 20
)

// atATime is how many tables are worked on at a time. The server that is served meanwhile needs the machine, too.
const atATime = 4

// Copy copies everything, follows what changes meanwhile and compares, until no more than a moment's changes are left.
func (t *Transfer) Copy(ctx context.Context) error {
	if err := t.count(ctx); err != nil {
		return err
	}
	if err := t.eachTable(ctx, t.copyTable); err != nil {
		return err
	}
	if err := t.follow(ctx); err != nil {
		return err
	}
	if err := t.eachTable(ctx, t.compareTable); err != nil {
		return err
	}
	return t.Follow(ctx)
}

// Follow follows what has changed since, after Copy.
func (t *Transfer) Follow(ctx context.Context) error {
	if err := t.follow(ctx); err != nil {
		return err
	}
	return t.settle(ctx)
}

// eachTable does something to every table, to some at a time.
func (t *Transfer) eachTable(ctx context.Context, do func(context.Context, *table, *state) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atATime)
	for _, table := range t.tables {
		g.Go(func() error {
			if err := do(ctx, table, t.states[table.name]); err != nil {
				return fmt.Errorf("%s: %w", table.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// count counts the rows, and makes a state for each table that has none.
func (t *Transfer) count(ctx context.Context) error {
	return t.o.Source.Read(ctx, func(tx *db.Tx) error {
		since, err := lastChange(tx)
		if err != nil {
			return err
		}
		for _, table := range t.tables {
			s := t.states[table.name]
			if s == nil {
				s = &state{since: since}
				t.states[table.name] = s
			}
			if err := tx.QueryRow(`SELECT count(*) FROM ` + quote(table.name)).Scan(&s.total); err != nil {
				return err
			}
		}
		return nil
	})
}

// copyTable copies a table from where it is on.
func (t *Transfer) copyTable(ctx context.Context, table *table, s *state) error {
	if s.place == nil && s.state == begun { // what changes before the first page is read is in it
		if err := t.o.Source.Read(ctx, func(tx *db.Tx) (err error) { s.since, err = lastChange(tx); return err }); err != nil {
			return err
		}
	}
	for s.state == begun {
		page, err := t.page(ctx, table, s.place)
		if err != nil {
			return err
		}
		next := *s
		if len(page) == 0 {
			next.state, next.place, next.rows = copied, nil, 0
		} else {
			next.place = table.keyOf(page[len(page)-1])
			next.rows += int64(len(page))
		}
		if page, err = t.bring(ctx, table, page); err != nil {
			return err
		}
		if err := t.write(ctx, func(tx *db.Tx) error { put(tx, table, page); t.saveState(tx, table.name, next); return nil }); err != nil {
			return err
		}
		*s = next
		t.o.Progress(Progress{Step: Copying, Table: table.name, Done: s.rows, Total: s.total, Bytes: t.bodies.Load()})
	}
	return nil
}

// page reads the rows of the source that come after a key.
func (t *Transfer) page(ctx context.Context, table *table, after row) (page []row, err error) {
	query := `SELECT ` + table.names(table.all()) + ` FROM ` + quote(table.name)
	if after != nil {
		query += ` WHERE (` + table.names(table.key) + `) > (` + placeholders(1, len(table.key)) + `)`
	}
	query += fmt.Sprintf(` ORDER BY %s LIMIT %d`, table.names(table.key), pageRows)
	err = t.o.Source.Read(ctx, func(tx *db.Tx) error {
		page = page[:0]
		rows, err := tx.Query(query, after...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for size := 0; size < pageBytes && rows.Next(); {
			r, err := scanRow(rows, len(table.columns))
			if err != nil {
				return err
			}
			page = append(page, r)
			size += r.size()
		}
		return rows.Err()
	})
	return page, err
}

// put writes rows to the target, over what is there under their keys.
func put(tx *db.Tx, table *table, page []row) {
	if len(page) == 0 {
		return
	}
	for _, unique := range table.unique { // see the package documentation
		for _, r := range page {
			different := make([]string, len(table.key))
			for i, c := range table.key {
				different[i] = fmt.Sprintf("%s <> $%d", quote(table.columns[c].name), len(unique)+i+1)
			}
			tx.Queue(`DELETE FROM `+quote(table.name)+` WHERE `+table.where(unique, 1)+` AND (`+strings.Join(different, " OR ")+`)`,
				append(pick(r, unique), table.keyOf(r)...)...)
		}
	}
	n := len(table.columns)
	values := make([]string, len(page))
	args := make([]any, 0, len(page)*n)
	for i, r := range page {
		values[i] = `(` + placeholders(i*n+1, n) + `)`
		args = append(args, r...)
	}
	tx.Queue(`INSERT INTO `+quote(table.name)+` (`+table.names(table.all())+`) VALUES `+strings.Join(values, ", ")+table.onConflict(), args...)
}

// onConflict has a row that is there replaced.
func (t *table) onConflict() string {
	var set []string
	for i, c := range t.columns {
		if !t.inKey(i) {
			set = append(set, quote(c.name)+` = excluded.`+quote(c.name))
		}
	}
	if len(set) == 0 {
		return ` ON CONFLICT (` + t.names(t.key) + `) DO NOTHING`
	}
	return ` ON CONFLICT (` + t.names(t.key) + `) DO UPDATE SET ` + strings.Join(set, ", ")
}

func (t *table) inKey(column int) bool {
	for _, c := range t.key {
		if c == column {
			return true
		}
	}
	return false
}

// remove removes rows from the target.
func remove(tx *db.Tx, table *table, keys []row) {
	for _, key := range keys {
		tx.Queue(`DELETE FROM `+quote(table.name)+` WHERE `+table.where(table.key, 1), key...)
	}
}

// lookup reads rows by their keys, nil for one that is not there.
func lookup(ctx context.Context, d *db.DB, table *table, keys []row) (found []row, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	query := `SELECT ` + table.names(table.all()) + ` FROM ` + quote(table.name) + ` WHERE ` + table.where(table.key, 1)
	err = d.Read(ctx, func(tx *db.Tx) error {
		found, err = lookupIn(tx, query, len(table.columns), keys)
		return err
	})
	return found, err
}

func lookupIn(tx *db.Tx, query string, columns int, keys []row) (found []row, err error) {
	found = make([]row, len(keys))
	b := tx.Batch()
	for _, key := range keys {
		b.Query(query, key...)
	}
	for i := range keys {
		rows, err := b.Rows()
		if err != nil {
			return nil, err
		}
		if rows.Next() {
			if found[i], err = scanRow(rows, columns); err != nil {
				return nil, err
			}
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return found, nil
}
