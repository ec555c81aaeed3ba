package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/provision"
)

// Restoration is what Restored did.
type Restoration = provision.Restoration

// restoringFile stands in the data folder from the beginning of Restored to its end.
const restoringFile = "restoring"

// errRestoring keeps a database that is half-way fit to serve from being served.
var errRestoring = errors.New("a restored database was not made ready to the end: run `mailmesh restored` again")

// Restored makes the data folder, whose database an operator has put back from a backup, fit to be served again: see
// provision.Restored. It fails with ErrInUse while a server runs on the folder, and while a node of a cluster uses the database. When it fails, or the process ends, the
// folder is not opened before Restored was run to its end.
func Restored(ctx context.Context, cfg config.Config, log *slog.Logger) (done Restoration, err error) {
	n, err := openNode(ctx, cfg, log)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	if err := n.rooms.noNodeLives(ctx); err != nil {
		return done, err
	}
	f := n.rooms.folder
	if err := f.mark(restoringFile); err != nil {
		return done, err
	}
	if done, err = n.rooms.provision.Restored(ctx); err != nil {
		return done, err
	}
	return done, f.unmark(restoringFile)
}

// noNodeLives fails while a node of a cluster uses the database: one that renews its row. It waits for the rows that came with a
// backup of just now to expire.
func (r *rooms) noNodeLives(ctx context.Context) error {
	if r.alone() {
		return nil
	}
	var before map[string]time.Time // when they expired by the last look, nil at the first
	for {
		nodes, now, err := members.Look(ctx, r.db)
		if err != nil {
			return err
		}
		valid, expires := 0, map[string]time.Time{}
		for _, other := range nodes {
			if before != nil && other.Expires.After(before[other.Name]) {
				return fmt.Errorf("the node %s uses this database: stop all nodes first", other.Name)
			}
			expires[other.Name] = other.Expires
			if other.Expires.After(now) {
				valid++
			}
		}
		if valid == 0 {
			return nil
		}
		before = expires
		select {
		case <-time.After(members.RenewEvery / 4):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
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
