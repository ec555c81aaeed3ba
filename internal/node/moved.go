package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/protocol/adminserver"
	"github.com/mailmesh/mailmesh/internal/store/transfer"
)

// movedFile stands in the data folder of a server that has moved to a cluster, and says to which.
const movedFile = "moved"

// movedMark is what it says.
type movedMark struct {
	To string    `json:"to"` // the database, without a password
	At time.Time `json:"at"`
}

// ErrMoved keeps the folder of a server that has moved from being served: mail would come to two servers.
var ErrMoved = errors.New("this server has moved to a cluster")

// markMoved marks the folder, durably.
func (f *folder) markMoved(to string) error {
	text, err := json.Marshal(movedMark{to, time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(f.path, ".moved-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(append(text, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), f.file(movedFile)); err != nil {
		return err
	}
	if err := f.sync(); err != nil { // it may outlive a loss of power or not: the server that goes on must find none
		return errors.Join(err, f.unmark(movedFile))
	}
	return nil
}

// checkMoved returns an error that matches ErrMoved where the folder has the mark.
func (f *folder) checkMoved() error {
	text, err := os.ReadFile(f.file(movedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var mark movedMark
	if err == nil {
		err = json.Unmarshal(text, &mark)
	}
	if err != nil {
		return fmt.Errorf("%w, but to which cannot be read: %w", ErrMoved, err)
	}
	return fmt.Errorf("%w at %s: to be a node of it, set database = %q (with its user and password) in the configuration. What is in %s is as it was then; see docs/operations/migrate.md",
		ErrMoved, mark.At.Format(time.DateTime), mark.To, f.path)
}

// checkFilled refuses the database of a cluster that is still being filled, before anything is written to it.
func (r *rooms) checkFilled(ctx context.Context) error {
	unfinished, err := transfer.Unfinished(ctx, r.db)
	if err == nil && unfinished {
		err = transfer.ErrUnfinished
	}
	return err
}

// EndMigration ends what a server was at that was killed after it had moved and before the cluster could be served. It is for
// folders that Open refuses with ErrMoved, and can be repeated.
func EndMigration(ctx context.Context, cfg config.Config, to adminserver.NewMigration, log *slog.Logger) (err error) {
	n, err := openNode(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	t, err := n.openTarget(ctx, to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if unfinished, err := transfer.Unfinished(ctx, t.db); err != nil || !unfinished {
		return err
	}
	tr, err := transfer.Begin(ctx, t.options(n)) // is it this server's?
	if err != nil {
		return err
	}
	if err := tr.Copy(ctx); err != nil {
		return err
	}
	release := n.rooms.db.Hold(ErrMoved)
	defer release()
	if err := tr.Finish(ctx); err != nil {
		return err
	}
	return transfer.Release(ctx, t.db)
}
