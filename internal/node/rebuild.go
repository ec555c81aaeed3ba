package node

import (
	"context"
	"errors"
	"log/slog"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
)

// Rebuilt is what Rebuild did.
type Rebuilt = bodies.Rebuilt

// Rebuild makes the rows of bodies again that the database of a stopped server has lost, see bodies.Rebuild. It fails with
// ErrInUse while a server runs on the folder. A database that nodes share is put back from its own backups: no folder of one
// node holds the keys of all bodies.
func Rebuild(ctx context.Context, cfg config.Config, log *slog.Logger) (done Rebuilt, err error) {
	n, err := Open(ctx, cfg, log)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	if !n.rooms.alone() {
		return done, errors.New("rows of bodies are made again from the folder of a server that is alone; put the PostgreSQL database back from its own backup (docs/operations/backup.md)")
	}
	return n.rooms.bodies.Rebuild(ctx, n.rooms.verified().Holds())
}
