package s3

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

const (
	firstChunk = 16 << 10  // enough for most mail; not counted
	nextChunk  = 256 << 10 // the rest comes in these
	roomWait   = 10 * time.Second
)

// memory is what all buffers together may hold.
type memory struct {
	tokens chan struct{} // one for each chunk that is held
	wait   time.Duration // how long it is waited for one
	first  sync.Pool     // of *[]byte
	next   sync.Pool
}

func newMemory(bytes int64) *memory {
	if bytes == 0 {
		bytes = DefaultMemory
	}
	m := &memory{tokens: make(chan struct{}, max(bytes, PartSize)/nextChunk), wait: roomWait}
	m.first.New = func() any { b := make([]byte, firstChunk); return &b }
	m.next.New = func() any { b := make([]byte, nextChunk); return &b }
	return m
}

// take takes the room of a chunk, and waits a while for it.
func (m *memory) take(ctx context.Context) error {
	select {
	case m.tokens <- struct{}{}:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeoutCause(ctx, m.wait, errors.New("too many long bodies are on their way to S3"))
	defer cancel()
	select {
	case m.tokens <- struct{}{}:
		return nil
	case <-ctx.Done():
		return mail.E("s3.Put", mail.Unavailable, context.Cause(ctx))
	}
}

// buffer holds what is sent next, grows with what has come, and knows the checksums of it.
type buffer struct {
	memory *memory
	chunks []*[]byte
	size   int64
	hash   hash.Hash // SHA-256
	crc    uint32
}

func (m *memory) newBuffer() *buffer { return &buffer{memory: m, hash: sha256.New()} }

// fill reads until the buffer holds PartSize or r has ended, and reports which.
func (b *buffer) fill(ctx context.Context, r io.Reader) (ended bool, err error) {
	for b.size < PartSize {
		room, err := b.room(ctx)
		if err != nil {
			return false, err
		}
		n, err := io.ReadFull(r, room[:min(int64(len(room)), PartSize-b.size)])
		b.add(room[:n])
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return true, nil
		case err != nil:
			return false, fmt.Errorf("read the body: %w", err)
		}
	}
	return false, nil
}

func (b *buffer) add(p []byte) {
	b.hash.Write(p)
	b.crc = crc32.Update(b.crc, castagnoli, p)
	b.size += int64(len(p))
}

// room is what is free in the chunk where the next byte goes.
func (b *buffer) room(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, mail.E("s3.Put", mail.Unavailable, err)
	}
	i, used := 0, b.size
	if b.size >= firstChunk {
		i, used = 1+int((b.size-firstChunk)/nextChunk), (b.size-firstChunk)%nextChunk
	}
	if i == len(b.chunks) {
		pool := &b.memory.first
		if i > 0 {
			if err := b.memory.take(ctx); err != nil {
				return nil, err
			}
			pool = &b.memory.next
		}
		b.chunks = append(b.chunks, pool.Get().(*[]byte))
	}
	return (*b.chunks[i])[used:], nil
}

// reader reads what the buffer holds from its start, until it is closed.
func (b *buffer) reader() *bufferReader {
	r := &bufferReader{}
	left := b.size
	for _, c := range b.chunks {
		n := min(left, int64(len(*c)))
		r.rest = append(r.rest, (*c)[:n])
		left -= n
	}
	return r
}

// bufferReader is the body of a request. The HTTP client may read it even after it has given up on the request; closed, it
// no longer touches memory that is in use for something else by then.
type bufferReader struct {
	mu   sync.Mutex
	rest [][]byte
}

func (r *bufferReader) Read(p []byte) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n < len(p) && len(r.rest) > 0 {
		used := copy(p[n:], r.rest[0])
		n += used
		if r.rest[0] = r.rest[0][used:]; len(r.rest[0]) == 0 {
			r.rest = r.rest[1:]
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (r *bufferReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = nil
	return nil
}

// reset empties the buffer, for the next part.
func (b *buffer) reset() {
	b.size, b.crc = 0, 0
	b.hash.Reset()
}

func (b *buffer) release() {
	for i, c := range b.chunks {
		if i == 0 {
			b.memory.first.Put(c)
			continue
		}
		b.memory.next.Put(c)
		<-b.memory.tokens
	}
	b.chunks = nil
}
