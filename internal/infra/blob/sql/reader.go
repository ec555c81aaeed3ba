package sql

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// reader reads a body part by part and remembers the last part, so that a small body is one query.
type reader struct {
	store *Store
	place

	mu     sync.Mutex
	part   int
	bytes  []byte
	closed bool
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, at blob.Location) (blob.Reader, error) {
	const op = "blob/sql.Open"
	p, err := parseLocation(op, at)
	if err != nil {
		return nil, err
	}
	first, err := s.readPart(ctx, p.id, 0)
	if err != nil {
		return nil, err
	}
	size, ok := parseHeader(first)
	if !ok {
		return nil, mail.E(op, mail.Other, fmt.Errorf("part 0 of object %d is damaged", p.id))
	}
	if size != p.size {
		return nil, mail.E(op, mail.NotFound, fmt.Errorf("object %d has %d bytes there, not %d", p.id, size, p.size))
	}
	return &reader{store: s, place: p, bytes: first[headerSize:]}, nil
}

func (s *Store) readPart(ctx context.Context, id mail.ObjectID, part int) (b []byte, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(`SELECT bytes FROM blob_bytes WHERE name = $1 AND part = $2`, id, part).Scan(&b)
	})
	switch {
	case errors.Is(err, db.ErrNoRows):
		return nil, mail.E("blob/sql.Open", mail.NotFound, fmt.Errorf("there is no part %d of object %d", part, id))
	case err != nil:
		return nil, mail.E("blob/sql.Open", mail.Unavailable, err)
	}
	return b, nil
}

func (r *reader) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt. Calls at the same time take turns. A body that is removed meanwhile ends in an error.
func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, mail.E("blob/sql.ReadAt", mail.Invalid, fs.ErrClosed)
	}
	return blob.ReadPieces(p, off, r.size, func(p []byte, off int64) (int, error) {
		if err := r.load(int(off / partSize)); err != nil {
			return 0, err
		}
		return copy(p, r.bytes[off%partSize:]), nil
	})
}

// load makes a part the remembered one. A part of another length than the body's size asks for is damage.
func (r *reader) load(part int) error {
	if part != r.part || r.bytes == nil {
		// The reader outlives the context of Open; each query is short.
		b, err := r.store.readPart(context.Background(), r.id, part)
		if err != nil {
			return err
		}
		if part == 0 {
			b = b[min(headerSize, len(b)):]
		}
		r.part, r.bytes = part, b
	}
	if want := min(partSize, r.size-int64(part)*partSize); int64(len(r.bytes)) != want {
		return mail.E("blob/sql.ReadAt", mail.Other, fmt.Errorf("part %d of object %d has %d bytes, want %d", part, r.id, len(r.bytes), want))
	}
	return nil
}

func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed, r.bytes = true, nil
	return nil
}
