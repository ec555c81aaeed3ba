package bodies

import (
	"context"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// DefaultKeep is how long the bytes of a body stay after its last name is gone. It must not be less than how far back the
// database can be put.
const DefaultKeep = 15 * 24 * time.Hour

// collectBatch is how many objects a unit of work of the collector touches, at three rows each.
const collectBatch = 100

// Collected says what a collection did.
type Collected struct {
	Doomed  int   // objects that were found without a name
	Removed int   // objects whose bytes went
	Bytes   int64 // of those
}

// Collect takes objects without a name through their states: doomed at once, their bytes removed after keep, their rows
// removed after that. Each step can be repeated, and ended anywhere; several nodes may collect at a time.
func (s *Store) Collect(ctx context.Context, keep time.Duration) (Collected, error) {
	var c Collected
	if err := s.doom(ctx, &c); err != nil {
		return c, err
	}
	if err := s.removeBytes(ctx, keep, &c); err != nil {
		return c, err
	}
	if err := s.removeRows(ctx); err != nil {
		return c, err
	}
	if s.keys == nil {
		return c, nil
	}
	if err := s.fillKeys(ctx); err != nil {
		return c, err
	}
	if s.keys.due() {
		return c, s.RewriteKeys(ctx)
	}
	return c, nil
}

// doom looks at the objects that were noted as perhaps unnamed.
func (s *Store) doom(ctx context.Context, c *Collected) error {
	for {
		var notes, doomedNow int
		err := s.tx.Write(ctx, nil, func(t *tx.Tx) error {
			objects, n, err := takeNotes(t)
			if err != nil {
				return err
			}
			notes = n
			doomedNow, err = doomUnnamed(t, objects)
			return err
		})
		if err != nil {
			return err
		}
		c.Doomed += doomedNow
		if notes < collectBatch {
			return nil
		}
	}
}

// takeNotes deletes some notes and returns their objects, ascending. It comes first: a Release that commits after this
// writes its note again, one that committed before it is seen by doomUnnamed.
func takeNotes(t *tx.Tx) (objects []mail.ObjectID, notes int, err error) {
	type note struct {
		object  mail.ObjectID
		account mail.AccountID
	}
	var found []note
	rows, err := t.SQL().Query(`SELECT object_id, account_id FROM object_unnamed ORDER BY object_id, account_id LIMIT $1`, collectBatch)
	if err != nil {
		return nil, 0, err
	}
	for rows.Next() {
		var n note
		if err := rows.Scan(&n.object, &n.account); err != nil {
			return nil, 0, err
		}
		found = append(found, n)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, err
	}
	for i, n := range found {
		t.SQL().Queue(`DELETE FROM object_unnamed WHERE object_id = $1 AND account_id = $2`, n.object, n.account)
		if i == 0 || n.object != found[i-1].object {
			objects = append(objects, n.object)
		}
	}
	return objects, len(found), nil
}

// doomUnnamed dooms those of the objects that have no name. The row is locked by a statement of its own, before the one
// that looks for names: on PostgreSQL a statement sees what was committed before it began, and one that waits for the
// lock would still look with the eyes of before.
func doomUnnamed(t *tx.Tx, objects []mail.ObjectID) (count int, err error) {
	for _, id := range objects {
		t.SQL().Queue(`UPDATE object SET state = state WHERE id = $1 AND state = 0`, id)
		n, err := t.SQL().Exec(`UPDATE object SET state = 1, changed = $2 WHERE id = $1 AND state = 0
			AND NOT EXISTS (SELECT 1 FROM blob WHERE object_id = $1)`, id, t.Now())
		if err != nil {
			return 0, err
		}
		count += int(n)
	}
	return count, nil
}

// object is a row of that name.
type object struct {
	id       mail.ObjectID
	location blob.Location
	size     int64
	state    int64
	changed  int64
}

// removeBytes lets the bytes of objects go that have been doomed for keep.
func (s *Store) removeBytes(ctx context.Context, keep time.Duration, c *Collected) error {
	for after := (object{}); ; {
		page, err := s.expired(ctx, keep, after)
		if err != nil || len(page) == 0 {
			return err
		}
		locations := make([]blob.Location, len(page))
		for i, o := range page {
			locations[i] = o.location
		}
		if err := s.blobs.Remove(ctx, locations...); err != nil {
			return err
		}
		var count int
		var bytes int64
		err = s.tx.Write(ctx, nil, func(t *tx.Tx) error {
			count, bytes = 0, 0
			for _, o := range page {
				// Moved meanwhile by a compaction: the next collection removes the copy.
				n, err := t.SQL().Exec(`UPDATE object SET state = 2, changed = $3 WHERE id = $1 AND state = 1 AND location = $2`,
					o.id, []byte(o.location), t.Now())
				if err != nil {
					return err
				}
				count += int(n)
				bytes += n * o.size
			}
			return nil
		})
		if err != nil {
			return err
		}
		c.Removed += count
		c.Bytes += bytes
		after = page[len(page)-1]
	}
}

// expired returns the next objects whose bytes may go.
func (s *Store) expired(ctx context.Context, keep time.Duration, after object) (page []object, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		page = page[:0]
		// SQLite uses the index only when its condition, state <> 0, is here word for word.
		rows, err := t.SQL().Query(`SELECT id, location, size, changed FROM object
			WHERE state = 1 AND state <> 0 AND changed <= $1 AND (changed, id) > ($2, $3)
			ORDER BY changed, id LIMIT $4`, t.Now().Add(-keep), after.changed, after.id, collectBatch)
		if err != nil {
			return err
		}
		for rows.Next() {
			var o object
			if err := rows.Scan(&o.id, &o.location, &o.size, &o.changed); err != nil {
				return err
			}
			page = append(page, o)
		}
		return rows.Err()
	})
	return page, err
}

// rowKept is how long a row stays after the bytes are gone: while a Body may still be waiting for its name, the row is
// what tells Hold that it came too late.
const rowKept = 2 * MaxAge

// removeRows removes the rows of objects whose bytes are gone.
func (s *Store) removeRows(ctx context.Context) error {
	for {
		var n int64
		err := s.tx.Write(ctx, nil, func(t *tx.Tx) (err error) {
			n, err = t.SQL().Exec(`DELETE FROM object WHERE state = 2 AND id IN
				(SELECT id FROM object WHERE state = 2 AND state <> 0 AND changed <= $1 ORDER BY changed LIMIT $2)`,
				t.Now().Add(-rowKept), pageSize/2)
			return err
		})
		if err != nil || n < pageSize/2 {
			return err
		}
	}
}
