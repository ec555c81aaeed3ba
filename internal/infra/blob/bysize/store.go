package bysize

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	blobsql "github.com/mailmesh/mailmesh/internal/infra/blob/sql"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Lister is a store that lists its bodies.
type Lister interface {
	blob.Store
	blob.Lister
}

// Options names the stores.
type Options struct {
	Small, Large Lister
	Most         int64                    // the largest body that is small
	IsLarge      func(blob.Location) bool // whether a Location is of Large
}

// Store is both stores as one. It is safe for concurrent use.
type Store struct{ o Options }

var (
	_ blob.Store     = (*Store)(nil)
	_ blob.Lister    = (*Store)(nil)
	_ blobsql.Putter = (*Store)(nil)
	_ blob.Cleaner   = (*Store)(nil)
	_ blob.Pinger    = (*Store)(nil)
)

// New returns a Store.
func New(o Options) *Store { return &Store{o} }

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, id mail.ObjectID, r io.Reader) (blob.Location, int64, error) {
	r, small, err := s.measure(ctx, r)
	switch {
	case err != nil:
		return nil, 0, err
	case small:
		return s.o.Small.Put(ctx, id, r)
	}
	return s.o.Large.Put(ctx, id, r)
}

// PutLater implements blobsql.Putter.
func (s *Store) PutLater(ctx context.Context, id mail.ObjectID, r io.Reader) (at blob.Location, size int64, later *blobsql.Pending, err error) {
	r, small, err := s.measure(ctx, r)
	if err != nil {
		return nil, 0, nil, err
	}
	if putter, ok := s.o.Small.(blobsql.Putter); ok && small {
		return putter.PutLater(ctx, id, r)
	}
	if small {
		at, size, err = s.o.Small.Put(ctx, id, r)
	} else {
		at, size, err = s.o.Large.Put(ctx, id, r)
	}
	return at, size, nil, err
}

// measure reads as much of a body as tells whether it is small, and returns what reads all of it.
func (s *Store) measure(ctx context.Context, r io.Reader) (all io.Reader, small bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, mail.E("bysize.Put", mail.Unavailable, err)
	}
	head := new(bytes.Buffer)
	n, err := io.CopyN(head, r, s.o.Most+1)
	if err != nil && err != io.EOF {
		return nil, false, fmt.Errorf("bysize.Put: read the body: %w", err)
	}
	if n <= s.o.Most {
		return head, true, nil
	}
	return io.MultiReader(head, r), false, nil
}

func (s *Store) of(at blob.Location) blob.Store {
	if s.o.IsLarge(at) {
		return s.o.Large
	}
	return s.o.Small
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, at blob.Location) (blob.Reader, error) {
	return s.of(at).Open(ctx, at)
}

// Remove implements blob.Store.
func (s *Store) Remove(ctx context.Context, at ...blob.Location) error {
	var small, large []blob.Location
	for _, l := range at {
		if s.o.IsLarge(l) {
			large = append(large, l)
		} else {
			small = append(small, l)
		}
	}
	if len(small) > 0 {
		if err := s.o.Small.Remove(ctx, small...); err != nil {
			return err
		}
	}
	if len(large) > 0 {
		return s.o.Large.Remove(ctx, large...)
	}
	return nil
}

// List implements blob.Lister.
func (s *Store) List(ctx context.Context, each func(blob.Found) error) error {
	if err := s.o.Small.List(ctx, each); err != nil {
		return err
	}
	return s.o.Large.List(ctx, each)
}

// Clean implements blob.Cleaner.
func (s *Store) Clean(ctx context.Context, before time.Time) error {
	for _, of := range []Lister{s.o.Small, s.o.Large} {
		if c, ok := of.(blob.Cleaner); ok {
			if err := c.Clean(ctx, before); err != nil {
				return err
			}
		}
	}
	return nil
}

// Ping implements blob.Pinger.
func (s *Store) Ping(ctx context.Context) error {
	for _, of := range []Lister{s.o.Small, s.o.Large} {
		if p, ok := of.(blob.Pinger); ok {
			if err := p.Ping(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
