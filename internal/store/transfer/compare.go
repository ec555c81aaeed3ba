package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// ErrDiffers says that a copy is not what it is a copy of.
var ErrDiffers = errors.New("the copy is not equal to the original: nothing was switched over. Empty the target and begin again with `mailmesh migrate --abandon`; if it comes again, this is a fault of the program or of a disk")

// suspicion is a row that differed.
type suspicion struct {
	table *table
	key   row
}

// maxSuspect bounds the rows that differ at a time. Each is one that has changed since the log was followed: if it were more,
// nothing would be right.
const maxSuspect = 200_000

func (t *Transfer) suspectAll(table *table, keys []row) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		t.suspect[suspectName(table, key)] = suspicion{table, key}
	}
	if len(t.suspect) > maxSuspect {
		return fmt.Errorf("%w: more than %d rows differ", ErrDiffers, maxSuspect)
	}
	return nil
}

// compareTable compares a table from where it is on.
func (t *Transfer) compareTable(ctx context.Context, table *table, s *state) error {
	for s.state == copied {
		page, err := t.page(ctx, table, s.place)
		if err != nil {
			return err
		}
		next := *s
		if len(page) == 0 {
			next.state, next.place = compared, nil
		} else {
			next.place = table.keyOf(page[len(page)-1])
			next.rows += int64(len(page))
		}
		keys := make([]row, len(page))
		for i, r := range page {
			keys[i] = table.keyOf(r)
		}
		differ, err := t.differing(ctx, table, keys, page)
		if err != nil {
			return err
		}
		// Which rows differ this run knows alone: after it another must begin where the first of them was.
		next.unsaved = s.unsaved || len(differ) > 0
		if !next.unsaved {
			if err := t.write(ctx, func(tx *db.Tx) error { t.saveState(tx, table.name, next); return nil }); err != nil {
				return err
			}
		}
		if err := t.suspectAll(table, differ); err != nil {
			return err
		}
		*s = next
		t.o.Progress(Progress{Step: Comparing, Table: table.name, Done: s.rows, Total: s.total, Bytes: t.bodies.Load()})
	}
	return nil
}

// differing returns the keys of those rows that the target does not have as they are given; nil: it must not have it. The bodies
// of objects are read on both sides.
func (t *Transfer) differing(ctx context.Context, table *table, keys, rows []row) (differ []row, err error) {
	there, err := lookup(ctx, t.o.Target, table, keys)
	if err != nil {
		return nil, err
	}
	if table.name == objects {
		return t.differingObjects(ctx, table, keys, rows, there)
	}
	for i, r := range rows {
		if !same(r, there[i]) {
			differ = append(differ, keys[i])
		}
	}
	return differ, nil
}

func same(a, b row) bool {
	return (a == nil) == (b == nil) && bytes.Equal(encode(nil, a), encode(nil, b))
}

func (t *Transfer) differingObjects(ctx context.Context, table *table, keys, rows, there []row) (differ []row, err error) {
	wrong := make([]bool, len(rows))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(bodiesAtATime)
	for i, r := range rows {
		g.Go(func() (err error) {
			wrong[i], err = t.differsObject(ctx, table, r, there[i])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, w := range wrong {
		if w {
			differ = append(differ, keys[i])
		}
	}
	return differ, nil
}

func (t *Transfer) differsObject(ctx context.Context, table *table, here, there row) (bool, error) {
	if here == nil || !table.object(here).live || there == nil {
		return there != nil || here != nil && table.object(here).live, nil
	}
	if !same(here, table.at(there, table.object(here).location)) {
		return true, nil
	}
	equal, err := t.compareBody(ctx, table.object(here), table.object(there))
	if mail.Is(err, mail.NotFound) { // in the source: it was moved or removed since, and is in the log
		again, err := lookup(ctx, t.o.Source, table, []row{table.keyOf(here)})
		if err != nil || !same(here, again[0]) {
			return false, err
		}
		return false, fmt.Errorf("the body of object %d is not where its row says: see `mailmesh verify`", table.object(here).id)
	}
	return !equal, err
}

// settle looks again at the rows that have differed, after the log was followed.
func (t *Transfer) settle(ctx context.Context) error {
	suspects := slices.Collect(maps.Values(t.suspect))
	slices.SortFunc(suspects, func(a, b suspicion) int { return strings.Compare(a.table.name, b.table.name) })
	for len(suspects) > 0 {
		table := suspects[0].table
		n := slices.IndexFunc(suspects, func(s suspicion) bool { return s.table != table })
		if n < 0 {
			n = len(suspects)
		}
		n = min(n, pageRows/4)
		keys := make([]row, n)
		for i := range keys {
			keys[i] = suspects[i].key
		}
		if err := t.settleSome(ctx, table, keys); err != nil {
			return fmt.Errorf("%s: %w", table.name, err)
		}
		suspects = suspects[n:]
	}
	return nil
}

// settleSome clears rows that are equal now, and leaves those that the log names. What then differs is a fault: the source's
// snapshot and the log say that the target must have it.
func (t *Transfer) settleSome(ctx context.Context, table *table, keys []row) error {
	var rows []row
	var tail []change
	query := `SELECT ` + table.names(table.all()) + ` FROM ` + quote(table.name) + ` WHERE ` + table.where(table.key, 1)
	err := t.o.Source.Read(ctx, func(tx *db.Tx) (err error) {
		if tail, err = changesAfter(tx, t.named, t.applied, changesAtATime); err != nil {
			return err
		}
		rows, err = lookupIn(tx, query, len(table.columns), keys)
		return err
	})
	if err != nil || len(tail) == changesAtATime { // there is more of it
		return err
	}
	pending := map[string]bool{}
	for _, c := range tail {
		if c.part == table.name {
			pending[string(encode(nil, c.key))] = true
		}
	}
	differ, err := t.differing(ctx, table, keys, rows)
	if err != nil {
		return err
	}
	for _, key := range keys {
		delete(t.suspect, suspectName(table, key))
	}
	var left []row
	for _, key := range differ {
		if !pending[string(encode(nil, key))] {
			return fmt.Errorf("%w (the row %v)", ErrDiffers, key)
		}
		left = append(left, key)
	}
	return t.suspectAll(table, left)
}

// Finish brings what was changed last and makes sure that the target is the source. Nothing may change the source from before it
// until the caller has decided which of the two is served. It may be repeated, after another Copy.
func (t *Transfer) Finish(ctx context.Context) error {
	for {
		waiting, err := t.waiting(ctx)
		if err != nil {
			return err
		}
		if waiting == 0 {
			break
		}
		if err := t.step(ctx, Ending, waiting); err != nil {
			return err
		}
	}
	if err := t.settle(ctx); err != nil {
		return err
	}
	for name, s := range t.states {
		if s.state != compared {
			return fmt.Errorf("transfer.Finish: the table %s was not compared: Copy comes first", name)
		}
	}
	if len(t.suspect) > 0 {
		return fmt.Errorf("transfer.Finish: %d rows changed though the source is at rest", len(t.suspect))
	}
	if err := t.compareCounts(ctx); err != nil {
		return err
	}
	return t.write(ctx, func(tx *db.Tx) error {
		tx.Queue(`UPDATE transfer SET state = 1 WHERE part = ''`)
		return nil
	})
}

// compareCounts finds rows that the target has and the source has not.
func (t *Transfer) compareCounts(ctx context.Context) error {
	return t.eachTable(ctx, func(ctx context.Context, table *table, _ *state) error {
		query := `SELECT count(*) FROM ` + quote(table.name)
		if table.name == objects {
			query += ` WHERE state = 0`
		}
		var counts [2]int64
		for i, d := range []*db.DB{t.o.Source, t.o.Target} {
			if err := d.Read(ctx, func(tx *db.Tx) error { return tx.QueryRow(query).Scan(&counts[i]) }); err != nil {
				return err
			}
		}
		if counts[0] != counts[1] {
			return fmt.Errorf("%w: it has %d rows, the original %d", ErrDiffers, counts[1], counts[0])
		}
		return nil
	})
}

func suspectName(table *table, key row) string {
	return string(encode(encode(nil, row{table.name}), key))
}
