package db

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Engine is a kind of database.
type Engine string

const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Options say which database to open and who watches it.
type Options struct {
	// URL is "sqlite:PATH" (the file is created when missing, its folder is not) or "postgres://user@host,host/name?...",
	// whichever of the hosts is the primary.
	URL string

	// Older says which processes use the database that know no schema version from oldest on. nil: there are no others.
	Older func(ctx context.Context, d *DB, oldest int64) (names []string, err error)

	Logger  *slog.Logger // nil discards
	Observe Observer     // nil observes nothing

	// Now replaces the clock behind Tx.Now, for tests: this machine's on SQLite, the database's on PostgreSQL.
	Now func() time.Time
}

// Observer is told what the database did. Its methods are called on the path of writes and must not block.
type Observer interface {
	Commit(closures int, took time.Duration, err error) // one COMMIT, with the closures that shared it
	Retry(reason string)                                // a closure was run again: "lost transaction", "failed closure", "serialization", "connection", "cancelled", "locked"
}

// DB is an open database. All methods may be called from any goroutine.
type DB struct {
	kind    Engine
	backend backend
	options Options
	schema  atomic.Int64     // the newest version that this program knows
	writes  sync.RWMutex     // held for reading by every Write
	held    error            // why nothing is written now, nil: it is; under writes
	now     func() time.Time // what Tx.Now is, where this process knows; nil on PostgreSQL
	clock   clock
}

// waiter waits until no other process uses the database that knows no schema version from oldest on.
type waiter func(ctx context.Context, oldest int64) error

// backend is what an engine does for DB.
type backend interface {
	write(ctx context.Context, turn int64, fn func(*Tx) error) error
	writeShared(ctx context.Context, turn int64, fn func(*Tx) error) error
	read(ctx context.Context, fn func(*Tx) error) error
	migrate(ctx context.Context, fsys fs.FS, wait waiter) (newest int64, err error)
	close() error
}

// Open opens the database and checks that it keeps what it acknowledges.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = noObserver{}
	}
	var (
		b   backend
		err error
		e   Engine
	)
	switch scheme, path, _ := strings.Cut(o.URL, ":"); {
	case scheme == "sqlite" && path != "":
		e = SQLite
		b, err = openFile(ctx, path, o)
	case scheme == "postgres" || scheme == "postgresql":
		e = Postgres
		b, err = openServer(ctx, o)
	default:
		// The URL may hold a password: say only what it begins with.
		err = fmt.Errorf("the database URL begins with %.12q, want sqlite:PATH or postgres://HOST/NAME", scheme)
		return nil, mail.E("db.Open", mail.Invalid, err)
	}
	if err != nil {
		return nil, failure(ctx, "db.Open", err)
	}
	d := &DB{kind: e, backend: b, options: o, now: o.Now}
	if e == SQLite && d.now == nil {
		d.now = time.Now
	}
	return d, nil
}

// Engine says which engine runs.
func (d *DB) Engine() Engine { return d.kind }

// Close refuses new work, answers waiting closures with mail.Unavailable, interrupts reads, lets a running commit finish,
// and closes the database.
func (d *DB) Close() error { return d.backend.close() }

// Ping checks that the database answers.
func (d *DB) Ping(ctx context.Context) error {
	return d.Read(ctx, func(tx *Tx) error {
		var one int64
		return tx.QueryRow("SELECT 1").Scan(&one)
	})
}

// Write runs fn in a read-write transaction and commits it. turn is the fairness key, the account's id where there is
// one and 0 for work of no account in particular: closures with different keys are served in turn. See the package documentation for the rules of closures and the
// meaning of errors.
func (d *DB) Write(ctx context.Context, turn int64, fn func(*Tx) error) error {
	return d.write(ctx, turn, fn, d.backend.write)
}

// WriteShared is Write for a closure that many callers have, each for another account, which is the turn: those that wait at the
// same time are committed together. It is short, a few round trips, because each of those that share its transaction waits for
// it; what it would have to wait for it leaves alone (see ErrAlone); and its statements are Texts where that is worth it. SQLite
// does all writes so.
func (d *DB) WriteShared(ctx context.Context, turn int64, fn func(*Tx) error) error {
	if turn == 0 {
		return d.Write(ctx, turn, fn)
	}
	return d.write(ctx, turn, fn, d.backend.writeShared)
}

func (d *DB) write(ctx context.Context, turn int64, fn func(*Tx) error, by func(context.Context, int64, func(*Tx) error) error) error {
	if err := ctx.Err(); err != nil {
		return mail.E("db.Write", mail.Unavailable, context.Cause(ctx))
	}
	d.writes.RLock()
	defer d.writes.RUnlock()
	if d.held != nil {
		return mail.E("db.Write", mail.Unavailable, d.held)
	}
	return by(ctx, turn, fn)
}

// Hold waits for the writes under way, and refuses those that come after with mail.Unavailable and the cause, until release
// is called. What is read between the two does not change. It is for one process's database: other nodes write on.
func (d *DB) Hold(cause error) (release func()) {
	d.hold(cause)
	return func() { d.hold(nil) }
}

func (d *DB) hold(cause error) {
	d.writes.Lock()
	defer d.writes.Unlock()
	d.held = cause
}

// Read runs fn in a read-only transaction that sees one snapshot of the database. A statement that writes fails.
func (d *DB) Read(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return mail.E("db.Read", mail.Unavailable, context.Cause(ctx))
	}
	return d.backend.read(ctx, fn)
}

// Migrate brings the schema to the newest version among the *.sql files of fsys, which are goose migrations and
// templates (see migrationFS). Several processes may call it on one database at once. A step that would shut out a process that uses
// the database waits for it (Options.Older). A database that is newer than the files may be used where what they do not know has only
// added to it, and is refused where not.
func (d *DB) Migrate(ctx context.Context, fsys fs.FS) error {
	newest, err := d.backend.migrate(ctx, fsys, d.waitFor(d.options))
	if err != nil {
		return failure(ctx, "db.Migrate", err)
	}
	d.schema.Store(newest)
	return nil
}

// Schema is the newest schema version that this program knows, once Migrate has returned.
func (d *DB) Schema() int64 { return d.schema.Load() }

type noObserver struct{}

func (noObserver) Commit(int, time.Duration, error) {}
func (noObserver) Retry(string)                     {}
