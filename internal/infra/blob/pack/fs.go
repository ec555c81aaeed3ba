package pack

import "io"

// FS is the file system below a Store, as small as can be, so that tests can play power loss and disk errors. Names are
// relative and use slashes. Errors match those of io/fs (ErrNotExist, ErrExist).
//
// What is written is on stable storage after the file's Sync; that a name exists, is gone or was changed, after SyncDir
// of its folder.
type FS interface {
	Create(name string) (File, error) // for reading and writing; the name must be free
	Open(name string) (File, error)   // for reading
	Append(name string) (File, error) // for writing; created when it is not there
	Rename(from, to string) error
	Remove(name string) error
	Mkdir(name string) error // with its parents; no error when it is there
	ReadDir(name string) ([]string, error)
	SyncDir(name string) error
	Lock(name string) (io.Closer, error) // for one process at a time; fails at once when taken
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	// Sync puts what was written on stable storage. After an error nobody knows what is there: the pages may be marked as
	// written without being so, and a second Sync may then succeed for nothing. So it is never called again on that file.
	Sync() error
}
