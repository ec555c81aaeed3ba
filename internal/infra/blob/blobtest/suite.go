package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Run plays the suite against stores that open returns empty and closes by itself when their test ends.
func Run(t *testing.T, open func(testing.TB) blob.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, blob.Store)
	}{
		{"Sizes", testSizes},
		{"Ranges", testRanges},
		{"SourcePace", testSourcePace},
		{"SourceError", testSourceError},
		{"Context", testContext},
		{"BadLocation", testBadLocation},
		{"Remove", testRemove},
		{"ReaderOutlivesOthers", testReaders},
		{"Concurrent", testConcurrent},
		{"List", testList},
		{"Compact", testCompact},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// Sizes are where stores change what they do: nothing, frames of 64 KiB, files of their own from 1 MiB on.
var Sizes = []int{0, 1, 100, 10 << 10, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300 << 10, 1<<20 - 100, 1 << 20, 1<<20 + 1, 3<<20 + 17}

// Content makes n bytes that depend on seed and do not repeat.
func Content(seed uint64, n int) []byte {
	b := make([]byte, n)
	var key [32]byte
	key[0], key[1], key[2] = byte(seed), byte(seed>>8), byte(seed>>16)
	rand.NewChaCha8(key).Read(b)
	return b
}

// Put puts content and fails the test where that fails.
func Put(t testing.TB, s blob.Store, id mail.ObjectID, content []byte) blob.Location {
	t.Helper()
	at, size, err := s.Put(context.Background(), id, bytes.NewReader(content))
	if err != nil {
		t.Fatalf("Put of %d bytes: %v", len(content), err)
	}
	if size != int64(len(content)) {
		t.Errorf("Put of %d bytes returned the size %d", len(content), size)
	}
	if len(at) == 0 || len(at) > blob.MaxLocation {
		t.Errorf("Put returned a location of %d bytes, want 1 to %d", len(at), blob.MaxLocation)
	}
	return at
}

// Get reads a whole body.
func Get(s blob.Store, at blob.Location) ([]byte, error) {
	r, err := s.Open(context.Background(), at)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return blob.ReadAll(r)
}

// Want fails the test when the body at a place is not content.
func Want(t testing.TB, s blob.Store, at blob.Location, content []byte) {
	t.Helper()
	got, err := Get(s, at)
	if err != nil {
		t.Fatalf("read a body of %d bytes: %v", len(content), err)
	}
	if !bytes.Equal(got, content) {
		t.Fatalf("read %d bytes that are not the %d bytes put", len(got), len(content))
	}
}

func testSizes(t *testing.T, s blob.Store) {
	at := map[int]blob.Location{}
	for i, size := range Sizes {
		at[i] = Put(t, s, mail.ObjectID(i+1), Content(uint64(i), size))
	}
	for i, size := range Sizes {
		Want(t, s, at[i], Content(uint64(i), size))
	}
}

func testRanges(t *testing.T, s blob.Store) {
	for i, size := range Sizes {
		content := Content(uint64(i), size)
		r, err := s.Open(t.Context(), Put(t, s, mail.ObjectID(i+1), content))
		if err != nil {
			t.Fatal(err)
		}
		if r.Size() != int64(size) {
			t.Errorf("Size is %d, want %d", r.Size(), size)
		}
		for range 20 {
			off := rand.IntN(size + 1)
			wantRange(t, r, content, off, rand.IntN(size-off+1))
		}
		wantRange(t, r, content, 0, size)
		p := make([]byte, 10)
		if n, err := r.ReadAt(p, int64(size)-4); size >= 4 && (n != 4 || err != io.EOF) {
			t.Errorf("ReadAt over the end: %d bytes, error %v; want 4 and io.EOF", n, err)
		}
		if n, err := r.ReadAt(p, int64(size)+1); n != 0 || err != io.EOF {
			t.Errorf("ReadAt behind the end: %d bytes, error %v; want 0 and io.EOF", n, err)
		}
		if _, err := r.ReadAt(p, -1); err == nil || err == io.EOF {
			t.Errorf("ReadAt before the start: error %v", err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func wantRange(t *testing.T, r blob.Reader, content []byte, off, n int) {
	t.Helper()
	p := make([]byte, n)
	if got, err := r.ReadAt(p, int64(off)); got != n || err != nil && err != io.EOF {
		t.Fatalf("ReadAt(%d bytes, %d) of %d: %d bytes, error %v", n, off, len(content), got, err)
	}
	if !bytes.Equal(p, content[off:off+n]) {
		t.Fatalf("ReadAt(%d bytes, %d) of %d: wrong bytes", n, off, len(content))
	}
}

// Content comes over the network in pieces of any size, and its end may come with the last piece or after it.
func testSourcePace(t *testing.T, s blob.Store) {
	content := Content(1, 200<<10)
	for i, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
		at, _, err := s.Put(t.Context(), mail.ObjectID(i+1), wrap(bytes.NewReader(content)))
		if err != nil {
			t.Fatal(err)
		}
		Want(t, s, at, content)
	}
}

func testSourceError(t *testing.T, s blob.Store) {
	lost := errors.New("connection lost")
	for i, size := range Sizes {
		r := io.MultiReader(bytes.NewReader(Content(1, size)), iotest.ErrReader(lost))
		at, _, err := s.Put(t.Context(), mail.ObjectID(i+1), r)
		if !errors.Is(err, lost) {
			t.Errorf("Put from a source that fails after %d bytes: location %x, error %v", size, at, err)
		}
	}
	Want(t, s, Put(t, s, 100, []byte("after")), []byte("after"))
}

func testContext(t *testing.T, s blob.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Put(ctx, 1, bytes.NewReader(Content(1, 100))); !errors.Is(err, context.Canceled) {
		t.Errorf("Put under a cancelled context: error %v", err)
	}
}

func testBadLocation(t *testing.T, s blob.Store) {
	good := Put(t, s, 1, Content(1, 1000))
	bad := []blob.Location{nil, {}, {0}, {255}, good[:1], good[:len(good)-1], append(good[:len(good):len(good)], 0), bytes.Repeat([]byte{255}, blob.MaxLocation)}
	for i := range good {
		flipped := bytes.Clone(good)
		flipped[i] ^= 0x41
		bad = append(bad, flipped)
	}
	for _, at := range bad {
		if got, err := Get(s, at); err == nil && !bytes.Equal(got, Content(1, 1000)) {
			t.Errorf("the false location %x opens to %d bytes", []byte(at), len(got))
		} else if err != nil && !mail.Is(err, mail.Invalid) && !mail.Is(err, mail.NotFound) {
			t.Errorf("the false location %x: %v; want it invalid or not found", []byte(at), err)
		}
	}
}

func testRemove(t *testing.T, s blob.Store) {
	var at []blob.Location
	for i, size := range Sizes {
		at = append(at, Put(t, s, mail.ObjectID(i+1), Content(uint64(i), size)))
	}
	for range 2 { // it can be repeated
		if err := s.Remove(t.Context(), at[1:]...); err != nil {
			t.Fatalf("Remove: %v", err)
		}
	}
	if err := s.Remove(t.Context()); err != nil {
		t.Errorf("Remove of nothing: %v", err)
	}
	Want(t, s, at[0], Content(0, Sizes[0]))
	for i, l := range at[1:] {
		got, err := Get(s, l)
		if err == nil && !bytes.Equal(got, Content(uint64(i+1), Sizes[i+1])) || err != nil && !mail.Is(err, mail.NotFound) {
			t.Errorf("a removed body gives %d bytes, error %v; want all or not found", len(got), err)
		}
	}
}

func testReaders(t *testing.T, s blob.Store) {
	a, b := Content(1, 5000), Content(2, 90<<10)
	first, err := s.Open(t.Context(), Put(t, s, 1, a))
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Open(t.Context(), Put(t, s, 2, b))
	if err != nil {
		t.Fatal(err)
	}
	wantRange(t, second, b, 0, len(b))
	if err := second.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wantRange(t, first, a, 0, len(a))
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			p := make([]byte, 1000)
			if _, err := first.ReadAt(p, int64(i*1000)); err != nil || !bytes.Equal(p, a[i*1000:][:1000]) {
				t.Errorf("ReadAt beside others: %v", err)
			}
		})
	}
	wait.Wait()
	first.Close()
}

func testConcurrent(t *testing.T, s blob.Store) {
	const writers, each = 8, 12
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			if err := putAndRead(s, w, each); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

func putAndRead(s blob.Store, writer, n int) error {
	for i := range n {
		id := writer*n + i + 1
		content := Content(uint64(id), (id*7919)%(130<<10))
		at, _, err := s.Put(context.Background(), mail.ObjectID(id), bytes.NewReader(content))
		if err != nil {
			return err
		}
		got, err := Get(s, at)
		if err != nil {
			return fmt.Errorf("body %d beside others: %w", id, err)
		}
		if !bytes.Equal(got, content) {
			return fmt.Errorf("body %d beside others: read %d bytes that are not the %d put", id, len(got), len(content))
		}
	}
	return nil
}

func testList(t *testing.T, s blob.Store) {
	l, ok := s.(blob.Lister)
	if !ok {
		t.Skip("not a Lister")
	}
	want := map[mail.ObjectID][]byte{}
	var removed []blob.Location
	for i, size := range Sizes {
		id, content := mail.ObjectID(i+1), Content(uint64(i), size)
		at := Put(t, s, id, content)
		if i%3 == 2 {
			removed = append(removed, at)
		} else {
			want[id] = content
		}
	}
	if err := s.Remove(t.Context(), removed...); err != nil {
		t.Fatal(err)
	}
	err := l.List(t.Context(), func(f blob.Found) error {
		content, ok := want[f.ID]
		if !ok || f.Size != int64(len(content)) {
			return fmt.Errorf("listed: %d with %d bytes", f.ID, f.Size)
		}
		Want(t, s, f.Location, content)
		delete(want, f.ID)
		return nil
	})
	if err != nil || len(want) > 0 {
		t.Errorf("List: error %v, %d bodies are missing", err, len(want))
	}
	stop := errors.New("stop")
	if err := l.List(t.Context(), func(blob.Found) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("List does not return the error of its function but %v", err)
	}
}

// A compaction must hold its promises at any time, whether it finds something to do or not.
func testCompact(t *testing.T, s blob.Store) {
	c, ok := s.(blob.Compacter)
	if !ok {
		t.Skip("not a Compacter")
	}
	at := map[mail.ObjectID]blob.Location{}
	for i, size := range Sizes {
		id := mail.ObjectID(i + 1)
		at[id] = Put(t, s, id, Content(uint64(i), size))
		if i%2 == 1 {
			if err := s.Remove(t.Context(), at[id]); err != nil {
				t.Fatal(err)
			}
			delete(at, id)
		}
	}
	for range 3 {
		_, err := c.Compact(t.Context(), func(_ context.Context, moves []blob.Move) ([]bool, error) {
			wanted := make([]bool, len(moves))
			for i, m := range moves {
				if bytes.Equal(at[m.ID], m.From) {
					at[m.ID], wanted[i] = m.To, true
				}
			}
			return wanted, nil
		})
		if err != nil {
			t.Fatalf("Compact: %v", err)
		}
		for id, l := range at {
			Want(t, s, l, Content(uint64(id-1), Sizes[id-1]))
		}
	}
}
