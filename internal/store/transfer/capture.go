package transfer

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

// triggers are the statements that have a table's changes logged: the key of a new, a changed or a removed row, and the old key
// of a row that gets another.
func (t *table) triggers() (out []string) {
	insert := func(of string) string {
		var names, values []string
		for i, c := range t.key {
			names = append(names, fmt.Sprintf("k%d", i+1))
			values = append(values, of+"."+quote(t.columns[c].name))
		}
		return fmt.Sprintf("BEGIN INSERT INTO transfer_change (part, %s) VALUES ('%s', %s); END",
			strings.Join(names, ", "), t.name, strings.Join(values, ", "))
	}
	add := func(name, event, of string) {
		out = append(out, fmt.Sprintf("CREATE TRIGGER IF NOT EXISTS transfer_%s_%s AFTER %s ON %s %s", t.name, name, event, quote(t.name), insert(of)))
	}
	add("added", "INSERT", "NEW")
	add("changed", "UPDATE", "NEW")
	add("moved", "UPDATE OF "+t.names(t.key), "OLD")
	add("removed", "DELETE", "OLD")
	return out
}

// capture has all changes of the source logged from its commit on.
func capture(tx *db.Tx, tables []*table) {
	for _, t := range tables {
		for _, sql := range t.triggers() {
			tx.Queue(sql)
		}
	}
}

// Abandon has the changes of a source logged no more, and forgets that a transfer was begun. What was copied stays in the target.
func Abandon(ctx context.Context, source *db.DB) error {
	err := source.Write(ctx, 0, func(tx *db.Tx) error {
		names, err := triggersThere(tx)
		if err != nil {
			return err
		}
		for _, name := range names {
			tx.Queue("DROP TRIGGER " + quote(name))
		}
		tx.Queue("DELETE FROM transfer")
		return nil
	})
	if err != nil {
		return err
	}
	return forget(ctx, source, 1<<62)
}

func triggersThere(tx *db.Tx) (names []string, err error) {
	rows, err := tx.Query(`SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'transfer!_%' ESCAPE '!'`)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// forgetBatch is how much of the log a commit removes: the server's other writes wait for it.
const forgetBatch = 1000

// forget removes the log before a number.
func forget(ctx context.Context, source *db.DB, before int64) error {
	for gone := int64(forgetBatch); gone == forgetBatch; {
		err := source.Write(ctx, 0, func(tx *db.Tx) (err error) {
			gone, err = tx.Exec(`DELETE FROM transfer_change WHERE seq IN
				(SELECT seq FROM transfer_change WHERE seq < $1 ORDER BY seq LIMIT $2)`, before, forgetBatch)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// change is an entry of the log.
type change struct {
	seq  int64
	part string
	key  row
}

// changesAfter reads the log from a number on, at most limit entries.
func changesAfter(tx *db.Tx, tables map[string]*table, after int64, limit int) (changes []change, err error) {
	rows, err := tx.Query(`SELECT seq, part, k1, k2, k3, k4 FROM transfer_change WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var c change
		key := make(row, maxKey)
		if err := rows.Scan(&c.seq, &c.part, &key[0], &key[1], &key[2], &key[3]); err != nil {
			return nil, err
		}
		t := tables[c.part]
		if t == nil {
			return nil, fmt.Errorf("the log of changes names a table %q that is not copied", c.part)
		}
		c.key = key[:len(t.key)]
		changes = append(changes, c)
	}
	return changes, rows.Err()
}

// lastChange is the number of the newest entry of the log.
func lastChange(tx *db.Tx) (seq int64, err error) {
	err = tx.QueryRow(`SELECT coalesce(max(seq), 0) FROM transfer_change`).Scan(&seq)
	return seq, err
}
