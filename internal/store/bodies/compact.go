package bodies

import (
	"context"
	"errors"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Compact gives back the room of removed bodies, where the store below keeps bodies together in files.
func (s *Store) Compact(ctx context.Context) (blob.Compacted, error) {
	c, ok := s.blobs.(blob.Compacter)
	if !ok {
		return blob.Compacted{}, nil
	}
	done, err := c.Compact(ctx, s.moved)
	for _, d := range done.Damaged {
		s.log.Error("compaction met a damaged body", "where", d)
	}
	return done, err
}

// moved sets the locations of objects that are where they were moved from.
func (s *Store) moved(ctx context.Context, moves []blob.Move) (wanted []bool, err error) {
	err = s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		wanted = make([]bool, len(moves))
		for i, m := range moves {
			if wanted[i], err = move(t, m); err != nil {
				return err
			}
		}
		return nil
	})
	return wanted, err
}

// move compares and sets one location and reports whether the copy is wanted. It is, too, when the unit of work runs
// again and the location is set already, and when no row knows the object: then there is nobody to say that it is not
// needed (a database being put back, say), and SweepOrphans decides in its own time.
func move(t *tx.Tx, m blob.Move) (wanted bool, err error) {
	n, err := t.SQL().Exec(`UPDATE object SET location = $3 WHERE id = $1 AND location IN ($2, $3) AND state <> 2`,
		m.ID, []byte(m.From), []byte(m.To))
	if err != nil || n == 1 {
		return n == 1, err
	}
	var known int64
	err = t.SQL().QueryRow(`SELECT 1 FROM object WHERE id = $1`, m.ID).Scan(&known)
	if errors.Is(err, db.ErrNoRows) {
		return true, nil
	}
	return false, err
}
