package pack

import (
	"bytes"
	"context"
	"io"
)

// scan finds the records of a pack from its bytes alone. Anything that is not a whole record with right checksums is
// passed over: a torn end, the remains of a write that failed, a damaged piece in the middle. It reads a piece of the
// file at a time, whatever the bytes say.
func scan(ctx context.Context, f File, number uint32) ([]entry, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	w := window{file: f, size: min(size, 1<<32)}
	var entries []entry
	for at := int64(packHeaderSize); at+headerSize <= w.size; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := w.at(at, headerSize)
		if err != nil {
			return nil, err
		}
		r, ok := parseRecord(b)
		if !ok || r.file != number || int64(r.offset) != at || r.size > maxPacked {
			if at, err = w.search(at + alignment); err != nil {
				return nil, err
			}
			continue
		}
		whole, err := w.holds(at, r)
		if err != nil {
			return nil, err
		}
		if !whole {
			// The length cannot be trusted to lead to the next record: a record may stand inside what this one claims.
			at += alignment
			continue
		}
		entries = append(entries, entry{id: r.id, offset: r.offset, size: uint32(r.size)})
		at += r.stored()
	}
	return entries, nil
}

// window is a piece of a file.
type window struct {
	file  io.ReaderAt
	size  int64
	bytes []byte
	start int64
}

const windowSize = 2 << 20 // a record fits

// at returns n bytes from an offset, fewer at the end of the file.
func (w *window) at(off int64, n int64) ([]byte, error) {
	n = min(n, w.size-off)
	if off < w.start || off+n > w.start+int64(len(w.bytes)) {
		if w.bytes == nil {
			w.bytes = make([]byte, 0, min(windowSize, w.size))
		}
		want := min(int64(cap(w.bytes)), w.size-off)
		got, err := w.file.ReadAt(w.bytes[:want], off)
		if err != nil && err != io.EOF {
			return nil, err
		}
		w.bytes, w.start = w.bytes[:got], off
		if n > int64(got) {
			w.size, n = off+int64(got), int64(got) // the file became shorter
		}
	}
	return w.bytes[off-w.start:][:n], nil
}

// holds reports whether the body of a record is there and has its checksum.
func (w *window) holds(at int64, r record) (bool, error) {
	b, err := w.at(at, headerSize+r.size)
	if err != nil || int64(len(b)) < headerSize+r.size {
		return false, err
	}
	return checksum(b[headerSize:]) == r.checksum, nil
}

// search returns the next aligned offset that may be a record, or the size.
func (w *window) search(at int64) (int64, error) {
	for at+headerSize <= w.size {
		b, err := w.at(at, headerSize)
		if err != nil {
			return 0, err
		}
		if len(b) < headerSize {
			break
		}
		b = w.bytes[at-w.start:] // all that is in memory
		i := bytes.Index(b, []byte(recordMagic))
		if i < 0 {
			at += (int64(len(b)) - alignment) &^ (alignment - 1)
			continue
		}
		if at += int64(i); at%alignment == 0 {
			return at, nil
		}
		at = (at + alignment - 1) &^ (alignment - 1)
	}
	return w.size, nil
}
