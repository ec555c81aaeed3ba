package db

import (
	"container/list"
	"context"
	"fmt"
	"time"
)

// stmtCacheSize bounds the prepared statements kept per connection. A server has about this many texts; a text built at
// run time only pushes out the one used longest ago.
const stmtCacheSize = 512

// liteConn is a connection with its prepared statements. It implements session for the transaction it runs.
type liteConn struct {
	sqliteConn
	stmts  map[string]*list.Element // by the text as the caller wrote it
	recent *list.List               // of *liteStmt, most recently used first
	time   time.Time                // the clock of the current transaction
	base   int64                    // totalChanges when the current closure began
	extra  int64                    // rows of the current closure that triggers have changed
	ctx    context.Context          // of the current Read, nil on the writing connection
}

type liteStmt struct {
	sqliteStmt
	sql    string
	row    bool // the first step gave a row that was not handed out yet
	end    bool
	before int64 // totalChanges when it began
	rows   int64 // it has changed itself, when it has ended
	c      *liteConn
}

func openLite(path string, pragmas []string) (*liteConn, error) {
	raw, err := openSQLite(path)
	if err != nil {
		return nil, err
	}
	c := &liteConn{sqliteConn: raw, stmts: make(map[string]*list.Element), recent: list.New()}
	for _, p := range pragmas {
		if err := c.do("PRAGMA " + p); err != nil {
			_ = c.close()
			return nil, fmt.Errorf("PRAGMA %s: %w", p, err)
		}
	}
	return c, nil
}

func (c *liteConn) close() error {
	for e := c.recent.Front(); e != nil; e = e.Next() {
		e.Value.(*liteStmt).sqliteStmt.close()
	}
	return c.sqliteConn.close()
}

// begin prepares for a Read: its clock, and its context, which interrupts queries until stop is called.
func (c *liteConn) begin(ctx context.Context, now time.Time) (stop func()) {
	c.time, c.ctx = now, ctx
	c.count()
	unwatch := c.watch(ctx)
	return func() {
		if c.ctx != nil {
			unwatch()
			c.ctx = nil
		}
	}
}

// count begins to count what a closure changes.
func (c *liteConn) count() { c.base, c.extra = c.totalChanges(), 0 }

// do runs a statement of this package's own.
func (c *liteConn) do(sql string) error {
	_, err := c.exec(statement{sql: sql})
	return err
}

// prepared returns the statement of a text, prepared at most once while it stays in use.
func (c *liteConn) prepared(sql string) (*liteStmt, error) {
	if e, ok := c.stmts[sql]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(*liteStmt), nil
	}
	raw, err := c.prepare(sqliteText(sql))
	if err != nil {
		return nil, fmt.Errorf("%w in %.200q", err, sql)
	}
	s := &liteStmt{sqliteStmt: raw, sql: sql, c: c}
	c.stmts[sql] = c.recent.PushFront(s)
	if c.recent.Len() > stmtCacheSize {
		last := c.recent.Remove(c.recent.Back()).(*liteStmt)
		delete(c.stmts, last.sql)
		last.sqliteStmt.close()
	}
	return s, nil
}

// start prepares, binds and takes the first step, so that a statement that changes rows has done so when it returns.
func (c *liteConn) start(st statement) (*liteStmt, error) {
	if c.ctx != nil && c.ctx.Err() != nil {
		return nil, sqliteError(sqliteInterrupt, "interrupted")
	}
	s, err := c.prepared(st.sql)
	if err != nil {
		return nil, err
	}
	s.before, s.rows, s.end = c.totalChanges(), 0, false
	if err = s.bind(st.args); err == nil {
		s.row, err = s.step()
	}
	if err != nil {
		s.reset()
		return nil, fmt.Errorf("%w in %.200q", err, st.sql)
	}
	if !s.row {
		s.ended()
	}
	return s, nil
}

func (c *liteConn) engine() Engine          { return SQLite }
func (c *liteConn) now() (time.Time, error) { return c.time, nil }
func (c *liteConn) changed() int64          { return c.totalChanges() - c.base - c.extra }

func (c *liteConn) exec(st statement) (int64, error) {
	s, err := c.start(st)
	for err == nil && !s.end {
		_, err = s.next()
	}
	if err != nil {
		return 0, err
	}
	s.reset()
	return s.rows, nil
}

func (c *liteConn) queue(st statement) error {
	_, err := c.exec(st)
	return err
}

func (c *liteConn) query(st statement) (cursor, error) { return c.start(st) }

func (c *liteConn) queryAll(all []statement) (cursors, error) {
	return &liteCursors{c: c, rest: all}, nil
}

// liteCursors runs one query of a batch after the other: there is no round trip to save.
type liteCursors struct {
	c    *liteConn
	rest []statement
}

func (b *liteCursors) next() (cursor, error) {
	st := b.rest[0]
	b.rest = b.rest[1:]
	return b.c.query(st)
}

func (b *liteCursors) close() error { return nil }

// next implements cursor. (columns is the library's.)
func (s *liteStmt) next() (bool, error) {
	switch {
	case s.row:
		s.row = false
		return true, nil
	case s.end:
		return false, nil
	}
	more, err := s.step()
	if err != nil {
		s.reset()
		err = fmt.Errorf("%w in %.200q", err, s.sql)
	}
	if !more && err == nil {
		s.ended()
	}
	s.end = !more
	return more, err
}

// ended counts what the statement has changed, and apart from that what triggers have: those are of a transfer to another
// database (store/transfer), and nobody who asks for the number of changed rows means them.
func (s *liteStmt) ended() {
	s.end = true
	if all := s.c.totalChanges() - s.before; all > 0 {
		s.rows = s.c.changes()
		s.c.extra += all - s.rows
	}
}

func (s *liteStmt) column(i int, v *value) error {
	s.sqliteStmt.column(i, v)
	return nil
}

// close ends the result; the statement stays prepared.
func (s *liteStmt) close() error {
	s.reset()
	if !s.end {
		s.ended()
	}
	return nil
}
