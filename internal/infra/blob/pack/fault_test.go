package pack_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack/packtest"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// trace notes what the disk is asked to do, and fails what a test says.
type trace struct {
	mu   sync.Mutex
	done []packtest.Operation
	fail func(packtest.Operation) error
}

func (tr *trace) fault(o packtest.Operation) error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.done = append(tr.done, o)
	if tr.fail != nil {
		return tr.fail(o)
	}
	return nil
}

// set says what fails from now on, and forgets what was done.
func (tr *trace) set(fail func(packtest.Operation) error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.done, tr.fail = nil, fail
}

func (tr *trace) take() (done []packtest.Operation) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	done, tr.done = tr.done, nil
	return done
}

// once fails the first operation of a kind on names with a suffix.
func once(do, suffix string, err error) func(packtest.Operation) error {
	spent := false
	return func(o packtest.Operation) error {
		if spent || o.Do != do || !strings.HasSuffix(o.Name, suffix) {
			return nil
		}
		spent = true
		return err
	}
}

func openTraced(t testing.TB, o pack.Options) (*packtest.Disk, *trace, *pack.Store) {
	disk, tr := packtest.NewDisk(), new(trace)
	disk.SetFault(tr.fault)
	o.FS, o.Logger = disk.Mount(), quiet
	return disk, tr, open(t, o)
}

func put(s *pack.Store, id mail.ObjectID, content []byte) (blob.Location, error) {
	at, _, err := s.Put(context.Background(), id, bytes.NewReader(content))
	return at, err
}

// What Put did before it returned ends with a sync of the bytes, and for a new file of its folder.
func TestPutReturnsAfterTheSync(t *testing.T) {
	_, tr, s := openTraced(t, pack.Options{BufferMemory: 1, Ahead: -1}) // zeros are written after the answer
	for _, c := range []struct {
		name string
		size int
		want []string
	}{
		{"first of a pack", 100, []string{"create .pack", "write .pack", "syncdir packs", "write .pack", "sync .pack"}},
		{"another", 100, []string{"write .pack", "sync .pack"}},
		{"large", 100 << 10, []string{"sync tmp", "mkdir", "syncdir large", "rename .body", "syncdir large/0000000"}},
	} {
		tr.take()
		blobtest.Put(t, s, 1, blobtest.Content(1, c.size))
		done := tr.take()
		next := 0
		for _, o := range done {
			if do, name, _ := strings.Cut(c.want[min(next, len(c.want)-1)], " "); next < len(c.want) && o.Do == do && strings.Contains(o.Name, name) {
				next++
			}
		}
		if next < len(c.want) {
			t.Errorf("%s: the disk saw %v, want among it and in order %v", c.name, done, c.want)
		}
		if last := done[len(done)-1].Do; last != "sync" && last != "syncdir" {
			t.Errorf("%s: the last operation before the answer is %s, want a sync", c.name, last)
		}
	}
}

func TestAFailedSyncIsNotRepeated(t *testing.T) {
	disk, tr, s := openTraced(t, pack.Options{})
	first := blobtest.Put(t, s, 1, []byte("first"))
	tr.set(once("sync", ".pack", syscall.EIO))
	if _, err := put(s, 2, []byte("second")); !mail.Is(err, mail.Unavailable) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("Put with a failing sync: %v, want it unavailable for EIO", err)
	}
	third := blobtest.Put(t, s, 3, []byte("third"))
	syncs := map[string]int{}
	for _, o := range tr.take() {
		if o.Do == "sync" && strings.HasSuffix(o.Name, ".pack") {
			syncs[o.Name]++
		}
	}
	if len(syncs) != 2 || slices.ContainsFunc([]string{"packs/0000000001.pack", "packs/0000000002.pack"}, func(n string) bool { return syncs[n] != 1 }) {
		t.Errorf("syncs of packs: %v, want one of each of two packs", syncs)
	}
	s.Close()
	disk.PowerLoss(rand.New(rand.NewPCG(1, 1)))
	s = open(t, pack.Options{FS: disk.Mount(), Logger: quiet})
	blobtest.Want(t, s, first, []byte("first"))
	blobtest.Want(t, s, third, []byte("third"))
}

func TestWritesThatFail(t *testing.T) {
	for _, c := range []struct {
		name  string
		fail  error
		fault func(error) func(packtest.Operation) error
	}{
		{"disk full", syscall.ENOSPC, func(e error) func(packtest.Operation) error { return once("write", ".pack", e) }},
		{"short write", syscall.ENOSPC, func(e error) func(packtest.Operation) error {
			return once("write", ".pack", &packtest.Short{N: 50, Err: e})
		}},
		{"no new pack", syscall.EMFILE, func(e error) func(packtest.Operation) error { return once("create", ".pack", e) }},
		{"folder not synced", syscall.EIO, func(e error) func(packtest.Operation) error { return once("syncdir", "packs", e) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk, tr, s := openTraced(t, pack.Options{})
			tr.set(c.fault(c.fail))
			if _, err := put(s, 1, []byte("first")); !mail.Is(err, mail.Unavailable) || !errors.Is(err, c.fail) {
				t.Fatalf("Put: %v, want it unavailable for %v", err, c.fail)
			}
			at := blobtest.Put(t, s, 2, []byte("second"))
			disk.Kill()
			s = open(t, pack.Options{FS: disk.Mount(), Logger: quiet})
			blobtest.Want(t, s, at, []byte("second"))
			if found := list(t, s); len(found) != 1 || found[0].ID != 2 {
				t.Errorf("listed %v, want object 2 alone", found)
			}
		})
	}
}

func TestLargeWritesThatFail(t *testing.T) {
	for _, do := range []string{"create", "write", "sync", "mkdir", "rename", "syncdir"} {
		t.Run(do, func(t *testing.T) {
			disk, tr, s := openTraced(t, pack.Options{BufferMemory: 1})
			tr.set(once(do, "", syscall.EIO))
			if _, err := put(s, 1, blobtest.Content(1, 100<<10)); !mail.Is(err, mail.Unavailable) || !errors.Is(err, syscall.EIO) {
				t.Fatalf("Put: %v, want it unavailable for EIO", err)
			}
			blobtest.Put(t, s, 2, blobtest.Content(2, 100<<10))
			if found := list(t, s); len(found) != 1 || found[0].ID != 2 {
				t.Errorf("listed %v, want object 2 alone", found)
			}
			if left := disk.Names("tmp"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// A full disk must not leave a file for each Put that fails.
func TestAFullDiskDoesNotCollectFiles(t *testing.T) {
	disk, tr, s := openTraced(t, pack.Options{})
	tr.set(func(o packtest.Operation) error {
		if o.Do == "write" {
			return syscall.ENOSPC
		}
		return nil
	})
	for id := range 20 {
		if _, err := put(s, mail.ObjectID(id+1), []byte("body")); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	if names := disk.Names("packs"); len(names) > 0 {
		t.Errorf("there are %v", names)
	}
}

// A start after a crash finds every record in front of a torn one, and behind it.
func TestTornRecords(t *testing.T) {
	content := func(id int) []byte { return blobtest.Content(uint64(id), 1000) }
	const stored = 1040
	for _, c := range []struct {
		name string
		tear func([]byte) []byte
		want []mail.ObjectID
	}{
		{"whole", func(b []byte) []byte { return b }, []mail.ObjectID{1, 2, 3}},
		{"cut in the last body", func(b []byte) []byte { return b[:len(b)-10] }, []mail.ObjectID{1, 2}},
		{"cut in the last header", func(b []byte) []byte { return b[:16+2*stored+20] }, []mail.ObjectID{1, 2}},
		{"zeros at the end", func(b []byte) []byte { return append(b, make([]byte, 5000)...) }, []mail.ObjectID{1, 2, 3}},
		{"a body in the middle", func(b []byte) []byte { b[16+stored+500] ^= 1; return b }, []mail.ObjectID{1, 3}},
		{"a header in the middle", func(b []byte) []byte { b[16+stored+20] ^= 1; return b }, []mail.ObjectID{1, 3}},
		{"a hole in the middle", func(b []byte) []byte { clear(b[16+stored:][:stored]); return b }, []mail.ObjectID{1, 3}},
		{"the pack's own header", func(b []byte) []byte { clear(b[:16]); return b }, []mail.ObjectID{1, 2, 3}},
		{"nothing", func(b []byte) []byte { return nil }, nil},
		{"a copy of a record elsewhere", func(b []byte) []byte { return append(b, b[16:16+stored]...) }, []mail.ObjectID{1, 2, 3}},
		{"the pack of another number", func(b []byte) []byte {
			for at := 16; at < len(b); at += stored {
				binary.BigEndian.PutUint32(b[at+8:], 77)
			}
			return b
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk, _, s := openTraced(t, pack.Options{})
			at := map[mail.ObjectID]blob.Location{}
			for id := 1; id <= 3; id++ {
				at[mail.ObjectID(id)] = blobtest.Put(t, s, mail.ObjectID(id), content(id))
			}
			disk.Kill()
			disk.Change("packs/0000000001.pack", func(b []byte) []byte { return c.tear(b[:16+3*stored]) })
			s = open(t, pack.Options{FS: disk.Mount(), Logger: quiet})
			var got []mail.ObjectID
			for _, f := range list(t, s) {
				got = append(got, f.ID)
				blobtest.Want(t, s, at[f.ID], content(int(f.ID)))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
			blobtest.Put(t, s, 4, content(4))
		})
	}
}

// After a kill a start finds bodies that were never synced, and closes their pack. Power lost then must not take them: an
// index promises that they are there.
func TestWhatAStartFoundIsSynced(t *testing.T) {
	other, _, s := openTraced(t, pack.Options{})
	for id := range 3 {
		blobtest.Put(t, s, mail.ObjectID(id+1), blobtest.Content(1, 1000))
	}
	for dice := range uint64(20) {
		disk := packtest.NewDisk()
		fs := disk.Mount()
		fs.Mkdir("packs")
		f, err := fs.Create("packs/0000000001.pack")
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt(other.Bytes("packs/0000000001.pack"), 0)
		fs.SyncDir(".")
		fs.SyncDir("packs")
		open(t, pack.Options{FS: fs, Logger: quiet}).Close()
		disk.PowerLoss(rand.New(rand.NewPCG(dice, 1)))
		s = open(t, pack.Options{FS: disk.Mount(), Logger: quiet})
		if found := list(t, s); len(found) != 3 {
			t.Errorf("%d bodies are left of 3", len(found))
		}
	}
}

func list(t testing.TB, s blob.Lister) (found []blob.Found) {
	t.Helper()
	err := s.List(t.Context(), func(f blob.Found) error { found = append(found, f); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestOneProcessAtATime(t *testing.T) {
	fs := pack.OS(t.TempDir())
	s := open(t, pack.Options{FS: fs})
	if _, err := pack.Open(pack.Options{FS: fs}); !mail.Is(err, mail.Unavailable) {
		t.Errorf("a second Open: %v, want it unavailable", err)
	}
	s.Close()
	open(t, pack.Options{FS: fs}).Close()
}

func TestPutAfterClose(t *testing.T) {
	_, _, s := openTraced(t, pack.Options{})
	at := blobtest.Put(t, s, 1, []byte("body"))
	s.Close()
	if _, err := put(s, 2, []byte("late")); !mail.Is(err, mail.Unavailable) {
		t.Errorf("Put after Close: %v, want it unavailable", err)
	}
	if _, err := s.Open(t.Context(), at); !mail.Is(err, mail.Unavailable) {
		t.Errorf("Open after Close: %v, want it unavailable", err)
	}
}

// Many open readers of different files reach the limit and are told so; idle files are closed for others.
func TestOpenFilesAreBounded(t *testing.T) {
	_, _, s := openTraced(t, pack.Options{PackSize: 1, OpenFiles: 2})
	body := bytes.Repeat([]byte("body"), 5000) // a small one is not held open
	var at []blob.Location
	for id := range 3 {
		at = append(at, blobtest.Put(t, s, mail.ObjectID(id+1), body))
	}
	for range 3 {
		for _, l := range at {
			blobtest.Want(t, s, l, body)
		}
	}
	a, errA := s.Open(t.Context(), at[0])
	b, errB := s.Open(t.Context(), at[1])
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if _, err := s.Open(t.Context(), at[2]); !mail.Is(err, mail.Unavailable) {
		t.Errorf("one Open more than files: %v, want it unavailable", err)
	}
	a.Close()
	blobtest.Want(t, s, at[2], body)
	b.Close()
}
