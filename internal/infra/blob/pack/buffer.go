package pack

import (
	"sync"
	"sync/atomic"
)

// maxPacked is the size of the largest body that goes into a pack; a larger one gets a file of its own.
const maxPacked = 1 << 20

// bufferSizes are the bodies that the kinds of buffer hold; the largest has room for one byte more, so that a body is
// seen to be too large.
var bufferSizes = [...]int{16 << 10, 64 << 10, 256 << 10, maxPacked + 1}

// buffer holds a body that is still being read, with room for the header before it and the padding behind it.
type buffer struct {
	bytes []byte
	class int
}

// body is the room for the body.
func (b *buffer) body() []byte { return b.bytes[headerSize : headerSize+bufferSizes[b.class]] }

// buffers gives out buffers. Beyond a limit only the smallest are given: bodies that do not fit them are written to files
// of their own while they come in, so that many slow senders cost disk and not memory.
type buffers struct {
	limit int64
	taken atomic.Int64
	pools [len(bufferSizes)]sync.Pool
}

func (p *buffers) get(class int) *buffer {
	p.taken.Add(int64(bufferSizes[class]))
	if b, ok := p.pools[class].Get().(*buffer); ok {
		return b
	}
	return &buffer{bytes: make([]byte, headerSize+bufferSizes[class]+alignment), class: class}
}

func (p *buffers) put(b *buffer) {
	p.taken.Add(-int64(bufferSizes[b.class]))
	p.pools[b.class].Put(b)
}

// grow exchanges b for a larger one with the same content, or reports false when there is none to have.
func (p *buffers) grow(b *buffer) (*buffer, bool) {
	if b.class+1 == len(bufferSizes) || p.taken.Load()+int64(bufferSizes[b.class+1]) > p.limit {
		return b, false
	}
	larger := p.get(b.class + 1)
	copy(larger.body(), b.body())
	p.put(b)
	return larger, true
}

// classFor is the smallest kind of buffer that holds n bytes.
func classFor(n int64) int {
	for class, size := range bufferSizes {
		if n <= int64(size) {
			return class
		}
	}
	return len(bufferSizes) - 1
}
