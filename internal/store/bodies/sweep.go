package bodies

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// OrphanAge is how long bytes that no row names must have been seen so before they are removed. It is far more than
// MaxAge, after which nothing can name them.
const OrphanAge = 24 * time.Hour

// maxSightings bounds how many orphans are remembered; more are found again when these are gone.
const maxSightings = 200_000

// sightings remembers when orphans were first seen. Nothing is kept over a restart: it costs a day.
type sightings struct {
	mu sync.Mutex
	at map[string]time.Time // by location
}

// Swept says what a sweep did.
type Swept struct {
	Orphans int   // bodies in the store that no row names
	Removed int   // those of them that have been so for OrphanAge
	Bytes   int64 // of those
}

// SweepOrphans removes bytes that no row names: of deliveries that failed between Put and their commit, and of crashes.
// It reads all of the store, so it is for a quiet hour; it must not run while the database is being put back. A
// removal needs two sweeps of one process at least OrphanAge apart, which asks nothing of anybody's clock.
func (s *Store) SweepOrphans(ctx context.Context) (Swept, error) {
	var done Swept
	lister, ok := s.blobs.(blob.Lister)
	if !ok {
		return done, nil
	}
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	now, before := s.clock(), s.seen.at
	s.seen.at = map[string]time.Time{}
	err := s.listed(ctx, lister, func(found []blob.Found, rows []object) error {
		var old []blob.Location
		for i, f := range found {
			if rows[i].names(f) {
				continue
			}
			done.Orphans++
			first, ok := before[string(f.Location)]
			switch {
			case ok && now.Sub(first) >= OrphanAge:
				old = append(old, f.Location)
				done.Removed++
				done.Bytes += f.Size
				continue
			case !ok:
				first = now
			}
			if len(s.seen.at) < maxSightings {
				s.seen.at[string(f.Location)] = first
			}
		}
		return s.blobs.Remove(ctx, old...)
	})
	return done, err
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

// Rebuild gives objects that blobs name and that have no row, or one that leads nowhere, the row that the store's own
// bytes tell. It is for a database that lost rows; service may go on meanwhile.
func (s *Store) Rebuild(ctx context.Context) (objects int, err error) {
	lister, ok := s.blobs.(blob.Lister)
	if !ok {
		return 0, mail.E("bodies.Rebuild", mail.Invalid, nil)
	}
	err = s.listed(ctx, lister, func(found []blob.Found, rows []object) error {
		for i, f := range found {
			if rows[i].names(f) || rows[i].state != live {
				continue
			}
			if rows[i].id != 0 && s.opens(ctx, rows[i].location) {
				continue // a second copy
			}
			n, err := s.rebuildRow(ctx, f)
			if err != nil {
				return err
			}
			objects += int(n)
		}
		return nil
	})
	return objects, err
}

func (s *Store) opens(ctx context.Context, at blob.Location) bool {
	r, err := s.blobs.Open(ctx, at)
	if err != nil {
		return false
	}
	r.Close()
	return true
}

func (s *Store) rebuildRow(ctx context.Context, f blob.Found) (n int64, err error) {
	err = s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		n = 0
		var named int64
		err := t.SQL().QueryRow(`SELECT 1 FROM blob WHERE object_id = $1 LIMIT 1`, f.ID).Scan(&named)
		if err != nil {
			return ignoreNoRows(err)
		}
		// The name may go before this commits: the collector looks again.
		t.SQL().Queue(`INSERT INTO object_unnamed (object_id, account_id, at) VALUES ($1, 0, $2)
			ON CONFLICT (object_id, account_id) DO UPDATE SET at = excluded.at`, f.ID, t.Now())
		n, err = t.SQL().Exec(`INSERT INTO object (id, location, size, state, changed) VALUES ($1, $2, $3, 0, $4)
			ON CONFLICT (id) DO UPDATE SET location = excluded.location, size = excluded.size WHERE object.state = 0`,
			f.ID, []byte(f.Location), f.Size, t.Now())
		return err
	})
	return n, err
}

func ignoreNoRows(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	return err
}
