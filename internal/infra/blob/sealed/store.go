package sealed

import (
	"context"
	"crypto/rand"
	"errors"
	"io"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Store seals what goes into another store. It is safe for concurrent use.
type Store struct{ blobs blob.Store }

// New wraps blobs.
func New(blobs blob.Store) *Store { return &Store{blobs} }

// Object is a sealed body as Put leaves it.
type Object struct {
	ID       mail.ObjectID
	Location blob.Location
	Key      Key
	Stored   int64    // bytes in the store below
	Size     int64    // clear bytes
	Hash     [32]byte // SHA-256 of the clear bytes
}

// Put seals what r holds under a new key and puts it. Durability and errors are those of the store below; a body larger
// than MaxSize is mail.TooLarge.
func (s *Store) Put(ctx context.Context, id mail.ObjectID, r io.Reader) (Object, error) {
	var key Key
	rand.Read(key[:]) // never fails since Go 1.24
	sealer, err := newSealer(id, key, r)
	if err != nil {
		return Object{}, mail.E("sealed.Put", mail.Other, err)
	}
	defer sealer.release()
	at, stored, err := s.blobs.Put(ctx, id, sealer)
	if err != nil {
		return Object{}, err
	}
	if !sealer.ended() {
		return Object{}, mail.E("sealed.Put", mail.Other, errors.New("the store did not read to the end"))
	}
	o := Object{ID: id, Location: at, Key: key, Stored: stored, Size: sealer.size}
	sealer.hash.Sum(o.Hash[:0])
	return o, nil
}

// Open opens the clear bytes of an object. Errors are those of the store below, and ErrDamaged.
func (s *Store) Open(ctx context.Context, at blob.Location, id mail.ObjectID, key Key) (*Reader, error) {
	src, err := s.blobs.Open(ctx, at)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(src, id, key)
	if err != nil {
		src.Close()
		return nil, err
	}
	return r, nil
}

// Remove lets the bytes go, see blob.Store.
func (s *Store) Remove(ctx context.Context, at ...blob.Location) error {
	return s.blobs.Remove(ctx, at...)
}
