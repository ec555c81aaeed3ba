package pack

import (
	"bytes"
	"context"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// memoryFile is a File of bytes to read.
type memoryFile struct {
	*bytes.Reader
	File
}

func (f memoryFile) ReadAt(p []byte, off int64) (int, error) { return f.Reader.ReadAt(p, off) }
func (f memoryFile) Size() (int64, error)                    { return f.Reader.Size(), nil }
func (f memoryFile) Close() error                            { return nil }

// packOf builds pack number 1 from bodies.
func packOf(bodies ...string) []byte {
	b := packHeader(1)
	for i, body := range bodies {
		r := record{file: 1, offset: uint32(len(b)), id: mail.ObjectID(i + 1), size: int64(len(body)), checksum: checksum([]byte(body))}
		piece := make([]byte, r.stored())
		r.encode(piece)
		copy(piece[headerSize:], body)
		b = append(b, piece...)
	}
	return b
}

// FuzzScan: whatever the bytes are, the scan ends, and what it finds lies in the file, in order, apart, and is whole.
func FuzzScan(f *testing.F) {
	whole := packOf("hello", "", "a longer body that takes some room", "end")
	f.Add(whole)
	f.Add(whole[:len(whole)-9])
	f.Add(append(packOf("one"), whole[packHeaderSize:]...))
	f.Add(packOf(string(whole)))
	f.Add([]byte(packMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := scan(context.Background(), memoryFile{Reader: bytes.NewReader(b)}, 1)
		if err != nil {
			t.Fatal(err)
		}
		end := int64(packHeaderSize)
		for _, e := range entries {
			if int64(e.offset) < end || int64(e.offset)+headerSize+int64(e.size) > int64(len(b)) {
				t.Fatalf("%+v after %d in %d bytes", e, end, len(b))
			}
			r, ok := parseRecord(b[e.offset:])
			if !ok || r.id != e.id || checksum(b[e.offset+headerSize:][:e.size]) != r.checksum {
				t.Fatalf("%+v is not whole", e)
			}
			end = int64(e.offset) + e.stored()
		}
	})
}

// FuzzLocation: a location is read as what was written, or refused.
func FuzzLocation(f *testing.F) {
	f.Add([]byte(place{file: 7, offset: 16, id: 99, size: 1000}.location()))
	f.Add([]byte(place{large: true, file: 1<<32 - 1, id: 1<<63 - 1, size: 1 << 40}.location()))
	f.Add([]byte{1, 0, 1, 1, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseLocation("test", b)
		if err != nil {
			if !mail.Is(err, mail.Invalid) {
				t.Fatal(err)
			}
			return
		}
		again, err := parseLocation("test", p.location())
		if err != nil || again != p {
			t.Fatalf("%+v became %+v, error %v", p, again, err)
		}
	})
}

// FuzzIndex: hostile indexes and dead lists give entries or nothing.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(indexMagic))
	f.Add(appendDead(nil, 1, 16, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		parseIndex(b, 1)
		parseDead(map[uint32]bool{}, 1, b[:len(b)-len(b)%deadEntrySize])
	})
}
