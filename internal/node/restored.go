package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/provision"
)

// Restoration is what Restored did.
type Restoration = provision.Restoration

// restoringFile stands in the data folder from the beginning of Restored to its end.
const restoringFile = "restoring"

// errRestoring keeps a database that is half-way fit to serve from being served.
var errRestoring = errors.New("a restored database was not made ready to the end: run `mailmesh restored` again")

// Restored makes the data folder, whose database an operator has put back from a backup, fit to be served again: see
// provision.Restored. It fails with ErrInUse while a server runs on the folder. When it fails, or the process ends, the
// folder is not opened before Restored was run to its end.
func Restored(ctx context.Context, cfg config.Config, log *slog.Logger) (done Restoration, err error) {
	n, err := openNode(ctx, cfg, log)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	f := n.rooms.folder
	if err := f.mark(restoringFile); err != nil {
		return done, err
	}
	if done, err = n.rooms.provision.Restored(ctx); err != nil {
		return done, err
	}
	return done, f.unmark(restoringFile)
}

// mark makes an empty file that outlives a loss of power.
func (f *folder) mark(name string) error {
	file, err := os.OpenFile(f.file(name), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("mark the data folder: %w", err)
	}
	return errors.Join(file.Sync(), file.Close(), f.sync())
}

func (f *folder) unmark(name string) error {
	return errors.Join(os.Remove(f.file(name)), f.sync())
}

func (f *folder) marked(name string) (bool, error) {
	_, err := os.Stat(f.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// sync makes the names in the folder durable.
func (f *folder) sync() error {
	dir, err := os.Open(f.path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
