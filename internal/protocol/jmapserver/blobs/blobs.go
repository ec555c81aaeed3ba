package blobs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/sight"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Options says what Blobs stands on.
type Options struct {
	Tx        *tx.Store
	Mailbox   *mailbox.Store
	Bodies    *bodies.Store
	MaxUpload int64 // bytes
}

// Blobs opens blobs. It is safe for concurrent use.
type Blobs struct{ o Options }

// New makes a Blobs.
func New(o Options) *Blobs { return &Blobs{o} }

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
	if err := b.mayRead(ctx, a, ref); err != nil {
		return nil, err
	}
	body, err := b.o.Bodies.Open(ctx, a.Owner, ref.Blob)
	if mail.Is(err, mail.NotFound) {
		return nil, notFound(id)
	}
	if err != nil {
		return nil, err
	}
	c := &Content{Size: body.Size(), Whole: body, body: body}
	if ref.Part == nil {
		return c, nil
	}
	m, err := message.Parse(bufio.NewReaderSize(c.begin(), readAhead), message.Limits{})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if c.Entity = m.Root.Find(ref.Part); c.Entity == nil || c.Entity.IsMultipart() {
		return nil, errors.Join(notFound(id), c.Close())
	}
	c.Size = -1
	return c, nil
}

const readAhead = 64 << 10

// mayRead refuses a blob that the user does not see.
func (b *Blobs) mayRead(ctx context.Context, a method.Access, ref method.BlobRef) error {
	if a.Own() {
		return nil
	}
	return b.o.Tx.Read(ctx, func(t *tx.Tx) error {
		seen, err := sight.Of(t, b.o.Mailbox, a)
		if err != nil {
			return err
		}
		email, err := b.o.Mailbox.Email(t, a.Owner, ref.Email)
		if mail.Is(err, mail.NotFound) || err == nil && email.Blob != ref.Blob {
			return notFound(ref.String())
		}
		if err != nil {
			return err
		}
		visible := false
		err = b.o.Mailbox.Located(t, a.Owner, []mail.EmailID{ref.Email}, func(l *mailbox.Located) {
			visible = visible || seen.Sees(l.Mailbox, l.Flags.Bits)
		})
		if err == nil && !visible {
			err = notFound(ref.String())
		}
		return err
	})
}

// Content is an open blob. It is read in order, or from where Seek says: where it is a part that is encoded, going back begins anew.
// It belongs to one goroutine.
type Content struct {
	Size   int64         // -1 for a part, until Length has counted it
	Whole  io.ReaderAt   // the message that it is, or is a part of
	Entity *message.Part // the part; nil for a body as a whole

	body blob.Reader
	from io.Reader // what is read, if it is at from
	at   int64     // of from
	pos  int64     // where the next Read begins
}

// Close closes it.
func (c *Content) Close() error { return c.body.Close() }

// begin reads it from the beginning.
func (c *Content) begin() io.Reader {
	if c.Entity != nil {
		return c.Entity.Decoded(c.body)
	}
	return io.NewSectionReader(c.body, 0, c.body.Size())
}

// Work is how many bytes are read at most to find it and to read it once.
func (c *Content) Work() int64 {
	if c.Entity == nil {
		return c.Size
	}
	return c.body.Size() + 2*c.Entity.Body.Length // to find, to measure, to read
}

// Length is how many bytes it has. A part is read to its end for that, once.
func (c *Content) Length() (n int64, err error) {
	if c.Size < 0 {
		c.Size, err = io.Copy(io.Discard, c.begin())
	}
	return c.Size, err
}

var errSeek = errors.New("before the beginning of the blob")

// Seek says where the next Read begins.
func (c *Content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.pos
	case io.SeekEnd:
		n, err := c.Length()
		if err != nil {
			return c.pos, err
		}
		offset += n
	}
	if offset < 0 {
		return c.pos, errSeek
	}
	c.pos = offset
	return c.pos, nil
}

// Read reads on.
func (c *Content) Read(p []byte) (int, error) {
	if c.from == nil || c.at > c.pos {
		c.from, c.at = c.begin(), 0
	}
	if whole, is := c.from.(io.Seeker); is && c.at < c.pos {
		if _, err := whole.Seek(c.pos, io.SeekStart); err != nil {
			return 0, err
		}
	} else if skipped, err := io.CopyN(io.Discard, c.from, c.pos-c.at); err != nil {
		c.at += skipped
		return 0, err
	}
	n, err := c.from.Read(p)
	c.pos += int64(n)
	c.at = c.pos
	return n, err
}
