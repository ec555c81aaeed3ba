package db

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
)

// When the log is copied back, and how.
const (
	checkpointRows  = 10_000 // changed rows that ask for it: about 16 MB of log after deliveries
	checkpointsMost = 3      // copies of what has come during the copy before
	checkpointRest  = 500    // pages of log that the writer may be left with
)

// checkpointer copies the log back into the file beside the writer, which would have to stand still for it: tens of
// milliseconds for every acknowledgement that is waited for then. The log begins anew only at a moment when all of it has
// been copied, and beside a busy writer there is none. So the writer copies the rest, which is small then.
//
// A copy of a part is not synced: SQLite syncs the file only with the copy that reaches the end of the log, and counts pages as
// copied before. Where that sync fails, what it was to bring to the disk may be lost though the next one succeeds (the kernel
// takes pages for clean whose writing has failed), and SQLite would let the log go. So after a copy that has failed there
// is no other before the writer has opened the file again, which forgets how far the log was copied.
type checkpointer struct {
	path string
	log  *slog.Logger
	wake chan struct{}
	rest atomic.Bool  // it is the writer's turn
	rows atomic.Int64 // changed rows that ask for a copy
	done sync.WaitGroup

	mu     sync.Mutex            // held while the log is being copied, by the writer too
	conn   *liteConn             // nil until it is needed
	failed atomic.Pointer[error] // of a copy; set under mu
}

func startCheckpointer(path string, log *slog.Logger) *checkpointer {
	c := &checkpointer{path: path, log: log, wake: make(chan struct{}, 1)}
	c.rows.Store(checkpointRows)
	c.done.Go(func() {
		for range c.wake {
			if err := c.copy(); err != nil {
				c.log.Warn("db: the log was not copied back; it is tried again when it has grown", "file", c.path, "err", err)
			}
			c.rest.Store(true)
		}
	})
	return c
}

// due asks for a copy. It does not wait.
func (c *checkpointer) due() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *checkpointer) copy() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed.Load() != nil {
		return nil // the writer will open the file again
	}
	if c.conn == nil {
		var err error
		if c.conn, err = openLite(c.path, checkpointPragmas); err != nil {
			return err
		}
	}
	for range checkpointsMost {
		if rest, err := c.checkpoint(c.conn); err != nil || rest < checkpointRest {
			return err
		}
	}
	return nil
}

// checkpoint copies by a connection, under mu, and notes a failure.
func (c *checkpointer) checkpoint(conn *liteConn) (rest int64, err error) {
	if rest, err = conn.checkpoint(); err != nil {
		c.failed.Store(&err)
	}
	return rest, err
}

// copyRest copies by the writer's connection, unless a copy is under way or has failed: then the error of that.
func (c *checkpointer) copyRest(conn *liteConn) error {
	if c.mu.TryLock() {
		defer c.mu.Unlock()
		if c.failed.Load() == nil && c.rest.CompareAndSwap(true, false) {
			_, _ = c.checkpoint(conn)
		}
	}
	return c.failure()
}

// failure is why a copy has failed; nil: none has since the file was opened.
func (c *checkpointer) failure() error {
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// close closes the connection and keeps it closed until the returned function is called.
func (c *checkpointer) close() (resume func()) {
	c.mu.Lock()
	if c.conn != nil {
		_ = c.conn.close() // it holds nothing that could be lost
		c.conn = nil
	}
	return c.mu.Unlock
}

// stop ends it for good.
func (c *checkpointer) stop() {
	close(c.wake)
	c.done.Wait()
	c.close()()
}

// checkpoint copies as much of the log as it can without waiting for anybody, and returns how many pages of it are left,
// those included that came meanwhile.
func (c *liteConn) checkpoint() (rest int64, err error) {
	if _, _, err := c.walPages("PASSIVE"); err != nil {
		return 0, fmt.Errorf("copy the log: %w", err)
	}
	pages, copied, err := c.walPages("NOOP")
	return pages - copied, err
}

// walPages runs a checkpoint and returns how many pages the log has, and how many of them are in the file.
func (c *liteConn) walPages(mode string) (pages, copied int64, err error) {
	s, err := c.start(statement{sql: "PRAGMA wal_checkpoint(" + mode + ")"})
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	for i, n := range []*int64{&pages, &copied} {
		var v value
		if err := s.column(i+1, &v); err != nil {
			return 0, 0, err
		}
		*n = v.int
	}
	return pages, copied, nil
}
