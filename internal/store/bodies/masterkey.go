package bodies

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// MasterKeySize is the size of the master key and of its file.
const MasterKeySize = 32

// OpenMasterKey reads the master key of a database from a file, and makes one only for a database that has none yet: beside
// mail under another key a new one would open nothing, and what came from then on would be lost with it.
func OpenMasterKey(ctx context.Context, t *tx.Store, path string) ([]byte, error) {
	const op = "bodies.OpenMasterKey"
	known, err := someAccountKeys(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(known) == 0 {
		return LoadOrCreateMasterKey(path)
	}
	key, err := loadMasterKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, mail.E(op, mail.Invalid, fmt.Errorf("%s is not there: the database holds mail under the master key it was made with, and no other opens that. Put the file back", path))
	}
	if err != nil {
		return nil, err
	}
	for _, l := range known {
		if _, err := unwrapKey(masterKey(key), l.Wrapped, label(accountKeyLabel, int64(l.Account))); err == nil {
			return key, nil
		}
	}
	return nil, mail.E(op, mail.Invalid, fmt.Errorf("%s is not the master key that this database was made with: put the right file back", path))
}

// someAccountKeys returns some wrapped keys of accounts: one that is damaged must not keep the server from its start.
func someAccountKeys(ctx context.Context, s *tx.Store) (some []KeyLine, err error) {
	err = s.Read(ctx, func(t *tx.Tx) error {
		some, err = accountKeyLines(t, `SELECT id, wrapped_key FROM account WHERE length(wrapped_key) > 0 ORDER BY id LIMIT 10`)
		return err
	})
	return some, err
}

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
