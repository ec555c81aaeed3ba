package sealed

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// keyring makes a Store a blob.Store, so that it can be held to the contract: it remembers the keys.
type keyring struct {
	*Store
	mu      sync.Mutex
	objects map[string]Object
}

func (k *keyring) Put(ctx context.Context, id mail.ObjectID, r io.Reader) (blob.Location, int64, error) {
	o, err := k.Store.Put(ctx, id, r)
	if err != nil {
		return nil, 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.objects[string(o.Location)] = o
	return o.Location, o.Size, nil
}

func (k *keyring) Open(ctx context.Context, at blob.Location) (blob.Reader, error) {
	k.mu.Lock()
	o := k.objects[string(at)]
	k.mu.Unlock()
	r, err := k.Store.Open(ctx, at, o.ID, o.Key)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func TestContract(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) blob.Store {
		return &keyring{Store: New(new(blobtest.Memory)), objects: map[string]Object{}}
	})
}

// object is a sealed object in memory.
type object struct{ *bytes.Reader }

func (object) Close() error { return nil }

var testKey = Key{1, 2, 3}

func seal(t testing.TB, id mail.ObjectID, content []byte) []byte {
	t.Helper()
	s, err := newSealer(id, testKey, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	defer s.release()
	b, err := io.ReadAll(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unseal(b []byte, id mail.ObjectID, key Key) ([]byte, error) {
	r, err := NewReader(object{bytes.NewReader(b)}, id, key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return blob.ReadAll(r)
}

// No bit of an object can be changed without being noticed.
func TestEveryByteCounts(t *testing.T) {
	for _, content := range [][]byte{nil, []byte("hello"), []byte(strings.Repeat("compressible ", 100)), []byte(strings.Repeat("compressible ", 2000))} {
		b := seal(t, 1, content)
		for i := range b {
			changed := bytes.Clone(b)
			changed[i] ^= 1 << (i % 8)
			got, err := unseal(changed, 1, testKey)
			if err == nil && len(content) == 0 && len(got) == 0 {
				continue // the frame of an empty body is never read
			}
			if !errors.Is(err, ErrDamaged) && i != 4 { // byte 4 is the format
				t.Errorf("byte %d of %d changed: read %d bytes, error %v; want ErrDamaged", i, len(b), len(got), err)
			}
		}
		for i := range b {
			if _, err := unseal(b[:i], 1, testKey); !errors.Is(err, ErrDamaged) {
				t.Errorf("cut to %d of %d bytes: %v, want ErrDamaged", i, len(b), err)
			}
		}
		if _, err := unseal(append(bytes.Clone(b), 0), 1, testKey); !errors.Is(err, ErrDamaged) {
			t.Errorf("a byte more: %v, want ErrDamaged", err)
		}
	}
}

// frames takes an object apart: header, frames, index with trailer.
func frames(t *testing.T, b []byte) (pieces [][]byte) {
	t.Helper()
	r, err := NewReader(object{bytes.NewReader(b)}, 1, testKey)
	if err != nil {
		t.Fatal(err)
	}
	pieces = append(pieces, b[:headerSize])
	for i := range len(r.starts) - 1 {
		pieces = append(pieces, b[r.starts[i]:r.starts[i+1]])
	}
	return append(pieces, b[r.starts[len(r.starts)-1]:])
}

// Whole frames that are exchanged, repeated, left out or taken from another object are noticed.
func TestFramesKeepTheirPlace(t *testing.T) {
	content := blobtest.Content(1, 3*frameSize) // not compressible: all frames have one size, and the index fits any order
	own := frames(t, seal(t, 1, content))
	for name, order := range map[string][]int{
		"exchanged":       {0, 2, 1, 3, 4},
		"repeated":        {0, 1, 1, 3, 4},
		"last first":      {0, 3, 2, 1, 4},
		"left out":        {0, 1, 2, 4},
		"cut off":         {0, 1, 2, 3},
		"one more":        {0, 1, 2, 3, 3, 4},
		"nothing but one": {0, 1, 4},
	} {
		var b []byte
		for _, i := range order {
			b = append(b, own[i]...)
		}
		if _, err := unseal(b, 1, testKey); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
	if got, err := unseal(slices.Concat(own...), 1, testKey); err != nil || !bytes.Equal(got, content) {
		t.Errorf("put together again: %v", err)
	}
}

func TestAnObjectIsOpenedByItsKeyAndID(t *testing.T) {
	b := seal(t, 1, []byte("hello"))
	if _, err := unseal(b, 2, testKey); !errors.Is(err, ErrDamaged) {
		t.Errorf("another id: %v, want ErrDamaged", err)
	}
	if _, err := unseal(b, 1, Key{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("another key: %v, want ErrDamaged", err)
	}
	binary.BigEndian.PutUint64(b[8:], 2) // claims to be object 2
	if _, err := unseal(b, 2, testKey); !errors.Is(err, ErrDamaged) {
		t.Errorf("the id in the header changed: %v, want ErrDamaged", err)
	}
	b[4] = format + 1
	if _, err := unseal(b, 2, testKey); err == nil || !strings.Contains(err.Error(), "newer format") {
		t.Errorf("a newer format: %v, want it said", err)
	}
}

// Every Put has a key of its own, so one content never gives one object.
func TestKeysAreNotUsedTwice(t *testing.T) {
	memory := new(blobtest.Memory)
	s := New(memory)
	a, errA := s.Put(t.Context(), 1, strings.NewReader("hello"))
	b, errB := s.Put(t.Context(), 2, strings.NewReader("hello"))
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if a.Key == b.Key || a.Key == (Key{}) {
		t.Error("two objects have one key")
	}
	if a.Hash != b.Hash || a.Size != 5 || a.Stored <= 5 {
		t.Errorf("objects of one content: %+v and %+v", a, b)
	}
}

// What cannot be compressed costs its frame nothing but mark and tag; what can becomes small.
func TestStoredSize(t *testing.T) {
	const overhead = headerSize + indexFixed + tagSize + trailerSize
	for _, c := range []struct {
		name    string
		content []byte
		most    int
	}{
		{"noise", blobtest.Content(1, 10*frameSize), 10*(frameSize+markSize+tagSize+indexPerItem) + overhead},
		{"zeros", make([]byte, 10*frameSize), 10*100 + overhead},
		{"small noise", blobtest.Content(1, quickMost), quickMost + markSize + tagSize + indexPerItem + overhead},
		{"small zeros", make([]byte, quickMost), 100 + overhead},
		{"empty", nil, markSize + tagSize + indexPerItem + overhead},
	} {
		if got := len(seal(t, 1, c.content)); got > c.most {
			t.Errorf("%s: %d bytes in the store, want at most %d", c.name, got, c.most)
		}
	}
}

// counted counts what is read of an object.
type counted struct {
	object
	bytes, reads int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.bytes += len(p)
	c.reads++
	return c.object.ReadAt(p, off)
}

// A range of a large body costs the frames it touches, and reading in small steps decodes each frame once.
func TestRangesReadTheirFramesOnly(t *testing.T) {
	const n = 100
	content := blobtest.Content(1, n*frameSize)
	src := &counted{object: object{bytes.NewReader(seal(t, 1, content))}}
	r, err := NewReader(src, 1, testKey)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if src.bytes > 2*tailRead {
		t.Errorf("opening read %d bytes", src.bytes)
	}
	src.bytes, src.reads = 0, 0
	p := make([]byte, 100)
	if _, err := r.ReadAt(p, 50*frameSize-50); err != nil || !bytes.Equal(p, content[50*frameSize-50:][:100]) {
		t.Fatalf("ReadAt: %v", err)
	}
	if src.reads != 2 {
		t.Errorf("a range over two frames read %d frames", src.reads)
	}
	src.reads = 0
	var got bytes.Buffer
	if _, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{io.NewSectionReader(r, 0, r.Size())}, make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	if src.reads != n || !bytes.Equal(got.Bytes(), content) {
		t.Errorf("reading %d frames in steps decoded %d", n, src.reads)
	}
}

func TestReadAfterClose(t *testing.T) {
	r, err := NewReader(object{bytes.NewReader(seal(t, 1, []byte("hello")))}, 1, testKey)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := r.ReadAt(make([]byte, 1), 0); !mail.Is(err, mail.Invalid) {
		t.Errorf("ReadAt after Close: %v", err)
	}
}

// endless gives zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestTooLarge(t *testing.T) {
	s, err := newSealer(1, testKey, endless{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.release()
	s.frames = make([]uint32, maxFrames-1) // as after so many frames
	n, err := io.Copy(io.Discard, s)
	if !mail.Is(err, mail.TooLarge) || n == 0 {
		t.Errorf("sealed %d bytes more, error %v; want one frame more and then too large", n, err)
	}
}

// What is sealed in memory is the object that a Store writes, and opens only under its key, whole, and within its limit.
func TestInMemory(t *testing.T) {
	for _, size := range []int{0, 1, frameSize, frameSize + 1, 5 * frameSize, -1} {
		content := blobtest.Content(3, max(size, 0))
		if size < 0 {
			content = []byte(strings.Repeat("compressible ", 20_000))
			size = len(content)
		}
		b, err := Seal([]byte("front"), 7, testKey, content)
		if err != nil || !bytes.HasPrefix(b, []byte("front")) {
			t.Fatal(err)
		}
		b = b[len("front"):]
		got, err := Open([]byte("x"), 7, testKey, b, size)
		if err != nil || !bytes.Equal(got, append([]byte("x"), content...)) {
			t.Errorf("%d bytes: %v", size, err)
		}
		for name, open := range map[string]func() ([]byte, error){
			"another key": func() ([]byte, error) { return Open(nil, 7, Key{}, b, size) },
			"another id":  func() ([]byte, error) { return Open(nil, 8, testKey, b, size) },
			"too long":    func() ([]byte, error) { return Open(nil, 7, testKey, b, size-1) },
			"cut off":     func() ([]byte, error) { return Open(nil, 7, testKey, b[:len(b)-1], size) },
		} {
			if _, err := open(); !errors.Is(err, ErrDamaged) {
				t.Errorf("%d bytes, %s: %v", size, name, err)
			}
		}
	}
}
