package blobtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Memory is a store for tests, which keeps bodies in memory. The zero value is ready for use. Fail, when set, is asked
// before each operation ("put", "open", "remove") and may return the error that it ends with.
type Memory struct {
	Fail func(operation string) error

	mu     sync.Mutex
	last   uint64
	bodies map[uint64]memoryBody
}

type memoryBody struct {
	id    mail.ObjectID
	bytes []byte
}

var (
	_ blob.Store  = (*Memory)(nil)
	_ blob.Lister = (*Memory)(nil)
)

const memoryFormat = 'M'

func (m *Memory) fail(operation string) error {
	if m.Fail == nil {
		return nil
	}
	return m.Fail(operation)
}

// Put implements blob.Store.
func (m *Memory) Put(ctx context.Context, id mail.ObjectID, r io.Reader) (blob.Location, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, mail.E("blobtest.Put", mail.Unavailable, err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, 0, fmt.Errorf("blobtest.Put: %w", err)
	}
	if err := m.fail("put"); err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	if m.bodies == nil {
		m.bodies = map[uint64]memoryBody{}
	}
	m.bodies[m.last] = memoryBody{id, content}
	return memoryLocation(m.last), int64(len(content)), nil
}

func memoryLocation(n uint64) blob.Location {
	return binary.AppendUvarint(blob.Location{memoryFormat}, n)
}

func parseMemory(at blob.Location) (uint64, error) {
	if len(at) > 1 && at[0] == memoryFormat {
		if n, used := binary.Uvarint(at[1:]); used == len(at)-1 {
			return n, nil
		}
	}
	return 0, mail.E("blobtest.Memory", mail.Invalid, fmt.Errorf("%x is not a location of this store", []byte(at)))
}

// Open implements blob.Store.
func (m *Memory) Open(_ context.Context, at blob.Location) (blob.Reader, error) {
	if err := m.fail("open"); err != nil {
		return nil, err
	}
	n, err := parseMemory(at)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.bodies[n]
	if !ok {
		return nil, mail.E("blobtest.Open", mail.NotFound, nil)
	}
	return memoryReader{bytes.NewReader(b.bytes)}, nil
}

// Remove implements blob.Store.
func (m *Memory) Remove(_ context.Context, at ...blob.Location) error {
	if err := m.fail("remove"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range at {
		n, err := parseMemory(l)
		if err != nil {
			return err
		}
		delete(m.bodies, n)
	}
	return nil
}

// List implements blob.Lister.
func (m *Memory) List(_ context.Context, each func(blob.Found) error) error {
	m.mu.Lock()
	var found []blob.Found
	for n, b := range m.bodies {
		found = append(found, blob.Found{ID: b.id, Location: memoryLocation(n), Size: int64(len(b.bytes))})
	}
	m.mu.Unlock()
	slices.SortFunc(found, func(a, b blob.Found) int { return int(a.ID - b.ID) })
	for _, f := range found {
		if err := each(f); err != nil {
			return err
		}
	}
	return nil
}

// Damage changes the bytes of the body at a place, as a bad disk would. It reports whether there is one.
func (m *Memory) Damage(at blob.Location, change func([]byte) []byte) bool {
	n, err := parseMemory(at)
	if err != nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.bodies[n]
	if ok {
		b.bytes = change(slices.Clone(b.bytes))
		m.bodies[n] = b
	}
	return ok
}

type memoryReader struct{ *bytes.Reader }

func (memoryReader) Close() error  { return nil }
func (r memoryReader) Size() int64 { return r.Reader.Size() }
