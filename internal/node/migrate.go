package node

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/bysize"
	"github.com/mailmesh/mailmesh/internal/infra/blob/s3"
	blobsql "github.com/mailmesh/mailmesh/internal/infra/blob/sql"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/adminserver"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/transfer"
)

// moving is what a server that moves says of itself, and why it writes nothing.
const moving = "the server is moving to a cluster"

// sayGoodbyeIn is how long sessions have to end before nothing is written any more.
const sayGoodbyeIn = 3 * time.Second

// showFor is how long a server that has moved waits for somebody to ask how it went.
const showFor = 5 * time.Second

// migrator copies this server into a cluster, and then ends it.
type migrator struct {
	node *Node
	work sync.WaitGroup

	mu     sync.Mutex
	state  adminserver.Migration
	cancel context.CancelFunc // nil: none runs

	startWork, stopWork, end func()        // of the server, where it is served: what is done beside the doors; all of it
	seen                     chan struct{} // closed when somebody was told that it has moved
}

var _ adminserver.Migrator = (*migrator)(nil)

func newMigrator(n *Node) *migrator {
	return &migrator{node: n, startWork: func() {}, stopWork: func() {}, end: func() {}, state: adminserver.Migration{State: adminserver.MigrationNone}, seen: make(chan struct{})}
}

// serve says how a server that is served is paused and ended.
func (m *migrator) serve(startWork, stopWork, end func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.startWork, m.stopWork, m.end = startWork, stopWork, end
}

// close ends a migration that runs, and waits for it. It goes on when it is begun again.
func (m *migrator) close() {
	m.mu.Lock()
	if m.cancel != nil {
		m.cancel()
	}
	m.mu.Unlock()
	m.work.Wait()
}

// State implements adminserver.Migrator.
func (m *migrator) State() adminserver.Migration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state.State == adminserver.MigrationIsMoved {
		select {
		case <-m.seen:
		default:
			close(m.seen)
		}
	}
	return m.state
}

// Abandon implements adminserver.Migrator.
func (m *migrator) Abandon(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.cancel != nil:
		return mail.E("node.Abandon", mail.Conflict, errors.New("a migration is running: stop the server, or let it fail, first"))
	case m.node.rooms.db.Engine() != db.SQLite:
		return mail.E("node.Abandon", mail.Invalid, errNoMigration)
	}
	return transfer.Abandon(ctx, m.node.rooms.db)
}

var errNoMigration = errors.New("this server is on PostgreSQL already: a migration is for servers with a data folder of their own")

// Begin implements adminserver.Migrator. It returns when all has been checked that can be checked before.
func (m *migrator) Begin(ctx context.Context, to adminserver.NewMigration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.cancel != nil || m.state.State == adminserver.MigrationIsMoved:
		return nil // who asks again wants to look on
	case m.node.rooms.db.Engine() != db.SQLite:
		return mail.E("node.Migrate", mail.Invalid, errNoMigration)
	}
	if err := m.node.sameMasterKey(to.MasterKey); err != nil {
		return err
	}
	t, err := m.node.openTarget(ctx, to)
	if err != nil {
		return err
	}
	o := t.options(m.node)
	o.Progress = m.note
	tr, err := transfer.Begin(ctx, o)
	if err != nil {
		return errors.Join(err, t.close())
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	m.cancel = cancel
	m.state = adminserver.Migration{State: adminserver.MigrationRuns, Begun: time.Now()}
	m.work.Go(func() {
		err := m.run(running, tr, t)
		cancel()
		m.ended(errors.Join(err, t.close()))
	})
	return nil
}

// sameMasterKey makes sure that a file, where one is named, has this server's master key: nodes with another could read nothing.
func (n *Node) sameMasterKey(path string) error {
	if path == "" {
		return nil
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return mail.E("node.Migrate", mail.Invalid, fmt.Errorf("the cluster's master key: %w", err))
	}
	if subtle.ConstantTimeCompare(key, n.rooms.master) != 1 {
		return mail.E("node.Migrate", mail.Invalid, fmt.Errorf("%s is not this server's master key: copy %s there", path, n.rooms.folder.file(masterFile)))
	}
	return nil
}

func (m *migrator) note(p transfer.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Progress = &p
}

func (m *migrator) set(change func(*adminserver.Migration)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.state)
}

// run copies while the server is served, and then moves it.
func (m *migrator) run(ctx context.Context, tr *transfer.Transfer, to *target) error {
	if err := tr.Copy(ctx); err != nil {
		return err
	}
	// What is queued is not sent any more before the doors shut: deliveries under way may take long.
	m.mu.Lock()
	startWork, stopWork := m.startWork, m.stopWork
	m.mu.Unlock()
	stopWork()
	if err := tr.Follow(ctx); err != nil {
		startWork()
		return err
	}
	since := time.Now()
	m.set(func(s *adminserver.Migration) { s.State = adminserver.MigrationPauses })
	resume := m.node.pause(ctx)
	err := tr.Finish(ctx)
	if err == nil {
		// From here on there is no way back: the folder is not served again, and then the target is.
		err = m.node.rooms.folder.markMoved(to.name)
	}
	if err != nil {
		resume()
		startWork()
		return err
	}
	err = transfer.Release(context.WithoutCancel(ctx), to.db)
	m.set(func(s *adminserver.Migration) {
		s.State, s.PausedMS, s.TookMS = adminserver.MigrationIsMoved, time.Since(since).Milliseconds(), time.Since(s.Begun).Milliseconds()
	})
	return err
}

// ended tells what became of it, and ends a server that has moved.
func (m *migrator) ended(err error) {
	m.mu.Lock()
	m.cancel = nil
	if err != nil {
		m.state.Error = mail.Explain(err)
		m.node.log.Error("the migration has ended", "state", m.state.State, "err", err)
	}
	moved, end := m.state.State == adminserver.MigrationIsMoved, m.end
	if !moved {
		m.state.State = adminserver.MigrationFailed
	}
	m.mu.Unlock()
	if !moved {
		return
	}
	m.node.log.Info("the server has moved: the cluster may be started, and this server ends")
	select {
	case <-m.seen:
	case <-time.After(showFor):
	}
	end()
}

// pause takes the server out of service and makes its database rest, until resume is called.
func (n *Node) pause(ctx context.Context) (resume func()) {
	n.service.set(&n.service.moving, moving)
	if n.pushing != nil {
		n.pushing.TurnAway()
	}
	for until := time.Now().Add(sayGoodbyeIn); n.service.gate.Sessions() > 0 && time.Now().Before(until) && ctx.Err() == nil; {
		time.Sleep(20 * time.Millisecond)
	}
	release := n.rooms.db.Hold(errors.New(moving))
	return func() {
		release()
		n.service.set(&n.service.moving, "")
	}
}

// target is the cluster that is filled.
type target struct {
	db      *db.DB
	blobs   blob.Store
	small   *blobsql.Store // those of the bodies that lie in the database
	name    string         // without a password
	closers []func() error
}

func (t *target) close() error {
	var errs []error
	for _, c := range slices.Backward(t.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

func (t *target) options(n *Node) transfer.Options {
	return transfer.Options{Source: n.rooms.db, Bodies: n.rooms.blobs, Target: t.db, Place: t.blobs, Clear: t.small.Clear, Log: n.log}
}

// openTarget opens the cluster's database, which gets its schema where it has none, and its store of bodies.
func (n *Node) openTarget(ctx context.Context, to adminserver.NewMigration) (t *target, err error) {
	where, err := url.Parse(to.To)
	if err != nil || where.Scheme != "postgres" && where.Scheme != "postgresql" {
		return nil, mail.E("node.Migrate", mail.Invalid, errors.New("name the cluster's database as postgres://user:password@host/name"))
	}
	t = &target{name: (&url.URL{Scheme: where.Scheme, Host: where.Host, Path: where.Path}).String()}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if t.db, err = db.Open(ctx, db.Options{URL: to.To, Logger: n.log}); err != nil {
		return t, err
	}
	t.closers = append(t.closers, t.db.Close)
	if err := t.db.Migrate(ctx, schema.Files); err != nil {
		return t, err
	}
	return t, t.openBlobs(ctx, to.Blobs, n)
}

// openBlobs opens the cluster's store of bodies, as a node of it would. What is small is decided by each location, so that the nodes may
// have another threshold. The cluster will be this server, by the id that its database takes over.
func (t *target) openBlobs(ctx context.Context, place string, n *Node) error {
	t.small = blobsql.New(t.db)
	t.blobs = t.small
	if place == "" {
		return nil
	}
	bucket, err := config.ParseS3(place)
	if err != nil {
		return mail.E("node.Migrate", mail.Invalid, fmt.Errorf("the store of bodies %w", err))
	}
	now := func(ctx context.Context) (now time.Time, err error) {
		err = t.db.Read(ctx, func(tx *db.Tx) error { now = tx.Now(); return nil })
		return now, err
	}
	large, err := openS3(*bucket, now, n.rooms.instanceID, n.meters)
	if err != nil {
		return err
	}
	t.closers = append(t.closers, large.Close)
	if err := large.Claim(ctx); err != nil {
		return err
	}
	t.blobs = bysize.New(bysize.Options{Small: t.small, Large: large, Most: int64(config.Default().Bodies.Small), IsLarge: s3.IsLocation})
	return nil
}
