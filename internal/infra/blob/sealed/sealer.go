package sealed

import (
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// sealer reads clear bytes and is read for the object. While it waits for its source it holds the clear bytes of one
// frame and nothing sealed, because thousands of slow senders may be waited for at a time.
type sealer struct {
	src    io.Reader
	aead   cipher.AEAD
	header header
	hash   hash.Hash
	size   int64
	frames []uint32 // sizes of the sealed frames
	quick  bool     // compress with S2, whatever the size is

	clear *buffer // room for the mark, a frame, one byte of the next frame
	have  int     // clear bytes in it
	out   *buffer // sealed bytes, nil when all were read
	rest  []byte  // what of out is still to be read
	last  bool    // the object is complete
	err   error
}

func newSealer(id mail.ObjectID, key Key, src io.Reader) (*sealer, error) {
	aead, err := key.aead()
	if err != nil {
		return nil, err
	}
	return &sealer{src: src, aead: aead, header: newHeader(id), hash: sha256.New(), clear: smallBuffers.get()}, nil
}

// Read implements io.Reader.
func (s *sealer) Read(p []byte) (int, error) {
	if len(s.rest) == 0 && s.err == nil {
		s.err = s.next()
	}
	if len(s.rest) == 0 {
		return 0, s.err
	}
	n := copy(p, s.rest)
	if s.rest = s.rest[n:]; len(s.rest) == 0 {
		s.out = put(s.out)
	}
	return n, nil
}

// next seals one frame, with the header before the first and the index behind the last.
func (s *sealer) next() error {
	if s.last {
		return io.EOF
	}
	n, err := s.fill()
	if err != nil {
		return err
	}
	if len(s.frames) == maxFrames {
		return mail.E("sealed.Put", mail.TooLarge, fmt.Errorf("a body is at most %d bytes", int64(MaxSize)))
	}
	s.last = s.have <= frameSize
	s.out = largeBuffers.get()
	dst := s.out.bytes[:0]
	if len(s.frames) == 0 {
		dst = append(dst, s.header[:]...)
	}
	dst = s.sealFrame(dst, s.clear.bytes[markSize:markSize+n])
	if s.last {
		dst = s.sealIndex(dst)
	} else {
		s.clear.bytes[markSize] = s.clear.bytes[markSize+frameSize]
		s.have = 1
	}
	s.rest = dst
	return nil
}

// fill reads until there is a frame and one byte more, or the source has ended, and returns the bytes of the frame.
func (s *sealer) fill() (int, error) {
	for idle := 0; s.have <= frameSize; {
		room := s.clear.bytes[markSize+s.have : min(len(s.clear.bytes), markSize+frameSize+1)]
		if len(room) == 0 {
			s.grow()
			continue
		}
		n, err := s.src.Read(room)
		s.have += n
		switch {
		case err == io.EOF:
			return s.count(min(s.have, frameSize)), nil
		case err != nil:
			return 0, err
		case n > 0:
			idle = 0
		default:
			if idle++; idle == 100 {
				return 0, io.ErrNoProgress
			}
		}
	}
	return s.count(frameSize), nil
}

// count takes n bytes of the frame into size and hash.
func (s *sealer) count(n int) int {
	s.hash.Write(s.clear.bytes[markSize : markSize+n])
	s.size += int64(n)
	return n
}

func (s *sealer) grow() {
	large := largeBuffers.get()
	copy(large.bytes, s.clear.bytes[:markSize+s.have])
	put(s.clear)
	s.clear = large
}

// sealFrame appends the sealed frame to dst. The clear bytes have room for a mark before them, and are overwritten.
func (s *sealer) sealFrame(dst, clear []byte) []byte {
	number := len(s.frames)
	nonce := nonce(nonceFrame, number)
	if s.last {
		nonce = frameNonce(number, number+1)
	}
	start := len(dst)
	if packed, ok := s.compress(dst, clear); ok {
		dst = s.aead.Seal(packed[:start], nonce[:], packed[start:], s.header[:])
	} else {
		s.clear.bytes[0] = stored
		dst = s.aead.Seal(dst[:start], nonce[:], s.clear.bytes[:markSize+len(clear)], s.header[:])
	}
	s.frames = append(s.frames, uint32(len(dst)-start))
	return dst
}

// compress appends a mark and the compressed frame to dst, and reports whether that is worth it.
func (s *sealer) compress(dst, clear []byte) ([]byte, bool) {
	if s.quick || s.last && s.size <= quickMost {
		return compressQuick(append(dst, quick), clear)
	}
	return compress(append(dst, compressed), clear)
}

// sealIndex appends index and trailer.
func (s *sealer) sealIndex(dst []byte) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.size))
	for _, n := range s.frames {
		dst = binary.BigEndian.AppendUint32(dst, n)
	}
	trailer := newTrailer(len(s.frames))
	nonce := nonce(nonceIndex, 0)
	aad := append(s.header[:len(s.header):len(s.header)], trailer[:]...)
	dst = s.aead.Seal(dst[:start], nonce[:], dst[start:], aad)
	return append(dst, trailer[:]...)
}

func (s *sealer) ended() bool { return s.last && len(s.rest) == 0 }

func (s *sealer) release() {
	s.clear, s.out, s.rest = put(s.clear), put(s.out), nil
	s.err = io.ErrClosedPipe
}

// buffer is a piece of memory that goes back to its pool. Small ones hold most messages.
type buffer struct {
	bytes []byte
	pool  *bufferPool
}

type bufferPool struct{ sync.Pool }

func newBufferPool(size int) *bufferPool {
	p := new(bufferPool)
	p.New = func() any { return &buffer{bytes: make([]byte, size), pool: p} }
	return p
}

func (p *bufferPool) get() *buffer { return p.Get().(*buffer) }

// put gives b back and returns nil, to be assigned where b was.
func put(b *buffer) *buffer {
	if b != nil {
		b.pool.Put(b)
	}
	return nil
}

const smallBuffer = 16 << 10

var (
	smallBuffers = newBufferPool(smallBuffer)
	// A frame with its mark, tag and the byte after it; or a sealed frame with a header before and an index behind it. A
	// long index outgrows it, the larger memory is then not kept.
	largeBuffers = newBufferPool(headerSize + maxFrame + 1 + 4<<10)
)
