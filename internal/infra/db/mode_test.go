//go:build unix

package db_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

// The file and what lies beside it are for their owner only, whatever the umask of whoever embeds the package. A mode that
// the operator gave an existing file stays.
func TestFilesAreForTheirOwner(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	folder := t.TempDir()
	modes := func() map[string]os.FileMode {
		entries, err := os.ReadDir(folder)
		must(t, err)
		found := make(map[string]os.FileMode)
		for _, e := range entries {
			info, err := e.Info()
			must(t, err)
			found[e.Name()] = info.Mode().Perm()
		}
		return found
	}
	for _, want := range []os.FileMode{0o600, 0o660} {
		d, err := db.Open(t.Context(), db.Options{URL: "sqlite:" + filepath.Join(folder, "mail.db")})
		must(t, err)
		must(t, d.Migrate(t.Context(), schema))
		write(t, d, addAccount(int64(want)))
		have := modes()
		if len(have) != 3 {
			t.Errorf("the folder holds %v, want the file, its log and its index", have)
		}
		for name, mode := range have {
			if mode != want {
				t.Errorf("%s has the mode %o, want %o", name, mode, want)
			}
		}
		must(t, d.Close())
		must(t, os.Chmod(filepath.Join(folder, "mail.db"), 0o660))
	}
}
