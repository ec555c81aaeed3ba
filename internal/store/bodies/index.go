package bodies

import (
	"context"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// CheckIndex holds the rows of objects against what the store finds in its own bytes: Rebuild could make every live row
// again. A store that cannot list its bytes, being rows itself, has nothing to rebuild.
func (s *Store) CheckIndex(ctx context.Context, report func(Finding)) error {
	lister, ok := s.blobs.(blob.Lister)
	if !ok {
		return nil
	}
	// Counted before and after, because deliveries go on: a row that came in between was not listed.
	before, err := s.countLive(ctx)
	if err != nil {
		return err
	}
	listed := 0
	err = s.listed(ctx, lister, func(found []blob.Found, rows []object) error {
		for i, f := range found {
			if rows[i].state == live && rows[i].names(f) { // each row names one place, so none is counted twice
				listed++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	after, err := s.countLive(ctx)
	if least := min(before, after); err == nil && listed < least {
		report(Finding{Severity: Lost, Text: fmt.Sprintf("the bytes of the store list %d of the %d objects that rows name: the others could not be found without their rows", listed, least)})
	}
	return err
}

func (s *Store) countLive(ctx context.Context) (n int, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT COUNT(*) FROM object WHERE state = $1`, live).Scan(&n)
	})
	return n, err
}
