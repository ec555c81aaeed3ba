package cert

import (
	"context"
	"time"
)

// Storage is where certificates are kept that this server gets by itself, with their keys, the account they are ordered under,
// and what a certificate authority asks while it looks whether a name is ours. All nodes of a cluster use one, so that each has
// the certificates of the others. It is declared here and filled by node: the ground knows no store.
//
// Names are paths of components between slashes, with no slash at either end: "a/b" is a file, and "a" a folder as long as
// there is one below it. Methods are safe for concurrent use, on every node; what one has stored the next load gives, on
// whichever node.
type Storage interface {
	// Store makes or replaces a file.
	Store(ctx context.Context, name string, value []byte) error
	// Load returns a file. An error matches fs.ErrNotExist where there is none; so it does for List and Stat.
	Load(ctx context.Context, name string) ([]byte, error)
	// Delete removes a file, or a folder with all that is in it. There need not be one.
	Delete(ctx context.Context, name string) error
	// List returns the names in a folder, with the folder's own name in front, sorted: files and folders, and with recursive
	// what is in these, too. The folder "" has everything.
	List(ctx context.Context, folder string, recursive bool) ([]string, error)
	// Stat says what is at a name.
	Stat(ctx context.Context, name string) (Entry, error)

	// Lock takes a lock that all nodes know, and waits for it as long as ctx lets it. The lock of a process that has died is
	// given back. As it may be given to another while a process is only slow, it keeps work from being done twice, and is
	// nothing to protect data with.
	Lock(ctx context.Context, name string) error
	// Unlock gives back a lock that Lock took in this process.
	Unlock(ctx context.Context, name string) error
}

// Entry is what is at a name.
type Entry struct {
	Folder   bool      // the rest is zero then
	Size     int64     // bytes
	Modified time.Time // when it was stored
}
