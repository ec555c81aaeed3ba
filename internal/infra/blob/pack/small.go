package pack

import (
	"bytes"
	"io"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// smallBody is the size up to which a body is read whole when it is opened: one read instead of four or five, which is
// what most mail is.
const smallBody = 16 << 10

// smallReader has its body in memory, and needs no file any more.
type smallReader struct {
	bytes.Reader
	memory *smallMemory
	once   sync.Once
}

var _ blob.Reader = (*smallReader)(nil)

// smallMemory holds the record of a small body.
type smallMemory [headerSize + smallBody]byte

var smallMemories = sync.Pool{New: func() any { return new(smallMemory) }}

// readSmall reads and checks a record. Where the file ends before the body does, reading the body ends there, too.
func (p place) readSmall(f File) (blob.Reader, error) {
	r := &smallReader{memory: smallMemories.Get().(*smallMemory)}
	n, err := f.ReadAt(r.memory[:headerSize+p.size], int64(p.offset))
	if err != nil && err != io.EOF {
		err = mail.E("pack.Open", mail.Unavailable, err)
	} else {
		err = p.checkHeader(r.memory[:min(n, headerSize)])
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	r.Reset(r.memory[headerSize:n])
	return r, nil
}

// Close gives the memory back: nothing may be read after it.
func (r *smallReader) Close() error {
	r.once.Do(func() {
		r.Reset(nil)
		smallMemories.Put(r.memory)
	})
	return nil
}
