package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// bodiesAtATime is how many bodies are copied or compared at a time.
const bodiesAtATime = 8

// object is what a row of the table says.
type object struct {
	id       mail.ObjectID
	location blob.Location
	live     bool
}

func (t *table) object(r row) (o object) {
	id, _ := r[t.index("id")].(int64)
	location, _ := r[t.index("location")].([]byte)
	state, _ := r[t.index("state")].(int64)
	return object{mail.ObjectID(id), location, state == 0}
}

// at is the row of an object whose body is somewhere else.
func (t *table) at(r row, location blob.Location) row {
	out := append(row{}, r...)
	out[t.index("location")] = []byte(location)
	return out
}

// bring makes rows of the source into rows of the target. Those of objects come with their bodies. What is doomed there stays
// behind, as no row names it any more.
func (t *Transfer) bring(ctx context.Context, table *table, page []row) ([]row, error) {
	if table.name != objects {
		return page, nil
	}
	brought := make([]row, len(page))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(bodiesAtATime)
	for i, r := range page {
		g.Go(func() (err error) {
			brought[i], err = t.bringObject(ctx, table, r)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	live := brought[:0]
	for _, r := range brought {
		if r != nil {
			live = append(live, r)
		}
	}
	return live, nil
}

// bringObject copies a body, and returns the row that says where it is in the target; nil where it is doomed.
func (t *Transfer) bringObject(ctx context.Context, table *table, r row) (row, error) {
	for {
		o := table.object(r)
		if !o.live {
			return nil, nil
		}
		to, err := t.copyBody(ctx, o)
		if err == nil {
			return table.at(r, to), nil
		}
		if !mail.Is(err, mail.NotFound) {
			return nil, fmt.Errorf("the body of object %d: %w", o.id, err)
		}
		// Compaction may have moved it since its row was read, or the collector removed it. Where the row says the same again, it is lost.
		again, err := lookup(ctx, t.o.Source, table, []row{table.keyOf(r)})
		if err != nil {
			return nil, err
		}
		if again[0] == nil {
			return nil, nil
		}
		if now := table.object(again[0]); now.live && string(now.location) == string(o.location) {
			return nil, fmt.Errorf("the body of object %d is not where its row says: `mailmesh verify` shows what is wrong, and docs/operations/backup.md what may mend it", o.id)
		}
		r = again[0]
	}
}

// copyBody copies the sealed bytes of a body as they are.
func (t *Transfer) copyBody(ctx context.Context, o object) (blob.Location, error) {
	body, err := t.o.Bodies.Open(ctx, o.location)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var to blob.Location
	put := func() (err error) {
		to, _, err = t.o.Place.Put(ctx, o.id, io.NewSectionReader(body, 0, body.Size()))
		return notMissing(err)
	}
	err = repeat(ctx, func() error {
		err := put()
		if mail.Is(err, mail.Exists) && t.o.Clear != nil { // an interrupted run has put it and not written its row
			if err = notMissing(t.o.Clear(ctx, o.id)); err == nil {
				err = put()
			}
		}
		return err
	})
	if err == nil {
		t.bodies.Add(body.Size())
	}
	return to, err
}

// notMissing keeps a NotFound of the target from being taken for one of the source.
func notMissing(err error) error {
	if mail.Is(err, mail.NotFound) {
		return errors.New(err.Error())
	}
	return err
}

// bringChanged is bring for rows that may be in the target already: bodies never change, and stay where they are.
func (t *Transfer) bringChanged(ctx context.Context, table *table, keys, rows []row) (present, gone []row, err error) {
	there := make([]row, len(keys))
	if table.name == objects {
		if there, err = lookup(ctx, t.o.Target, table, keys); err != nil {
			return nil, nil, err
		}
	}
	var fresh []row
	for i, r := range rows {
		switch {
		case r == nil || table.name == objects && !table.object(r).live:
			gone = append(gone, keys[i])
			if there[i] != nil {
				if err := t.o.Place.Remove(ctx, table.object(there[i]).location); err != nil {
					return nil, nil, err
				}
			}
		case there[i] != nil:
			present = append(present, table.at(r, table.object(there[i]).location))
		default:
			fresh = append(fresh, r)
		}
	}
	brought, err := t.bring(ctx, table, fresh)
	return append(present, brought...), gone, err
}

// compareBody reads a body on both sides.
func (t *Transfer) compareBody(ctx context.Context, from, to object) (equal bool, err error) {
	want, err := hash(ctx, t.o.Bodies, from.location)
	if err != nil {
		return false, err
	}
	have, err := hash(ctx, t.o.Place, to.location)
	if mail.Is(err, mail.NotFound) || mail.Is(err, mail.Invalid) {
		return false, nil
	}
	t.bodies.Add(have.size)
	return want == have, err
}

type digest struct {
	sum  [sha256.Size]byte
	size int64
}

func hash(ctx context.Context, s blob.Store, at blob.Location) (d digest, err error) {
	body, err := s.Open(ctx, at)
	if err != nil {
		return d, err
	}
	defer body.Close()
	h := sha256.New()
	if d.size, err = io.Copy(h, io.NewSectionReader(body, 0, body.Size())); err != nil {
		return d, err
	}
	h.Sum(d.sum[:0])
	return d, nil
}
