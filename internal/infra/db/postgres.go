package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/mailmesh/mailmesh/internal/mail"
)

const (
	defaultPool = 32 // connections, unless the URL says pool_max_conns

	// A write is run again this often when it lost against another (40001, 40P01, 55P03) or its connection before COMMIT.
	maxAttempts = 10

	// What a write may take before its COMMIT, and COMMIT itself. A COMMIT that takes longer is unknown: so it is while the
	// synchronous standby that it must reach is away.
	writeTimeout  = 30 * time.Second
	commitTimeout = 20 * time.Second

	// How long a transaction waits for a primary from when it was lost, how long a server may take to answer a dial, and
	// to say that an idle connection still stands.
	primaryWait    = 10 * time.Second
	connectTimeout = 3 * time.Second
)

// sessionSettings are given to every connection, unless the URL does. A node that stands still or vanished inside a transaction
// holds its locks no longer than the idle time-out, which is shorter than the lease of a node (infra/cluster/members): others take
// over its work then. A lock is waited for less long, and then again (maxAttempts): else the transactions in which that node
// waited for the same lock would get it, and hold it, one after the other.
var sessionSettings = map[string]string{
	"application_name":                    "mailmesh",
	"lock_timeout":                        "2s",
	"idle_in_transaction_session_timeout": "3s",
}

// server is a PostgreSQL database.
type server struct {
	pool    *pgxpool.Pool
	primary *primary
	options Options
	writers *gate // writes and reads each leave a part of the pool to the other
	readers *gate
	groups  *groups
	patient time.Duration // for COMMIT: commitTimeout, less in tests
	down    atomic.Bool
}

func openServer(ctx context.Context, o Options) (*server, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, err // pgx keeps the password out of it
	}
	for name, setting := range sessionSettings {
		if config.ConnConfig.RuntimeParams[name] == "" {
			config.ConnConfig.RuntimeParams[name] = setting
		}
	}
	if !strings.Contains(o.URL, "pool_max_conns") {
		config.MaxConns = defaultPool
	}
	config.ConnConfig.OnNotice = noteWarning
	config.ConnConfig.BuildContextWatcherHandler = cancelRequest
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	config.PingTimeout = connectTimeout
	primary := newPrimary(config.ConnConfig, o.Logger, primaryWait)
	config.BeforeConnect = primary.aim
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	primary.reset = pool.Reset
	most := max(1, int(config.MaxConns)*3/4)
	s := &server{pool: pool, primary: primary, options: o, patient: commitTimeout, writers: newGate(most, max(1, most/8)), readers: newGate(most, most)}
	s.groups = newGroups(s)
	if err := s.begin(ctx); err != nil {
		_ = s.close()
		return nil, err
	}
	return s, nil
}

// begin finds the primary and makes the first connection to it.
func (s *server) begin(ctx context.Context) error {
	if err := s.primary.start(ctx); err != nil {
		return err
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return pgError(err)
	}
	conn.Release()
	return nil
}

// cancelRequest lets the end of a Read's context cancel its query on the server and keep the connection.
func cancelRequest(conn *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 5 * time.Second}
}

// warnedKey is where noteWarning leaves the last warning of a connection.
const warnedKey = "mailmesh.warning"

// noteWarning keeps a warning for commit: "canceling wait for synchronous replication" makes COMMIT succeed although the
// standby may not have the transaction.
func noteWarning(conn *pgconn.PgConn, n *pgconn.Notice) {
	if n.SeverityUnlocalized == "WARNING" {
		conn.CustomData()[warnedKey] = fmt.Sprintf("%s [%s]", n.Message, n.Code)
	}
}

func (s *server) write(ctx context.Context, turn int64, fn func(*Tx) error) error {
	return s.repeat(ctx, "db.Write", func() (string, error) { return s.writeOnce(ctx, turn, fn) })
}

func (s *server) read(ctx context.Context, fn func(*Tx) error) error {
	return s.repeat(ctx, "db.Read", func() (string, error) { return s.readOnce(ctx, fn) })
}

// repeat runs a transaction until it succeeds, or fails for a reason that running it again does not help.
func (s *server) repeat(ctx context.Context, op string, once func() (again string, err error)) error {
	for attempt := 1; ; attempt++ {
		again, err := once()
		if again == "" || attempt == maxAttempts || again == "cancelled" && attempt > 2 || s.down.Load() {
			return err
		}
		s.options.Observe.Retry(again)
		s.options.Logger.Debug("db: a transaction runs again", "reason", again, "attempt", attempt, "err", err)
		if err := pause(ctx, attempt); err != nil {
			return mail.E(op, mail.Unavailable, err)
		}
	}
}

// pause waits before the next attempt: some milliseconds, doubled each time, half of it by chance, so that two
// transactions that met in a deadlock do not meet again.
func pause(ctx context.Context, attempt int) error {
	limit := min(2*time.Millisecond<<attempt, 500*time.Millisecond)
	t := time.NewTimer(limit/2 + rand.N(limit/2))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// writeOnce runs the closure in one transaction. again says why it may be run once more, "" when it may not.
func (s *server) writeOnce(ctx context.Context, turn int64, fn func(*Tx) error) (again string, err error) {
	if err := s.writers.enter(ctx, turn); err != nil {
		return "", mail.E("db.Write", mail.Unavailable, err)
	}
	defer s.writers.leave(turn)
	conn, err := s.acquire(ctx)
	if err != nil {
		return "", failure(ctx, "db.Write", err)
	}
	// From here on the caller's context has no say: see the package documentation.
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	session := &pgSession{conn: conn, ctx: own, patient: s.patient, clock: s.options.Now}
	defer session.release()
	tx := &Tx{session: session, ctx: context.WithoutCancel(ctx)}
	if err := protect(s.options.Logger, tx, fn); err != nil {
		if lateCancel(own, tx.failed) {
			return "cancelled", err
		}
		return retryReason(tx.failed), err
	}
	start := time.Now()
	err = session.commit()
	s.options.Observe.Commit(1, time.Since(start), err)
	if err != nil && !errors.Is(err, ErrCommitUnknown) {
		return retryReason(err), failure(ctx, "db.Write", err)
	}
	return "", err
}

// retryReason says why a transaction that failed so may be run again, "" when it may not. The transaction is known not
// to be committed.
func retryReason(err error) string {
	var e *engineError
	switch {
	case !errors.As(err, &e):
		return ""
	case e.class == classRetry:
		return "serialization"
	case e.class == classUnavailable && (e.code == codeConnection || e.code == codeReadOnly || strings.HasPrefix(e.code, "57P")):
		return "connection"
	}
	return ""
}

// lateCancel reports whether a statement was cancelled that nobody cancelled: the request to cancel one before it on the same connection
// (cancelRequest) is not answered, and may arrive late. A statement_timeout that an operator has set looks the same.
func lateCancel(ctx context.Context, err error) bool {
	var e *engineError
	return errors.As(err, &e) && e.code == codeCancelled && ctx.Err() == nil
}

// acquire takes a connection to the primary. Where there is none, or it takes no more connections, it waits at most primaryWait.
func (s *server) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	var until time.Time
	for attempt := 1; ; attempt++ {
		h, err := s.primary.await(ctx)
		if err != nil {
			return nil, s.acquireError(err)
		}
		conn, err := s.pool.Acquire(ctx)
		if err == nil {
			return conn, nil
		}
		if until.IsZero() {
			until = time.Now().Add(primaryWait)
		}
		if ctx.Err() != nil || s.down.Load() || time.Now().After(until) {
			return nil, s.acquireError(err)
		}
		s.primary.failed(h)
		if err := pause(ctx, attempt); err != nil {
			return nil, s.acquireError(err)
		}
	}
}

// acquireError is the answer when there is no connection to be had, whatever the reason.
func (s *server) acquireError(err error) error {
	if s.down.Load() {
		err = errClosed
	}
	classed := pgError(err)
	if class := classOf(classed); class == classUnavailable || class == classInterrupted {
		return classed
	}
	return &engineError{class: classUnavailable, code: codeConnection, err: err}
}

func (s *server) readOnce(ctx context.Context, fn func(*Tx) error) (again string, err error) {
	if err := s.readers.enter(ctx, 0); err != nil {
		return "", mail.E("db.Read", mail.Unavailable, err)
	}
	defer s.readers.leave(0)
	conn, err := s.acquire(ctx)
	if err != nil {
		return "", failure(ctx, "db.Read", err)
	}
	session := &pgSession{conn: conn, ctx: ctx, readOnly: true, clock: s.options.Now}
	defer session.release()
	tx := &Tx{session: session, ctx: ctx, readOnly: true}
	err = tx.run(fn)
	if lateCancel(ctx, tx.failed) {
		return "cancelled", err
	}
	return retryReason(tx.failed), err
}

func (s *server) close() error {
	if s.down.Swap(true) {
		return nil
	}
	s.groups.close()
	s.writers.close()
	s.readers.close()
	s.pool.Close() // waits for the transactions that run
	s.primary.close()
	return nil
}

// migrate holds a lease row while it works: others wait for it, and take it over when its holder stops renewing it.
func (s *server) migrate(ctx context.Context, fsys fs.FS, wait waiter) (newest int64, err error) {
	lease, err := lock.NewPostgresTableLocker(
		lock.WithTableName("schema_lease"),
		lock.WithTableLeaseDuration(20*time.Second), lock.WithTableHeartbeatInterval(3*time.Second),
		lock.WithTableLockTimeout(200*time.Millisecond, 5*60*5), // five minutes
		lock.WithTableUnlockTimeout(200*time.Millisecond, 50),
		lock.WithTableLogger(s.options.Logger))
	if err != nil {
		return 0, err
	}
	config := s.pool.Config().ConnConfig.Copy()
	if err := s.primary.aim(ctx, config); err != nil {
		return 0, err
	}
	// A migration waits for locks as long as it must, and holds no lock while it waits for its lease.
	config.RuntimeParams["lock_timeout"] = "0"
	pool := stdlib.OpenDB(*config)
	defer pool.Close()
	return migrateWith(ctx, migration{pool: pool, files: fsys, engine: Postgres, wait: wait}, goose.WithLocker(lease))
}
