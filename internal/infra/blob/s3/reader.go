package s3

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// How much is asked for at a time. A body up to wholeSize comes in one answer. Of a longer one the end comes first, where a
// sealed object has its index, and then what is read: who reads on gets twice as much with each answer, because an answer
// costs its time whatever is in it, and who reads here and there little.
const (
	wholeSize   = 256 << 10
	endSize     = 16 << 10
	firstWindow = 128 << 10
	lastWindow  = 1 << 20
)

// window is a run of bytes of the body.
type window struct {
	off   int64
	bytes []byte
}

func (w window) end() int64 { return w.off + int64(len(w.bytes)) }

func (w window) has(off int64) bool { return w.off <= off && off < w.end() }

// reader reads a body in windows, of which it keeps the last and the end.
type reader struct {
	store *Store
	place

	mu     sync.Mutex
	tail   window
	recent window
	next   int64 // how long the next window is when it follows on the recent
	closed bool
}

// Open implements blob.Store. It gets the body, or its end, so a body that is not there is noticed here.
func (s *Store) Open(ctx context.Context, at blob.Location) (blob.Reader, error) {
	p, err := parseLocation("s3.Open", at)
	if err != nil {
		return nil, err
	}
	r := &reader{store: s, place: p, next: firstWindow}
	length := min(p.size, wholeSize)
	if p.size > wholeSize {
		length = endSize
	}
	r.tail = window{p.size - length, make([]byte, length)}
	if err := s.get(ctx, p, r.tail); err != nil {
		return nil, err
	}
	return r, nil
}

// rereads is how often a body that does not have its checksum is got once more: it may have been damaged on the way.
const rereads = 2

// get fills a window. The whole of a body is held to its checksum.
func (s *Store) get(ctx context.Context, p place, w window) error {
	damaged := 0
	return s.try(ctx, "get", int64(len(w.bytes)), func(ctx context.Context) error {
		if err := s.getOnce(ctx, p, w); err != nil {
			return err
		}
		if int64(len(w.bytes)) < p.size || p.crc == 0 || crc32.Checksum(w.bytes, castagnoli) == p.crc {
			return nil
		}
		kind := mail.Unavailable
		if damaged++; damaged > rereads {
			kind = mail.Other
		}
		return mail.E("s3.Open", kind, fmt.Errorf("the bytes of %s do not have their checksum", p.name()))
	})
}

func (s *Store) getOnce(ctx context.Context, p place, w window) error {
	var o minio.GetObjectOptions
	part := int64(len(w.bytes)) < p.size
	if part {
		if err := o.SetRange(w.off, w.end()-1); err != nil {
			return err
		}
	}
	body, info, header, err := s.core.GetObject(ctx, s.bucket, s.prefix+p.name(), o)
	if err != nil {
		return err
	}
	defer body.Close()
	if size := info.Size; !part && size != p.size {
		return mail.E("s3.Open", mail.NotFound, fmt.Errorf("%s has %d bytes there, not %d", p.name(), size, p.size))
	}
	if want := fmt.Sprintf("bytes %d-%d/%d", w.off, w.end()-1, p.size); part && strings.TrimSpace(header.Get("Content-Range")) != want {
		return mail.E("s3.Open", mail.Unavailable, fmt.Errorf("%s: asked for %q, was answered %q", p.name(), want, header.Get("Content-Range")))
	}
	_, err = io.ReadFull(body, w.bytes)
	return err
}

func (r *reader) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt. Calls at the same time take turns.
func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, mail.E("s3.ReadAt", mail.Invalid, fs.ErrClosed)
	}
	return blob.ReadPieces(p, off, r.size, func(p []byte, off int64) (int, error) {
		w, err := r.load(off)
		if err != nil {
			return 0, err
		}
		return copy(p, w.bytes[off-w.off:]), nil
	})
}

// load returns a window that has the byte at off.
func (r *reader) load(off int64) (window, error) {
	for _, w := range []window{r.recent, r.tail} {
		if w.has(off) {
			return w, nil
		}
	}
	length := int64(firstWindow)
	if off == r.recent.end() && off > 0 {
		length = min(2*r.next, lastWindow)
	}
	r.next = length
	w := window{off, r.recent.bytes[:0]}
	r.recent = window{}
	length = min(length, r.tail.off-off)
	if int64(cap(w.bytes)) < length {
		w.bytes = make([]byte, length)
	}
	w.bytes = w.bytes[:length]
	// The reader outlives the context of Open.
	if err := r.store.get(context.Background(), r.place, w); err != nil {
		return window{}, err
	}
	r.recent = w
	return w, nil
}

func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed, r.recent, r.tail = true, window{}, window{}
	return nil
}
