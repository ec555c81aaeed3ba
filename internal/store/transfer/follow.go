package transfer

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

const (
	changesAtATime = 20_000

	// fewChanges are followed within a second or two: with no more left, it is time to stop the server.
	fewChanges = 2_000
)

// follow follows the log until few changes are left.
func (t *Transfer) follow(ctx context.Context) error {
	for {
		waiting, err := t.waiting(ctx)
		if err != nil || waiting <= fewChanges {
			return err
		}
		if err := t.step(ctx, Following, waiting); err != nil {
			return err
		}
		if err := forget(ctx, t.o.Source, t.applied); err != nil {
			return err
		}
	}
}

// waiting is how many changes are not followed yet.
func (t *Transfer) waiting(ctx context.Context) (n int64, err error) {
	err = t.o.Source.Read(ctx, func(tx *db.Tx) error {
		last, err := lastChange(tx)
		n = max(0, last-t.applied) // no number is left out but those of closures that failed
		return err
	})
	return n, err
}

// step follows some changes.
func (t *Transfer) step(ctx context.Context, step Step, waiting int64) error {
	var changes []change
	err := t.o.Source.Read(ctx, func(tx *db.Tx) (err error) {
		changes, err = changesAfter(tx, t.named, t.applied, changesAtATime)
		return err
	})
	if err != nil || len(changes) == 0 {
		return err
	}
	if err := t.applyAll(ctx, changes); err != nil {
		return err
	}
	last := changes[len(changes)-1].seq
	err = t.write(ctx, func(tx *db.Tx) error {
		tx.Queue(`UPDATE transfer SET seq = $1 WHERE part = ''`, last)
		return nil
	})
	if err != nil {
		return err
	}
	t.applied = last
	t.o.Progress(Progress{Step: step, Done: int64(len(changes)), Waiting: max(0, waiting-int64(len(changes))), Bytes: t.bodies.Load()})
	return nil
}

// applyAll writes what the changed rows are now, each once.
func (t *Transfer) applyAll(ctx context.Context, changes []change) error {
	keys := map[string]map[string]row{}
	for _, c := range changes {
		if c.seq <= t.states[c.part].since {
			continue
		}
		if keys[c.part] == nil {
			keys[c.part] = map[string]row{}
		}
		keys[c.part][string(encode(nil, c.key))] = c.key
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atATime)
	for part, of := range keys {
		table, all := t.named[part], slices.Collect(maps.Values(of))
		apply := func(keys []row) error {
			for chunk := range slices.Chunk(keys, pageRows) {
				if err := t.apply(ctx, table, chunk); err != nil {
					return fmt.Errorf("%s: %w", part, err)
				}
			}
			return nil
		}
		if len(table.unique) > 0 { // one page after the other: a row of the next may put one of the last out of its way
			g.Go(func() error { return apply(all) })
			continue
		}
		for chunk := range slices.Chunk(all, pageRows) {
			g.Go(func() error { return apply(chunk) })
		}
	}
	return g.Wait()
}

// apply writes rows of one table, and reads them back: who compares the table has been there already, or will not come again.
func (t *Transfer) apply(ctx context.Context, table *table, keys []row) error {
	for len(keys) > 0 {
		rows, n, err := t.current(ctx, table, keys)
		if err != nil {
			return err
		}
		present, gone, err := t.bringChanged(ctx, table, keys[:n], rows)
		if err != nil {
			return err
		}
		if err := t.write(ctx, func(tx *db.Tx) error { remove(tx, table, gone); put(tx, table, present); return nil }); err != nil {
			return err
		}
		differ, err := t.differing(ctx, table, keys[:n], rows)
		if err != nil {
			return err
		}
		if len(differ) > 0 {
			return fmt.Errorf("%w (the row %v, right after it was written)", ErrDiffers, differ[0])
		}
		keys = keys[n:]
	}
	return nil
}

// current reads the source's rows of the first n keys: as many as a page has.
func (t *Transfer) current(ctx context.Context, table *table, keys []row) (rows []row, n int, err error) {
	step := 20
	if len(table.unique) > 0 { // two rows of one snapshot are never in each other's way
		step = len(keys)
	}
	for size := 0; n < len(keys) && size < pageBytes; {
		more := keys[n:min(n+step, len(keys))]
		found, err := lookup(ctx, t.o.Source, table, more)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range found {
			size += r.size()
		}
		rows = append(rows, found...)
		n += len(more)
	}
	return rows, n, nil
}
