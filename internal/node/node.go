package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/mailflow/queue"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/pictures"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/pushing"
	"github.com/mailmesh/mailmesh/internal/protocol/webclient"
)

// Node is a server.
type Node struct {
	cfg     config.Config
	log     *slog.Logger
	meters  *meters
	rooms   *rooms
	service service
	demo    bool // Demo has made it one

	member       *members.Member // while it serves
	certificates *certificates
	serving      atomic.Pointer[members.Member] // member, for those who ask at any time
	queue        atomic.Pointer[queue.Queue]
	pushing      *pushing.Pushing
	pictures     *pictures.Pictures
	client       *webclient.Server

	migrator *migrator
}

// Open opens the data folder and builds all rooms. It opens no socket: the node can be administered, and Serve makes it
// a server.
func Open(ctx context.Context, cfg config.Config, log *slog.Logger) (*Node, error) {
	n, err := openNode(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	half, err := n.rooms.folder.marked(restoringFile)
	if half && err == nil {
		err = errRestoring
	}
	if err == nil && cfg.Database == "" {
		err = n.rooms.folder.checkMoved()
	}
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func openNode(ctx context.Context, cfg config.Config, log *slog.Logger) (*Node, error) {
	n := &Node{cfg: cfg, log: log, meters: newMeters()}
	var err error
	if n.rooms, err = openRooms(ctx, cfg, log, n.meters); err != nil {
		return nil, err
	}
	n.migrator = newMigrator(n)
	n.showSizes()
	n.showService()
	n.meters.registry.GaugeFunc("certificate_seconds_left", "How long clients will still accept the server's certificate.", func() float64 { return n.certificates.left() })
	return n, nil
}

// Close closes all rooms. Nothing that was acknowledged is lost when it is never called.
func (n *Node) Close() error {
	n.migrator.close()
	return n.rooms.close()
}

// Serve opens the doors, calls ready with where they listen, and serves until ctx ends; then it lets sessions finish what
// they are at, and returns nil. A door that fails ends it with an error.
func (n *Node) Serve(ctx context.Context, ready func(Ready) error) error {
	n.finishInterrupted(ctx)
	leave, err := n.startMembership(ctx)
	if err != nil {
		return err
	}
	defer leave()
	doors, err := n.open(ctx)
	if err != nil {
		return err
	}
	until := ctx
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx)) // that of the doors outlives the other by the goodbyes
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { n.service.set(&n.service.drained, draining) })()
	defer context.AfterFunc(ctx, n.closePushing)() // else their handlers would keep the doors open

	defer n.startChores(ctx)()
	work := &work{begin: n.startWork}
	work.start(ctx)
	defer work.stop()
	n.migrator.serve(func() { work.start(ctx) }, work.stop, func() { cancel(nil) })
	admin, err := n.adminDoor()
	if err != nil {
		closeAll(doors)
		return err
	}
	// Who watches over the server must see that it drains, and not that it is dead: their door closes last.
	watchers, closeWatchers := context.WithCancel(context.WithoutCancel(ctx))
	defer closeWatchers()
	var serving, watching sync.WaitGroup
	for _, d := range append(doors, admin) {
		until, group := ctx, &serving
		if d.name == metricsDoor {
			until, group = watchers, &watching
		}
		group.Go(func() {
			if err := d.serve(until, d.listener); err != nil {
				cancel(fmt.Errorf("%s: %w", d.name, err))
			}
		})
	}
	n.setState(ctx, members.Serving)
	defer n.startAvailability(ctx)()
	n.serving.Store(n.member)
	defer n.startClusterMeters(ctx)()
	stopDraining := n.startDraining(ctx, work)
	defer stopDraining()
	n.log.Info("ready", "hostname", n.cfg.Hostname, "data", n.rooms.folder.path, "database", n.rooms.db.Engine())
	if err := ready(newReady(doors)); err != nil {
		cancel(err)
	}
	select {
	case <-until.Done():
		n.log.Info("stopping")
		stopDraining()
		n.leaveService(ctx, work)
		cancel(context.Cause(until))
	case <-ctx.Done():
		n.log.Info("stopping")
	}
	serving.Wait()
	n.closePushing()
	closeWatchers()
	watching.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	n.log.Info("stopped")
	return nil
}

func closeAll(doors []door) {
	for _, d := range doors {
		d.listener.Close()
	}
}

// Ready says where a node listens. It is what the ready file holds.
type Ready struct {
	Doors    map[string]string // name of the door to host:port
	Accounts []DemoAccount
}

func newReady(doors []door) Ready {
	r := Ready{Doors: map[string]string{}}
	for _, d := range doors {
		if r.Doors[d.name] == "" {
			r.Doors[d.name] = d.listener.Addr().String()
		}
	}
	return r
}
