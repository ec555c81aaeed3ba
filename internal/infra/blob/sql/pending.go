package sql

import (
	"bytes"
	"context"
	"io"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// MaxPending is the largest body that PutLater leaves to a transaction: most mail is smaller, and it is in memory until then.
const MaxPending = 32 << 10

// Putter is a store that can leave the bytes of a small body to the transaction that names it. They are on stable storage
// together then, after one commit instead of two.
type Putter interface {
	blob.Store

	// PutLater is Put, or returns what is still to be written.
	PutLater(ctx context.Context, id mail.ObjectID, r io.Reader) (blob.Location, int64, *Pending, error)
}

var _ Putter = (*Store)(nil)

// Pending is a body that is in memory only. It belongs to one goroutine.
type Pending struct {
	id    mail.ObjectID
	part  []byte
	tried bool
}

// PutLater implements Putter.
func (s *Store) PutLater(ctx context.Context, id mail.ObjectID, r io.Reader) (blob.Location, int64, *Pending, error) {
	var head bytes.Buffer
	head.Grow(headerSize + smallBody)
	head.Write(make([]byte, headerSize))
	if err := ctx.Err(); err != nil {
		return nil, 0, nil, unavailable(err)
	}
	n, err := io.CopyN(&head, r, MaxPending+1)
	if err != nil && err != io.EOF {
		return nil, 0, nil, readError(err)
	}
	if n > MaxPending {
		at, size, err := s.Put(ctx, id, io.MultiReader(bytes.NewReader(head.Bytes()[headerSize:]), r))
		return at, size, nil, err
	}
	fillHeader(head.Bytes(), n)
	return place{id, n}.location(), n, &Pending{id: id, part: head.Bytes()}, nil
}

// Write adds the body to a transaction, without waiting for an answer. It may be added to several, of which each may fail.
func (p *Pending) Write(tx *db.Tx) {
	if !p.tried {
		p.tried = true
		tx.QueueText(&insertPart, p.id, 0, p.part)
		return
	}
	tx.Queue(insertPart.One+` ON CONFLICT (name, part) DO NOTHING`, p.id, 0, p.part)
}

// Open opens the body where it is.
func (p *Pending) Open() blob.Reader {
	return &reader{place: place{p.id, int64(len(p.part) - headerSize)}, bytes: p.part[headerSize:]}
}
