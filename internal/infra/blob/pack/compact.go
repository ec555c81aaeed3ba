package pack

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Compact implements blob.Compacter. Order of durable steps: the copy is appended and synced like any body; moved sets
// the location; the old record is noted as dead; a pack of dead records goes after the grace time. A crash between any
// two leaves a body twice at most, and a later compaction drops one of them.
func (s *Store) Compact(ctx context.Context, moved func(context.Context, []blob.Move) ([]bool, error)) (blob.Compacted, error) {
	s.compaction.Lock()
	defer s.compaction.Unlock()
	c := compaction{Store: s, ctx: ctx, moved: moved}
	numbers, err := s.packNumbers()
	if err != nil {
		return c.done, mail.E("pack.Compact", mail.Unavailable, err)
	}
	for _, n := range numbers {
		if err := ctx.Err(); err != nil {
			return c.done, mail.E("pack.Compact", mail.Unavailable, err)
		}
		if !s.writer.settled(n, s.Settle) {
			continue
		}
		if err := c.pack(n); err != nil {
			return c.done, err
		}
	}
	return c.done, nil
}

// compaction is one run of Compact.
type compaction struct {
	*Store
	ctx   context.Context
	moved func(context.Context, []blob.Move) ([]bool, error)
	done  blob.Compacted
}

// pack looks at a closed pack and does what is due.
func (c *compaction) pack(number uint32) error {
	const op = "pack.Compact"
	f, err := c.FS.Open(packName(number))
	if isGone(err) {
		return nil // it held nothing
	}
	if err != nil {
		return mail.E(op, mail.Unavailable, err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return mail.E(op, mail.Unavailable, err)
	}
	dead, deadBytes, err := readDead(c.FS, number)
	if err != nil {
		return mail.E(op, mail.Unavailable, err)
	}
	if float64(deadBytes) < c.DeadShare*float64(size-packHeaderSize) {
		return nil
	}
	entries, err := readIndex(c.FS, number)
	if isGone(err) {
		return nil // not closed yet
	}
	if err != nil {
		c.done.Damaged = append(c.done.Damaged, err.Error())
		return nil
	}
	live := entries[:0]
	for _, e := range entries {
		if !dead[e.offset] {
			live = append(live, e)
		}
	}
	if whole, err := c.moveAll(f, number, live); err != nil || !whole {
		return err
	}
	return c.drop(number, size)
}

// moveAll moves the live records of a pack and reports whether none is left.
func (c *compaction) moveAll(f File, number uint32, live []entry) (whole bool, err error) {
	whole = true
	for len(live) > 0 {
		n := min(len(live), blob.MaxMoves)
		var moves []blob.Move
		for _, e := range live[:n] {
			to, err := c.copy(f, number, e)
			if err != nil {
				return false, err
			}
			if to == nil {
				whole = false
				c.done.Damaged = append(c.done.Damaged, fmt.Sprintf("object %d at %d of %s", e.id, e.offset, packName(number)))
				continue
			}
			moves = append(moves, blob.Move{ID: e.id, From: e.place(number).location(), To: to})
		}
		if err := c.hand(moves); err != nil {
			return false, err
		}
		live = live[n:]
	}
	return whole, nil
}

// copy appends a record again and returns where; nil when it is damaged.
func (c *compaction) copy(f File, number uint32, e entry) (blob.Location, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, mail.E("pack.Compact", mail.Unavailable, err)
	}
	if e.size > maxPacked {
		return nil, nil
	}
	b := c.buffers.get(classFor(int64(e.size)))
	defer c.buffers.put(b)
	if _, err := f.ReadAt(b.bytes[:headerSize+int(e.size)], int64(e.offset)); err != nil && err != io.EOF {
		return nil, mail.E("pack.Compact", mail.Unavailable, err)
	}
	r, ok := parseRecord(b.bytes)
	if !ok || placeOf(r, false) != e.place(number) || checksum(b.body()[:e.size]) != r.checksum {
		return nil, nil
	}
	return c.writer.append(e.id, b, int(e.size))
}

// hand hands moves over and notes as dead what is not wanted: the old record, or the copy.
func (c *compaction) hand(moves []blob.Move) error {
	if len(moves) == 0 {
		return nil
	}
	wanted, err := c.moved(c.ctx, moves)
	if err != nil {
		return fmt.Errorf("pack.Compact: %w", err)
	}
	if len(wanted) != len(moves) {
		return mail.E("pack.Compact", mail.Other, fmt.Errorf("%d answers to %d moves", len(wanted), len(moves)))
	}
	var drop []blob.Location
	for i, m := range moves {
		drop = append(drop, m.From)
		if !wanted[i] {
			drop = append(drop, m.To)
		}
	}
	c.done.Moved += len(moves)
	return c.Remove(c.ctx, drop...)
}

// drop removes a pack without live records when its grace time is over.
func (c *compaction) drop(number uint32, size int64) error {
	c.removal.Lock()
	defer c.removal.Unlock()
	since, ok := c.doomed[number]
	if !ok {
		since = time.Now()
		c.doomed[number] = since
	}
	if time.Since(since) < c.Grace {
		return nil
	}
	delete(c.doomed, number)
	if err := c.removePack(number); err != nil {
		return mail.E("pack.Compact", mail.Unavailable, err)
	}
	c.done.Freed += size
	return nil
}
