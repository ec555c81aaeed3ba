package blob

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// MaxLocation is the longest Location a store may return.
const MaxLocation = 64

// Location says where a body is. Only the store that returned it can read it; its first byte is that store's format
// number.
type Location []byte

// Store keeps bodies. All methods may be called by many goroutines at once.
type Store interface {
	// Put writes what r holds, up to io.EOF, as the body of id, and returns where it is and how many bytes it has. The
	// caller gives an id to one body only. r is read at its own pace, without a lock held. An error of r is returned
	// wrapped; when the store itself cannot write, the error is mail.Unavailable and a later Put may succeed. The
	// context counts until r is read; what is then being written is written.
	Put(ctx context.Context, id mail.ObjectID, r io.Reader) (Location, int64, error)

	// Open opens a body for reading. Nothing there is mail.NotFound, and so is a place that now holds another body; a
	// Location that this store cannot have written is mail.Invalid. A body may have been moved (see Compacter): a caller
	// that gets NotFound looks its Location up again.
	Open(ctx context.Context, at Location) (Reader, error)

	// Remove lets the bytes go, now or later. Bytes that are not there are no error, so it can be repeated. Opening a
	// removed body gives mail.NotFound or, for as long as the bytes last, the body.
	Remove(ctx context.Context, at ...Location) error
}

// Reader reads an open body. ReadAt may be called concurrently.
type Reader interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Found is a body that a store found in its own bytes.
type Found struct {
	ID       mail.ObjectID
	Location Location
	Size     int64
}

// Lister is a Store that can list its bodies from its own bytes. Removed bodies are left out. Bodies that are put,
// moved or removed meanwhile may be listed or not, and a body that was moved may be listed at both places.
type Lister interface {
	// List calls each for every body until it returns an error, which List returns.
	List(ctx context.Context, each func(Found) error) error
}

// Cleaner is a Store that may be left with what is no body: uploads that ended half way.
type Cleaner interface {
	// Clean removes what began before a time, by the database's clock.
	Clean(ctx context.Context, before time.Time) error
}

// Pinger is a Store that can be asked whether it could be used now.
type Pinger interface {
	Ping(ctx context.Context) error
}

// Move says that a body has been copied and that the copy is on stable storage.
type Move struct {
	ID       mail.ObjectID
	From, To Location
}

// Compacter is a Store that gets back the room of removed bodies by copying what is left.
type Compacter interface {
	// Compact copies bodies and calls moved for some of them at a time, at most MaxMoves. moved compares and sets the
	// locations that it keeps, and returns for each whether the copy is wanted: false when the body is known to be
	// elsewhere. An error of moved ends the compaction and loses nothing, whether or not moved took effect. Bytes that
	// were moved from go at a later call, after a grace time for readers that still hold the old Location.
	Compact(ctx context.Context, moved func(context.Context, []Move) (wanted []bool, err error)) (Compacted, error)
}

// MaxMoves is the most moves that are handed over at a time.
const MaxMoves = 100

// Compacted says what a compaction did.
type Compacted struct {
	Moved   int      // bodies copied
	Freed   int64    // bytes given back to the file system
	Damaged []string // what could not be read and was therefore kept, in words
}

// ReadPieces is ReadAt of a body of that size of which one piece is at hand at a time: read copies what the piece with the byte at off
// has from there on, and loads the piece first.
func ReadPieces(p []byte, off, size int64, read func(p []byte, off int64) (int, error)) (n int, err error) {
	if off < 0 {
		return 0, mail.E("blob.ReadAt", mail.Invalid, errors.New("negative offset"))
	}
	for n < len(p) {
		at := off + int64(n)
		if at >= size {
			return n, io.EOF
		}
		got, err := read(p[n:], at)
		if err != nil {
			return n, err
		}
		n += got
	}
	return n, nil
}

// ReadAll reads a whole body into memory. It is for tests and small bodies.
func ReadAll(r Reader) ([]byte, error) {
	b := make([]byte, r.Size())
	if n, err := r.ReadAt(b, 0); n < len(b) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b, nil
}
