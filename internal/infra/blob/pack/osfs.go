package pack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// OS returns the files below a folder, which is created when it is not there. Its SyncDir(".") also syncs the folder that
// holds it, for the store's own folder may be new, too.
func OS(folder string) FS { return osFS(folder) }

type osFS string

type osFile struct{ *os.File }

func (f osFS) path(name string) string { return filepath.Join(string(f), filepath.FromSlash(name)) }

func (f osFS) open(name string, flags int) (File, error) {
	file, err := os.OpenFile(f.path(name), flags, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{file}, nil
}

func (f osFS) Create(name string) (File, error) {
	return f.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}
func (f osFS) Open(name string) (File, error)   { return f.open(name, os.O_RDONLY) }
func (f osFS) Append(name string) (File, error) { return f.open(name, os.O_RDWR|os.O_CREATE) }
func (f osFS) Rename(from, to string) error     { return os.Rename(f.path(from), f.path(to)) }
func (f osFS) Remove(name string) error         { return os.Remove(f.path(name)) }
func (f osFS) Mkdir(name string) error          { return mkdir(f.path(name)) }

// mkdir makes a folder and those above it, each synced into the one that holds it.
func mkdir(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := mkdir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

func (f osFS) ReadDir(name string) ([]string, error) {
	dir, err := os.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

func (f osFS) SyncDir(name string) error {
	err := syncFolder(f.path(name))
	if name == "." {
		err = errors.Join(err, syncFolder(filepath.Dir(f.path(name))))
	}
	return err
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (f osFS) Lock(name string) (io.Closer, error) {
	file, err := os.OpenFile(f.path(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s is in use by another process: %w", f.path(name), err)
	}
	return file, nil
}

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) Sync() error { return datasync(f.File) }

// isGone reports whether err says that there is no such file.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
