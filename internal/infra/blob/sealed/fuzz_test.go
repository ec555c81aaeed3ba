package sealed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
)

// FuzzReader: bytes of strangers are refused as damaged, or are the object that the seed was.
func FuzzReader(f *testing.F) {
	small := seal(f, 1, []byte("hello"))
	f.Add(small)
	f.Add(small[:len(small)-1])
	f.Add(seal(f, 1, bytes.Repeat([]byte("0123456789abcdef"), 10_000)))
	f.Add([]byte(headerMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := unseal(b, 1, testKey); err != nil && !errors.Is(err, ErrDamaged) && b[4] == format {
			t.Fatal(err)
		}
	})
}

// forge seals frames and an index as they are given, with the right key: what a hostile or broken writer could leave.
func forge(size uint64, lengths []uint32, contents [][]byte) []byte {
	aead, _ := testKey.aead()
	h := newHeader(1)
	b := append([]byte{}, h[:]...)
	var index []byte
	index = binary.BigEndian.AppendUint64(index, size)
	for i, c := range contents {
		n := frameNonce(i, len(contents))
		b = aead.Seal(b, n[:], c, h[:])
		index = binary.BigEndian.AppendUint32(index, uint32(len(c)+tagSize)+lengths[i])
	}
	trailer := newTrailer(len(contents))
	n := nonce(nonceIndex, 0)
	b = aead.Seal(b, n[:], index, append(h[:len(h):len(h)], trailer[:]...))
	return append(b, trailer[:]...)
}

// FuzzForged: even with the key nobody can make a Reader panic, take more memory than a frame for a frame, or return
// another number of bytes than Size says.
func FuzzForged(f *testing.F) {
	bomb, _ := compress([]byte{compressed}, make([]byte, frameSize))
	huge, _ := compress([]byte{compressed}, make([]byte, 100*frameSize))
	f.Add(uint64(frameSize), uint32(0), bomb, []byte{})
	f.Add(uint64(frameSize), uint32(0), huge, []byte{})
	f.Add(uint64(5), uint32(0), huge, []byte{})
	fast, _ := compressQuick([]byte{quick}, make([]byte, frameSize))
	f.Add(uint64(frameSize), uint32(0), fast, []byte{})
	f.Add(uint64(5), uint32(0), fast, []byte{})
	f.Add(uint64(5), uint32(0), []byte("\x00hello"), []byte{})
	f.Add(uint64(5), uint32(1), []byte("\x00hello"), []byte{})
	f.Add(uint64(1<<63), uint32(0), []byte("\x02hello"), []byte("\x00"))
	f.Add(uint64(frameSize+1), uint32(0), bomb, []byte("\x00x"))
	f.Add(uint64(0), uint32(0), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, size uint64, wrong uint32, first, second []byte) {
		contents := [][]byte{first}
		if len(second) > 0 {
			contents = append(contents, second)
		}
		r, err := NewReader(object{bytes.NewReader(forge(size, []uint32{wrong, -wrong}, contents))}, 1, testKey)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		defer r.Close()
		if r.Size() > int64(len(contents))*frameSize {
			t.Fatalf("%d bytes in %d frames", r.Size(), len(contents))
		}
		if _, err := blob.ReadAll(r); err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}
