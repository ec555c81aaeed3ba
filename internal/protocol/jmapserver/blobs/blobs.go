// Package blobs opens what the blobIds of JMAP name: bodies of an account, and parts of them with their transfer encoding decoded
// (RFC 8620 6, RFC 8621 4.1.4).
//
// The owner of an account reads every body that it has, uploads among them. Others read the bodies of emails in mailboxes that they
// may read, and what they have uploaded there themselves is the owner's from then on.
//
// A part costs one reading of the message up to its end, in constant memory.
package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Options says what Blobs stands on.
type Options struct {
	Tx      *tx.Store
	Mailbox *mailbox.Store
	Bodies  *bodies.Store
}

// Blobs opens blobs. It is safe for concurrent use.
type Blobs struct{ o Options }

// New makes a Blobs.
func New(o Options) *Blobs { return &Blobs{o} }

// Content is an open blob.
type Content struct {
	io.Reader
	Size int64 // -1 for a decoded part: only reading it to its end tells

	body   io.Closer
	Whole  io.ReaderAt   // the message that it is, or is a part of
	Entity *message.Part // the part; nil for a body as a whole
}

// Close closes it.
func (c *Content) Close() error { return c.body.Close() }

var errNoBlob = errors.New("the account has no such blob that you may read")

// notFound is the answer to an id that names nothing, or nothing that the user may see.
func notFound(id string) error {
	return mail.E("blobs.Open", mail.NotFound, fmt.Errorf("%.100q: %w", id, errNoBlob))
}

// Open opens the blob that an id names in an account. One that is not there, or not for the user, is mail.NotFound.
func (b *Blobs) Open(ctx context.Context, a method.Access, id string) (*Content, error) {
	ref, err := method.ParseBlobRef(id)
	if err != nil {
		return nil, notFound(id)
	}
	if !a.Own() {
		if err := b.sees(ctx, a, ref.Blob, id); err != nil {
			return nil, err
		}
	}
	body, err := b.o.Bodies.Open(ctx, a.Owner, ref.Blob)
	if mail.Is(err, mail.NotFound) {
		return nil, notFound(id)
	}
	if err != nil {
		return nil, err
	}
	c := &Content{Reader: io.NewSectionReader(body, 0, body.Size()), Size: body.Size(), body: body, Whole: body}
	if ref.Part == nil {
		return c, nil
	}
	m, err := message.Parse(c.Reader, message.Limits{})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if c.Entity = m.Root.Find(ref.Part); c.Entity == nil || c.Entity.IsMultipart() {
		return nil, errors.Join(notFound(id), c.Close())
	}
	c.Reader, c.Size = c.Entity.Decoded(body), -1
	return c, nil
}

func (b *Blobs) sees(ctx context.Context, a method.Access, blob mail.BlobID, id string) error {
	return b.o.Tx.Read(ctx, func(t *tx.Tx) error {
		sees, err := b.o.Mailbox.As(a.Who).SeesBlob(t, a.Owner, blob)
		if err == nil && !sees {
			err = notFound(id)
		}
		return err
	})
}
