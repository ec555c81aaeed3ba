package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// folder is the data folder, held by this process until close.
type folder struct {
	path string
	lock *os.File
}

// Names in the folder, see doc.go.
const (
	databaseFile = "mailmesh.db" // SQLite
	packsFolder  = "packs"
	keysFile     = "keys"
	masterFile   = "master.key"
)

// ErrInUse says that another process holds the data folder.
var ErrInUse = errors.New("another mailmesh uses this data folder")

// openFolder makes the folder where it is missing and takes its lock, which ends with the process, however that ends.
func openFolder(path string) (*folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the data folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrInUse, path)
		}
		return nil, fmt.Errorf("lock the data folder %s: %w", path, err)
	}
	return &folder{path, lock}, nil
}

// checkDatabase finds that the database is missing where it once was: it is the first that a new folder gets. Served with
// a new one in its place, every address would be unknown, and the mail of all users be sent back for good.
func (f *folder) checkDatabase() error {
	if info, err := os.Stat(f.file(databaseFile)); err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range []string{packsFolder, keysFile} {
		if _, err := os.Stat(f.file(name)); err == nil {
			return fmt.Errorf("%s is missing or empty in %s, beside the %s of a server that has run: put the database back (docs/operations/backup.md), or name it if it is on PostgreSQL; for a new server use another folder", databaseFile, f.path, name)
		}
	}
	return nil
}

func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

func (f *folder) close() error { return f.lock.Close() }
