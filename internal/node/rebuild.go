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
// ErrInUse while a server runs on the folder.
func Rebuild(ctx context.Context, cfg config.Config, log *slog.Logger) (done Rebuilt, err error) {
	n, err := Open(ctx, cfg, log)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	return n.rooms.bodies.Rebuild(ctx, n.rooms.verified().Holds())
}
