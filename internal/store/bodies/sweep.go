package bodies

import (
	"context"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// OrphanAge is how long it must at least be known that no row names some bytes before they are removed. It is far more
// than MaxAge, after which nothing can name them.
const OrphanAge = 24 * time.Hour

// SweepInterval is how far sweeps lie apart: each reads all of the store.
const SweepInterval = 7 * 24 * time.Hour

// Swept says what a sweep did.
type Swept struct {
	Orphans int   // bodies in the store that no row names
	Removed int   // those of them that have been known to be so for long enough
	Bytes   int64 // of those
}

// SweepDue reports whether the last sweep that came to its end is SweepInterval ago.
func (s *Store) SweepDue(ctx context.Context) (due bool, err error) {
	if _, ok := s.blobs.(blob.Lister); !ok {
		return false, nil
	}
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		var last int64
		err := t.SQL().QueryRow(`SELECT swept FROM instance WHERE one = 1`).Scan(&last)
		due = t.Now().Sub(time.UnixMilli(last)) >= SweepInterval
		return err
	})
	return due, err
}

// SweepOrphans looks for bytes that no row names, of deliveries that failed between Put and their commit and of crashes. It
// notes since when it knows of them, and removes those it has known for keep, and OrphanAge at least. keep is Collect's,
// for the same reason: a database that was put back to an earlier time by mistake has no rows for later mail, and the
// right one will want its bytes. The notes are rows, so a restart changes nothing.
func (s *Store) SweepOrphans(ctx context.Context, keep time.Duration) (done Swept, err error) {
	lister, ok := s.blobs.(blob.Lister)
	if !ok {
		return done, nil
	}
	var begun time.Time
	if err := s.tx.Read(ctx, func(t *tx.Tx) error { begun = t.Now(); return nil }); err != nil {
		return done, err
	}
	if c, ok := s.blobs.(blob.Cleaner); ok {
		if err := c.Clean(ctx, begun.Add(-OrphanAge)); err != nil {
			return done, err
		}
	}
	before := begun.Add(-max(keep, OrphanAge))
	err = s.listed(ctx, lister, func(found []blob.Found, rows []object) error {
		orphans := found[:0:0]
		for i, f := range found {
			if !rows[i].names(f) {
				orphans = append(orphans, f)
			}
		}
		done.Orphans += len(orphans)
		return s.sweep(ctx, orphans, begun, before, &done)
	})
	if err != nil {
		return done, err
	}
	return done, s.endSweep(ctx, begun)
}

// sweep removes those orphans that were noted before a time, and notes the others.
func (s *Store) sweep(ctx context.Context, orphans []blob.Found, begun, before time.Time, done *Swept) error {
	if len(orphans) == 0 {
		return nil
	}
	since, err := s.notedSince(ctx, orphans)
	if err != nil {
		return err
	}
	var old []blob.Location
	var young []blob.Found
	for i, f := range orphans {
		if since[i] == 0 || since[i] > before.UnixMilli() {
			young = append(young, f)
			continue
		}
		old = append(old, f.Location)
		done.Removed++
		done.Bytes += f.Size
	}
	if err := s.blobs.Remove(ctx, old...); err != nil {
		return err
	}
	return s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		for _, f := range young {
			t.SQL().Queue(`INSERT INTO object_orphan (location, since, swept) VALUES ($1, $2, $2)
				ON CONFLICT (location) DO UPDATE SET swept = excluded.swept WHERE object_orphan.swept < excluded.swept`, []byte(f.Location), begun)
		}
		return nil
	})
}

// notedSince returns for each orphan when it was noted first, 0 for never.
func (s *Store) notedSince(ctx context.Context, orphans []blob.Found) (since []int64, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		since = make([]int64, len(orphans))
		b := t.SQL().Batch()
		for _, f := range orphans {
			b.Query(`SELECT since FROM object_orphan WHERE location = $1`, []byte(f.Location))
		}
		for i := range since {
			if err := b.QueryRow().Scan(&since[i]); err != nil && err != db.ErrNoRows {
				return err
			}
		}
		return nil
	})
	return since, err
}

// endSweep forgets what this sweep has not met any more: removed by it, or named meanwhile.
func (s *Store) endSweep(ctx context.Context, begun time.Time) error {
	for more := true; more; {
		err := s.tx.Write(ctx, nil, func(t *tx.Tx) error {
			n, err := t.SQL().Exec(`DELETE FROM object_orphan WHERE location IN
				(SELECT location FROM object_orphan WHERE swept < $1 LIMIT $2)`, begun, pageSize/2)
			if more = n == pageSize/2; more || err != nil {
				return err
			}
			_, err = t.SQL().Exec(`UPDATE instance SET swept = $1 WHERE one = 1`, begun)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// names reports whether the row of an object says that its bytes are those.
func (o object) names(f blob.Found) bool {
	return o.id == f.ID && string(o.location) == string(f.Location)
}

// listed lists a store, some bodies at a time, each with the row of its object; the zero row where there is none.
func (s *Store) listed(ctx context.Context, lister blob.Lister, each func([]blob.Found, []object) error) error {
	var page []blob.Found
	flush := func() error {
		if len(page) == 0 {
			return nil
		}
		rows, err := s.objectRows(ctx, page)
		if err == nil {
			err = each(page, rows)
		}
		page = page[:0]
		return err
	}
	err := lister.List(ctx, func(f blob.Found) error {
		page = append(page, f)
		if len(page) < pageSize {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

func (s *Store) objectRows(ctx context.Context, found []blob.Found) (objects []object, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		objects = make([]object, len(found))
		b := t.SQL().Batch()
		for _, f := range found {
			b.Query(`SELECT id, location, size, state FROM object WHERE id = $1`, f.ID)
		}
		for i := range objects {
			o := &objects[i]
			err := b.QueryRow().Scan(&o.id, &o.location, &o.size, &o.state)
			if err != nil && err != db.ErrNoRows {
				return err
			}
		}
		return nil
	})
	return objects, err
}
