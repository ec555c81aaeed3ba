package sealed

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Reader reads the clear bytes of an object. It decodes the frames that a range touches and remembers the last one, so
// reading in small steps decodes each frame once.
type Reader struct {
	src    blob.Reader
	aead   cipher.AEAD
	header header
	size   int64
	starts []int64 // where each frame starts in the object, and where the last ends
	tail   [smallTail]byte

	mu     sync.Mutex
	cached *buffer // clear bytes of frame
	frame  int
	closed bool
}

var _ blob.Reader = (*Reader)(nil)

// How much of the end is read at first: the trailer and the index of most bodies. That of a short one is in smallTail.
const (
	tailRead  = 1 << 10
	smallTail = 64
	smallSize = 8 * frameSize
)

// NewReader opens the object that src holds. Closing the Reader closes src.
func NewReader(src blob.Reader, id mail.ObjectID, key Key) (*Reader, error) {
	const op = "sealed.Open"
	aead, err := key.aead()
	if err != nil {
		return nil, mail.E(op, mail.Other, err)
	}
	r := &Reader{src: src, aead: aead, header: newHeader(id), frame: -1}
	if src.Size() < headerSize+minFrame+int64(indexSize(1))+trailerSize {
		return nil, damaged(op, "%d bytes are too few", src.Size())
	}
	var got header
	if err := readFull(src, got[:], 0); err != nil {
		return nil, mail.E(op, mail.Other, err)
	}
	if got != r.header {
		if got[4] > format && string(got[:4]) == headerMagic {
			return nil, mail.E(op, mail.Other, errors.New("the object has a newer format than this release knows"))
		}
		return nil, damaged(op, "not the header of object %d", id)
	}
	return r, r.readIndex()
}

// readIndex reads trailer and index and checks them against the object's size.
func (r *Reader) readIndex() error {
	const op = "sealed.Open"
	total := r.src.Size()
	tail := r.tail[:min(total-headerSize, smallTail)]
	if total > smallSize {
		tail = make([]byte, min(total-headerSize, tailRead))
	}
	if err := readFull(r.src, tail, total-int64(len(tail))); err != nil {
		return mail.E(op, mail.Other, err)
	}
	n := int(binary.BigEndian.Uint32(tail[len(tail)-trailerSize:]))
	trailer := newTrailer(n)
	if string(tail[len(tail)-trailerSize:]) != string(trailer[:]) || n < 1 || n > maxFrames {
		return damaged(op, "not a trailer")
	}
	need := indexSize(n) + trailerSize
	if total < headerSize+int64(n)*minFrame+int64(need) {
		return damaged(op, "too short for %d frames", n)
	}
	if need > len(tail) {
		tail = make([]byte, need)
		if err := readFull(r.src, tail, total-int64(need)); err != nil {
			return mail.E(op, mail.Other, err)
		}
	}
	index := tail[len(tail)-need : len(tail)-trailerSize]
	nonce := nonce(nonceIndex, 0)
	aad := append(r.header[:len(r.header):len(r.header)], trailer[:]...)
	index, err := r.aead.Open(index[:0], nonce[:], index, aad)
	if err != nil {
		return damaged(op, "the index does not open")
	}
	return r.parseIndex(index, n, total-int64(need))
}

// parseIndex takes over an index that was authenticated. It is checked all the same: who sealed it is not who wrote this.
func (r *Reader) parseIndex(index []byte, n int, end int64) error {
	const op = "sealed.Open"
	size := binary.BigEndian.Uint64(index)
	if size > uint64(n)*frameSize || size < uint64(n-1)*frameSize || n > 1 && size == uint64(n-1)*frameSize {
		return damaged(op, "%d clear bytes in %d frames", size, n)
	}
	r.size = int64(size)
	r.starts = make([]int64, n+1)
	at := int64(headerSize)
	for i := range n {
		r.starts[i] = at
		length := binary.BigEndian.Uint32(index[indexFixed+i*indexPerItem:])
		if length < minFrame || length > maxFrame {
			return damaged(op, "frame %d has %d bytes", i, length)
		}
		at += int64(length)
	}
	r.starts[n] = at
	if at != end {
		return damaged(op, "the frames end at %d, the index begins at %d", at, end)
	}
	return nil
}

// Size is the number of clear bytes.
func (r *Reader) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt. Calls at the same time take turns.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, mail.E("sealed.ReadAt", mail.Invalid, fs.ErrClosed)
	}
	return blob.ReadPieces(p, off, r.size, r.readFrame)
}

// readFrame copies what follows off in its frame. A frame that is wanted as a whole is decoded where it is wanted.
func (r *Reader) readFrame(p []byte, off int64) (int, error) {
	i, skip := int(off>>frameBits), int(off&(frameSize-1))
	length := int(min(frameSize, r.size-int64(i)<<frameBits))
	if i != r.frame && skip == 0 && len(p) >= length {
		return length, r.decode(p[:length], i)
	}
	if i != r.frame {
		if r.cached == nil {
			r.cached = r.room()
		}
		r.frame = -1
		if err := r.decode(r.cached.bytes[:length], i); err != nil {
			return 0, err
		}
		r.frame = i
	}
	return copy(p, r.cached.bytes[skip:length]), nil
}

// room is memory for any frame of this body.
func (r *Reader) room() *buffer {
	if r.size <= smallBuffer {
		return smallBuffers.get()
	}
	return largeBuffers.get()
}

// decode fills clear with frame i.
func (r *Reader) decode(clear []byte, i int) error {
	const op = "sealed.ReadAt"
	tmp := largeBuffers.get()
	defer put(tmp)
	sealed := tmp.bytes[:r.starts[i+1]-r.starts[i]]
	if err := readFull(r.src, sealed, r.starts[i]); err != nil {
		return mail.E(op, mail.Other, err)
	}
	nonce := frameNonce(i, len(r.starts)-1)
	frame, err := r.aead.Open(sealed[:0], nonce[:], sealed, r.header[:])
	if err != nil {
		return damaged(op, "frame %d does not open", i)
	}
	switch content := frame[markSize:]; frame[0] {
	case stored:
		if len(content) != len(clear) {
			return damaged(op, "frame %d has %d bytes, want %d", i, len(content), len(clear))
		}
		copy(clear, content)
	case compressed, quick:
		unpack := decompress
		if frame[0] == quick {
			unpack = decompressQuick
		}
		if err := unpack(clear, content); err != nil {
			return damaged(op, "frame %d: %v", i, err)
		}
	default:
		return damaged(op, "frame %d has the unknown mark %d", i, frame[0])
	}
	return nil
}

// Close gives memory back and closes the object below.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed, r.cached, r.frame = true, put(r.cached), -1
	return r.src.Close()
}

// readFull reads len(p) bytes; fewer are damage, since the store said that they are there.
func readFull(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || err == io.EOF:
		return ErrDamaged
	}
	return err
}
