package pack_test

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/pack"
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

func open(t testing.TB, o pack.Options) *pack.Store {
	t.Helper()
	s, err := pack.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
