package bodies

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Relocated says what Relocate found.
type Relocated struct {
	Moved   int           // objects whose row led to where they were once
	Unknown int           // bodies that no row names: mail that came after the backup was made
	Highest mail.ObjectID // of all bodies that are there
}

// Relocate makes the rows of objects lead to where the store says that their bodies are. It is for a database that was put
// back to an earlier time, since when compaction has moved bodies: the old place may still open, but its pack is known to
// hold nothing that is wanted and will be removed. Rebuild, for rows that are missing, would leave such a row alone. It
// reads the whole store, and can be repeated. Nothing else may be at work.
func (s *Store) Relocate(ctx context.Context) (Relocated, error) {
	var done Relocated
	lister, ok := s.blobs.(blob.Lister)
	if !ok { // the bodies are in the database and were put back with it
		return done, nil
	}
	err := s.listed(ctx, lister, func(found []blob.Found, rows []object) error {
		var moved []blob.Found
		for i, f := range found {
			done.Highest = max(done.Highest, f.ID)
			switch {
			case rows[i].id == 0:
				done.Unknown++
			case !rows[i].names(f): // where there are two copies, any will do
				moved = append(moved, f)
			}
		}
		done.Moved += len(moved)
		return s.relocate(ctx, moved)
	})
	return done, err
}

func (s *Store) relocate(ctx context.Context, moved []blob.Found) error {
	if len(moved) == 0 {
		return nil
	}
	return s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		for _, f := range moved {
			t.SQL().Queue(`UPDATE object SET location = $2, size = $3 WHERE id = $1`, f.ID, []byte(f.Location), f.Size)
		}
		return nil
	})
}
