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
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
)

// Blob is an open blob. It is read in order, or from where Seek says: where it is a part that is encoded, seeking back begins
// anew, and all is read in bounded memory. It belongs to one goroutine.
type Blob struct {
	Size int64
	Part *message.Part // of a message; nil for a whole body

	body    blob.Reader
	decoded func() io.Reader // from the beginning
	from    io.Reader        // what is read, if it is at from
	at      int64            // of from
	pos     int64            // where the next Read begins
}

// Open opens a blob of an account. Whether the user may read it the caller has found out.
func Open(ctx context.Context, room *bodies.Store, account mail.AccountID, ref method.BlobRef) (*Blob, error) {
	body, err := room.Open(ctx, account, ref.Blob)
	if err != nil {
		return nil, err
	}
	b := &Blob{Size: body.Size(), body: body, decoded: func() io.Reader { return io.NewSectionReader(body, 0, body.Size()) }}
	if ref.Part == nil {
		return b, nil
	}
	if err := b.enter(ref); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return b, nil
}

// enter makes of a whole message one of its parts.
func (b *Blob) enter(ref method.BlobRef) error {
	parsed, err := message.Parse(bufio.NewReaderSize(b.decoded(), 64<<10), message.Limits{})
	if err != nil {
		return err
	}
	if b.Part = parsed.Root.Find(ref.Part); b.Part == nil {
		return mail.E("blobs.Open", mail.NotFound, fmt.Errorf("the message %v has no part %v", ref.Blob, ref.Part))
	}
	b.decoded = func() io.Reader { return b.Part.Decoded(b.body) }
	b.Size, err = io.Copy(io.Discard, b.decoded())
	return err
}

// Close closes it.
func (b *Blob) Close() error { return b.body.Close() }

// Seek says where the next Read begins.
func (b *Blob) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.pos
	case io.SeekEnd:
		offset += b.Size
	}
	if offset < 0 {
		return b.pos, errSeek
	}
	b.pos = offset
	return b.pos, nil
}

var errSeek = errors.New("before the beginning of the blob")

// Read reads on.
func (b *Blob) Read(p []byte) (int, error) {
	if b.pos >= b.Size {
		return 0, io.EOF
	}
	if b.from == nil || b.at > b.pos {
		b.from, b.at = b.decoded(), 0
	}
	if whole, is := b.from.(io.Seeker); is {
		if _, err := whole.Seek(b.pos, io.SeekStart); err != nil {
			return 0, err
		}
	} else if _, err := io.CopyN(io.Discard, b.from, b.pos-b.at); err != nil {
		b.from = nil
		return 0, err
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.Size-b.pos)])
	b.pos += int64(n)
	b.at = b.pos
	return n, err
}
