package pack_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
	"github.com/mailmesh/mailmesh/internal/mail"
)

func TestContract(t *testing.T) {
	for _, c := range []struct {
		name    string
		options pack.Options
	}{
		{"Defaults", pack.Options{}},
		{"SmallPacks", pack.Options{PackSize: 100 << 10, OpenFiles: 16, Settle: 1, Grace: 1, DeadShare: 0.01}},
		{"NoMemory", pack.Options{BufferMemory: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			blobtest.Run(t, func(t testing.TB) blob.Store {
				o := c.options
				o.FS = pack.OS(t.TempDir())
				return open(t, o)
			})
		})
	}
}

func TestUsage(t *testing.T) {
	s := open(t, pack.Options{FS: pack.OS(t.TempDir()), PackSize: 10_000, Ahead: -1})
	var small, large []blob.Location
	for id := range 10 {
		small = append(small, blobtest.Put(t, s, mail.ObjectID(id+1), blobtest.Content(1, 2000)))
		large = append(large, blobtest.Put(t, s, mail.ObjectID(id+100), blobtest.Content(1, 1<<20+1)))
	}
	if err := s.Remove(t.Context(), small[0], large[0], small[0], small[9]); err != nil {
		t.Fatal(err)
	}
	got, err := s.Usage(t.Context())
	want := pack.Usage{Packs: 3, Large: 9, Bytes: 3*16 + 10*2040 + 9*(40+1<<20+1), Dead: 2 * 2040}
	if err != nil || got != want {
		t.Errorf("usage %+v, error %v; want %+v", got, err, want)
	}
}

// The folder of a store may have to be made, with those above it.
func TestFoldersAreMade(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, pack.Options{FS: pack.OS(folder)})
	blobtest.Put(t, s, 1, []byte("body"))
	if info, err := os.Stat(filepath.Join(folder, "packs")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of packs: %v, error %v", info, err)
	}
}

func open(t testing.TB, o pack.Options) *pack.Store {
	t.Helper()
	s, err := pack.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
