package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Options says how a Store works. Zero values take the defaults that are named.
type Options struct {
	FS           FS            // required, see OS
	PackSize     int64         // a pack is closed when it has grown to this: 256 MiB, at most 2 GiB
	Ahead        int64         // zeros written ahead of the bodies of a pack: 1 MiB, negative for none
	OpenFiles    int           // files held open for reading at most: 512
	BufferMemory int64         // memory for bodies that are being received, beyond 16 KiB each: 256 MiB
	DeadShare    float64       // compact a pack when this share of it is dead: 0.5
	Settle       time.Duration // compact a pack this long after it was closed: 2 h
	Grace        time.Duration // keep a compacted pack this long: 10 min
	Logger       *slog.Logger  // slog.Default()
	Observe      func(Batch)   // called after each group of Puts; must be quick
}

// Batch is a group of Puts that shared a sync.
type Batch struct {
	Bodies int
	Bytes  int64
	Sync   time.Duration
	Err    error // why all of them failed
}

func (o Options) withDefaults() Options {
	set(&o.PackSize, 256<<20)
	set(&o.Ahead, 1<<20)
	set(&o.OpenFiles, 512)
	set(&o.BufferMemory, 256<<20)
	set(&o.DeadShare, 0.5)
	set(&o.Settle, 2*time.Hour)
	set(&o.Grace, 10*time.Minute)
	set(&o.Logger, slog.Default())
	if o.Observe == nil {
		o.Observe = func(Batch) {}
	}
	o.PackSize = min(o.PackSize, 2<<30) // offsets have 32 bits
	o.Ahead = max(o.Ahead, 0)
	return o
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Store keeps bodies in packs. It is safe for concurrent use.
type Store struct {
	Options
	lock    io.Closer
	buffers buffers
	files   *handles
	writer  *writer

	numbers atomic.Uint32 // last number given to a file

	removal    sync.Mutex           // held while dead lists and the files of closed packs change
	compaction sync.Mutex           // one at a time
	doomed     map[uint32]time.Time // packs without a live record, since when; under removal
}

var (
	_ blob.Store     = (*Store)(nil)
	_ blob.Lister    = (*Store)(nil)
	_ blob.Compacter = (*Store)(nil)
)

// Open opens a store, which one process can have open at a time. Packs that the last process did not close are read and
// closed; new bodies go into new packs.
func Open(o Options) (*Store, error) {
	const op = "pack.Open"
	s := &Store{Options: o.withDefaults(), doomed: map[uint32]time.Time{}}
	s.buffers.limit = s.BufferMemory
	s.files = newHandles(s.FS, s.OpenFiles)
	for _, dir := range []string{packsDir, largeDir, tmpDir} {
		if err := s.FS.Mkdir(dir); err != nil {
			return nil, mail.E(op, mail.Unavailable, err)
		}
	}
	if err := s.FS.SyncDir("."); err != nil {
		return nil, mail.E(op, mail.Unavailable, err)
	}
	lock, err := s.FS.Lock(lockName)
	if err != nil {
		return nil, mail.E(op, mail.Unavailable, err)
	}
	s.lock = lock
	if err := s.recover(); err != nil {
		lock.Close()
		return nil, mail.E(op, mail.Unavailable, err)
	}
	s.writer = startWriter(s)
	return s, nil
}

// Close waits for the Puts that are being written and closes the current pack. Open Readers can be used on.
func (s *Store) Close() error {
	s.writer.close()
	s.files.close()
	return s.lock.Close()
}

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, id mail.ObjectID, r io.Reader) (blob.Location, int64, error) {
	const op = "pack.Put"
	b := s.buffers.get(0)
	defer func() { s.buffers.put(b) }()
	for n, idle := 0, 0; ; {
		if err := ctx.Err(); err != nil {
			return nil, 0, mail.E(op, mail.Unavailable, err)
		}
		if n == len(b.body()) {
			var grown bool
			if b, grown = s.buffers.grow(b); !grown {
				return s.putLarge(ctx, id, io.MultiReader(bytes.NewReader(b.body()), r))
			}
		}
		got, err := r.Read(b.body()[n:])
		n += got
		switch {
		case err == io.EOF && n > maxPacked:
			return s.putLarge(ctx, id, bytes.NewReader(b.body()[:n]))
		case err == io.EOF:
			return s.append(id, b, n)
		case err != nil:
			return nil, 0, fmt.Errorf("%s: read the body: %w", op, err)
		case got > 0:
			idle = 0
		default:
			if idle++; idle == 100 {
				return nil, 0, fmt.Errorf("%s: read the body: %w", op, io.ErrNoProgress)
			}
		}
	}
}

func (s *Store) append(id mail.ObjectID, b *buffer, n int) (blob.Location, int64, error) {
	at, err := s.writer.append(id, b, n)
	if err != nil {
		return nil, 0, err
	}
	return at, int64(n), nil
}

// Open implements blob.Store.
func (s *Store) Open(_ context.Context, at blob.Location) (blob.Reader, error) {
	const op = "pack.Open"
	p, err := parseLocation(op, at)
	if err != nil {
		return nil, err
	}
	h, err := s.files.acquire(p.name())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, mail.E(op, mail.NotFound, err)
	case err != nil:
		return nil, mail.E(op, mail.Unavailable, err)
	}
	if p.size <= smallBody {
		defer s.files.release(h)
		return p.readSmall(h.file)
	}
	if err := p.check(h.file); err != nil {
		s.files.release(h)
		return nil, err
	}
	return &reader{files: s.files, handle: h, start: int64(p.offset) + headerSize, size: p.size}, nil
}

func (p place) name() string {
	if p.large {
		return largeName(p.file)
	}
	return packName(p.file)
}

// check reads the record's header. The body's checksum is left to scans and compaction: a sealed body has a better one.
func (p place) check(f File) error {
	var b [headerSize]byte
	if _, err := f.ReadAt(b[:], int64(p.offset)); err != nil && err != io.EOF {
		return mail.E("pack.Open", mail.Unavailable, err)
	}
	return p.checkHeader(b[:])
}

func (p place) checkHeader(b []byte) error {
	const op = "pack.Open"
	r, ok := parseRecord(b)
	if !ok {
		return mail.E(op, mail.Other, fmt.Errorf("the record of object %d at %d of %s is damaged", p.id, p.offset, p.name()))
	}
	if placeOf(r, p.large) != p {
		return mail.E(op, mail.NotFound, fmt.Errorf("%s holds object %d at %d", p.name(), r.id, p.offset))
	}
	return nil
}

// reader reads a body. It holds its file open, so the file may be removed meanwhile.
type reader struct {
	files  *handles
	handle *handle
	start  int64
	size   int64
	once   sync.Once
}

func (r *reader) Size() int64 { return r.size }

func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, mail.E("pack.ReadAt", mail.Invalid, errors.New("negative offset"))
	case off >= r.size:
		return 0, io.EOF
	case int64(len(p)) > r.size-off:
		n, err := r.handle.file.ReadAt(p[:r.size-off], r.start+off)
		if err == nil {
			err = io.EOF
		}
		return n, err
	}
	return r.handle.file.ReadAt(p, r.start+off)
}

func (r *reader) Close() error {
	r.once.Do(func() { r.files.release(r.handle) })
	return nil
}
