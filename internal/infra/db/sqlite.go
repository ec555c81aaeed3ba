package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Settings of every connection. Those of the file itself (page_size, journal_mode) only act on a new one.
//
//   - synchronous=FULL: in WAL mode, the log is synced before COMMIT returns.
//   - wal_autocheckpoint=0: the log is copied back by checkpointer and by the writer for it, who must know when that fails.
//     journal_size_limit gives the space back after a burst.
//   - cache_size: 16 MiB for the writer. Splitting a page has SQLite look through its whole cache at COMMIT; with 64 MiB
//     that was a tenth of all time. What does not fit is in the kernel's cache.
//   - mmap_size=0: an I/O error on a mapped page is a SIGBUS that ends the process, on a read it is an error.
//   - foreign_keys stays off: the account's rows are removed by jobs in small steps, and every check would be a lookup on
//     the path of a mail.
var (
	commonPragmas = []string{fmt.Sprintf("busy_timeout=%d", busyTimeout.Milliseconds()), "mmap_size=0", "temp_store=MEMORY", "trusted_schema=OFF"}
	writerPragmas = append([]string{"page_size=4096", "journal_mode=WAL", "synchronous=FULL", "cache_size=-16384",
		"wal_autocheckpoint=0", "journal_size_limit=134217728"}, commonPragmas...)
	checkpointPragmas = append([]string{"synchronous=FULL", "wal_autocheckpoint=0"}, commonPragmas...)
	readerPragmas     = append([]string{"query_only=ON", "cache_size=-8192"}, commonPragmas...)
)

// busyTimeout is how long a statement waits for another process that uses the file.
const busyTimeout = 10 * time.Second

// file is a SQLite database: one writing connection, owned by the writer's goroutine, one that copies the log back, and a
// pool of reading ones.
type file struct {
	path    string
	options Options
	queue   *turnQueue
	readers *readers
	copier  *checkpointer
	stopped chan struct{} // closed when the writer's goroutine has ended
	closing sync.Once
	closed  error
}

func openFile(ctx context.Context, path string, o Options) (*file, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if strings.IndexByte(path, 0) >= 0 {
		return nil, mail.E("db.Open", mail.Invalid, fmt.Errorf("the path %q holds a NUL character", path))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := createFile(path); err != nil {
		return nil, mail.E("db.Open", mail.Unavailable, err)
	}
	conn, err := openWriter(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	// The process before may have died of a disk whose syncs fail. Where another process has the file open, nothing was
	// replayed, and there is nothing to wait for.
	if busy, err := conn.copyBack(0); err != nil && !busy {
		o.Logger.Warn("db: the log could not be copied back when the database was opened", "file", path, "err", err)
	}
	f := &file{path: path, options: o, queue: newTurnQueue(), stopped: make(chan struct{})}
	f.readers = newReaders(path, max(4, 2*runtime.GOMAXPROCS(0)))
	f.copier = startCheckpointer(path, o.Logger)
	w := &writer{file: f, conn: conn}
	go w.run()
	return f, nil
}

// createFile makes an empty file, which is a database to SQLite, where there is none. SQLite would make it readable to
// everyone whom the umask lets; the log and its index get the mode of the file.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// openWriter opens the writing connection and checks that the settings on which the promises rest were taken.
func openWriter(path string) (*liteConn, error) {
	conn, err := openLite(path, writerPragmas)
	if err != nil {
		return nil, err
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		if have, err := conn.text("PRAGMA " + pragma); err != nil || have != want {
			_ = conn.close()
			return nil, errors.Join(err, fmt.Errorf("PRAGMA %s is %q, want %q: is the folder on a network file system?", pragma, have, want))
		}
	}
	return conn, nil
}

// copyBack copies the log into the file, syncs that and empties the log. What opening the file has replayed from the log
// may never have been synced: a page whose sync failed once is taken for clean by the kernel, so that a later sync
// succeeds without bringing it to the disk. New commits built on it would be lost with it in a loss of power; as a copy
// written anew it is safe. busy says that others who use the file kept it from being done within the time.
func (c *liteConn) copyBack(wait time.Duration) (busy bool, err error) {
	if err := c.do(fmt.Sprintf("PRAGMA busy_timeout=%d", wait.Milliseconds())); err != nil {
		return false, err
	}
	answer, err := c.text("PRAGMA wal_checkpoint(TRUNCATE)")
	err = errors.Join(err, c.do(fmt.Sprintf("PRAGMA busy_timeout=%d", busyTimeout.Milliseconds())))
	if busy = err == nil && answer != "0"; busy {
		err = &engineError{class: classUnavailable, code: "busy", err: errors.New("others are using the file")}
	}
	if err != nil {
		err = fmt.Errorf("copy the log back: %w", err)
	}
	return busy, err
}

// text returns the first column of a query's first row.
func (c *liteConn) text(sql string) (string, error) {
	s, err := c.start(statement{sql: sql})
	if err != nil {
		return "", err
	}
	defer s.close()
	var v value
	if s.end {
		return "", ErrNoRows
	}
	if err := s.column(0, &v); err != nil {
		return "", err
	}
	return fmt.Sprint(v.any()), nil
}

func (f *file) write(ctx context.Context, turn int64, fn func(*Tx) error) error {
	j := &job{ctx: context.WithoutCancel(ctx), fn: fn, turn: turn, done: make(chan error, 1)}
	if err := f.queue.put(j); err != nil {
		return mail.E("db.Write", mail.Unavailable, err)
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if f.queue.withdraw(j) {
			return mail.E("db.Write", mail.Unavailable, context.Cause(ctx))
		}
		return <-j.done
	}
}

// writeShared is write: all writes share their transaction with those that wait beside them.
func (f *file) writeShared(ctx context.Context, turn int64, fn func(*Tx) error) error {
	return f.write(ctx, turn, fn)
}

func (f *file) read(ctx context.Context, fn func(*Tx) error) error {
	return f.readers.use(ctx, func(ctx context.Context, conn *liteConn) error {
		stop := conn.begin(ctx, f.options.Now())
		defer stop()
		if err := conn.do("BEGIN"); err != nil {
			return failure(ctx, "db.Read", err)
		}
		err := (&Tx{session: conn, ctx: ctx, readOnly: true}).run(fn)
		stop() // the end of the transaction must not be interrupted
		if endErr := conn.do("ROLLBACK"); err == nil && endErr != nil {
			err = failure(ctx, "db.Read", endErr)
		}
		return err
	})
}

func failedRead(err error) error {
	if classOf(err) == classOther {
		return mail.E("db.Read", mail.Unavailable, err)
	}
	return failure(context.Background(), "db.Read", err)
}

func (f *file) close() error {
	f.closing.Do(func() {
		f.readers.close() // first: the writer's connection is to be the last one, see writer.run
		for _, j := range f.queue.close() {
			j.done <- mail.E("db.Write", mail.Unavailable, errClosed)
		}
		<-f.stopped
	})
	return f.closed
}

// migrate runs on a connection of database/sql, which the migration library asks for. It waits for the writer where the
// two meet (busy_timeout), and two processes on one file wait for each other the same way.
func (f *file) migrate(ctx context.Context, fsys fs.FS, wait waiter) (newest int64, err error) {
	uri := url.URL{Scheme: "file", Opaque: url.PathEscape(f.path), RawQuery: "_txlock=immediate"}
	pool, err := sql.Open(sqliteDriverName, uri.String())
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	for _, p := range writerPragmas {
		if _, err := pool.ExecContext(ctx, "PRAGMA "+p); err != nil {
			return 0, err
		}
	}
	return migrateWith(ctx, migration{pool: pool, files: fsys, engine: SQLite, wait: wait})
}
