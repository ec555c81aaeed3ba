package bodies

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// MasterKeySize is the size of the master key and of its file.
const MasterKeySize = 32

// LoadOrCreateMasterKey reads the master key from a file, which is made with a random key when it is not there. Without
// this file no body can be read again: it belongs in the operator's safe, not only in the data folder's backup.
//
// A file of another size, or one that others than its owner may read, is refused.
func LoadOrCreateMasterKey(path string) ([]byte, error) {
	key, err := loadMasterKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createMasterKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, mail.E("bodies.LoadOrCreateMasterKey", mail.Unavailable, fmt.Errorf("create the master key: %w", err))
	}
	return loadMasterKey(path) // what is there now, whoever made it
}

func loadMasterKey(path string) ([]byte, error) {
	const op = "bodies.LoadOrCreateMasterKey"
	f, err := os.Open(path)
	if err != nil {
		return nil, mail.E(op, mail.Unavailable, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, mail.E(op, mail.Unavailable, err)
	case !info.Mode().IsRegular():
		return nil, mail.E(op, mail.Invalid, fmt.Errorf("%s is not a file", path))
	case info.Mode().Perm()&0o077 != 0:
		return nil, mail.E(op, mail.Invalid, fmt.Errorf("others than its owner may use %s (its mode is %04o): chmod 600 it, and if others could log in here, treat the key as known", path, info.Mode().Perm()))
	case info.Size() != MasterKeySize:
		return nil, mail.E(op, mail.Invalid, fmt.Errorf("%s has %d bytes, a master key has exactly %d: put the right file back, or name another path for a new server", path, info.Size(), MasterKeySize))
	}
	key := make([]byte, MasterKeySize)
	if _, err := io.ReadFull(f, key); err != nil {
		return nil, mail.E(op, mail.Unavailable, fmt.Errorf("read %s: %w", path, err))
	}
	return key, nil
}

// createMasterKey makes the file appear whole or not at all, and never in the place of another.
func createMasterKey(path string) (err error) {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, ".masterkey-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	key := make([]byte, MasterKeySize)
	rand.Read(key)
	_, err = f.Write(key)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil { // unlike a rename, fails where there is a file
		return err
	}
	return syncFolder(folder)
}

func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
