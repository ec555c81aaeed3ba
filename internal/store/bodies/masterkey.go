package bodies

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

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
		if _, err := LoadOrCreateMasterKey(path); err != nil {
			return nil, err
		}
	}
	key, err := ReadMasterKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, mail.E(op, mail.Invalid, fmt.Errorf("%s is not there: the database holds mail under the master key it was made with, and no other opens that. Put the file back", path))
	}
	if err != nil {
		return nil, err
	}
	return key, CheckMasterKey(ctx, t, key, path)
}

// CheckMasterKey refuses a key that is not the one of the database. The first key that is checked becomes it: of several nodes
// that begin on an empty database with different keys, one begins. place is where the key is from, for the error.
func CheckMasterKey(ctx context.Context, t *tx.Store, key []byte, place string) error {
	const op = "bodies.CheckMasterKey"
	if len(key) != MasterKeySize {
		return mail.E(op, mail.Invalid, fmt.Errorf("%s has %d bytes, a master key has exactly %d", place, len(key), MasterKeySize))
	}
	known, err := someAccountKeys(ctx, t)
	if err != nil {
		return err
	}
	opens := len(known) == 0
	for _, l := range known {
		if _, err := unwrapKey(masterKey(key), l.Wrapped, label(accountKeyLabel, int64(l.Account))); err == nil {
			opens = true
		}
	}
	if opens {
		if opens, err = claim(ctx, t, key); err != nil {
			return err
		}
	}
	if !opens {
		return mail.E(op, mail.Invalid, fmt.Errorf("%s is not the master key that this database was made with: put the right one back", place))
	}
	return nil
}

// claim makes the key the one of the database where that has none, and reports whether it is.
func claim(ctx context.Context, s *tx.Store, key []byte) (ours bool, err error) {
	mark, err := hkdf.Key(sha256.New, key, nil, "mailmesh master key mark 1", 16)
	if err != nil {
		return false, mail.E("bodies.CheckMasterKey", mail.Other, err)
	}
	var there []byte
	ask := func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT master FROM instance WHERE one = 1`).Scan(&there)
	}
	if err := s.Read(ctx, ask); err != nil || len(there) > 0 {
		return bytes.Equal(there, mark), err
	}
	err = s.Write(ctx, nil, func(t *tx.Tx) error {
		if _, err := t.SQL().Exec(`UPDATE instance SET master = $1 WHERE one = 1 AND length(master) = 0`, mark); err != nil {
			return err
		}
		return ask(t)
	})
	return bytes.Equal(there, mark), err
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
	key, err := ReadMasterKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createMasterKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, mail.E("bodies.LoadOrCreateMasterKey", mail.Unavailable, fmt.Errorf("create the master key: %w", err))
	}
	return ReadMasterKey(path) // what is there now, whoever made it
}

// ReadMasterKey reads the master key from a file that is there. A group may read it where the file is another user's, as an
// orchestrator hands secrets out: then it is this process that is meant.
func ReadMasterKey(path string) ([]byte, error) {
	const op = "bodies.ReadMasterKey"
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
	case info.Mode().Perm()&0o077 != 0 && !lent(info):
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

// lent reports whether a file of another user is readable for its group and for nobody else.
func lent(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) != os.Geteuid() && info.Mode().Perm()&0o037 == 0
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
