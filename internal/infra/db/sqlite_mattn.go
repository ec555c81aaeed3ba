//go:build sqlite_fts5 && cgo

package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"

	sqlite3 "github.com/mattn/go-sqlite3"
)

// sqliteDriverName is the name under which database/sql knows this library.
const sqliteDriverName = "sqlite3"

// nativeConn is a connection of the C library.
type nativeConn struct {
	conn  *sqlite3.SQLiteConn
	ctx   context.Context // of the Read that uses the connection
	total sqliteStmt      // SELECT total_changes()
	last  sqliteStmt      // SELECT changes()
}

func openSQLite(path string) (sqliteConn, error) {
	// As a URI, because the driver would read options out of a plain path with a question mark.
	u := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: "_mutex=no"}
	conn, err := (&sqlite3.SQLiteDriver{}).Open(u.String())
	if err != nil {
		return nil, nativeError(err)
	}
	c := &nativeConn{conn: conn.(*sqlite3.SQLiteConn), ctx: context.Background()}
	if c.total, err = c.prepare("SELECT total_changes()"); err == nil {
		c.last, err = c.prepare("SELECT changes()")
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

func nativeError(err error) error {
	var e sqlite3.Error
	if errors.As(err, &e) {
		return sqliteError(int(e.ExtendedCode), e.Error())
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return sqliteError(sqliteInterrupt, "interrupted")
	}
	return err
}

func (c *nativeConn) prepare(sql string) (sqliteStmt, error) {
	stmt, err := c.conn.Prepare(sql)
	if err != nil {
		return nil, nativeError(err)
	}
	return &nativeStmt{c: c, stmt: stmt.(*sqlite3.SQLiteStmt)}, nil
}

func (c *nativeConn) inTransaction() bool { return !c.conn.AutoCommit() }

func (c *nativeConn) totalChanges() int64 { return number(c.total) }
func (c *nativeConn) changes() int64      { return number(c.last) }

// number is the answer of a statement that has one.
func number(s sqliteStmt) int64 {
	var v value
	if row, err := s.step(); err == nil && row {
		s.column(0, &v)
	}
	s.reset()
	return v.int
}

func (c *nativeConn) watch(ctx context.Context) (stop func()) {
	c.ctx = ctx
	return func() { c.ctx = context.Background() }
}

// keepLog does nothing: this library has no way to say it, and no test under the race detector loses a sync.
func (c *nativeConn) keepLog() error { return nil }

func (c *nativeConn) close() error {
	c.total.close()
	c.last.close()
	return c.conn.Close()
}

// nativeStmt is a prepared statement; the driver runs it when its first row is asked for.
type nativeStmt struct {
	c    *nativeConn
	stmt *sqlite3.SQLiteStmt
	args []driver.NamedValue
	rows driver.Rows
	row  []driver.Value
}

func (s *nativeStmt) bind(args []any) error {
	if n := s.stmt.NumInput(); n != len(args) {
		return fmt.Errorf("db: %d arguments for a statement with %d placeholders", len(args), n)
	}
	s.args = s.args[:0]
	for i, arg := range args {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: arg})
	}
	return nil
}

func (s *nativeStmt) step() (bool, error) {
	if s.rows == nil {
		rows, err := s.stmt.QueryContext(s.c.ctx, s.args)
		if err != nil {
			return false, nativeError(err)
		}
		s.rows = rows
		s.row = make([]driver.Value, len(rows.Columns()))
	}
	switch err := s.rows.Next(s.row); {
	case err == nil:
		return true, nil
	case errors.Is(err, io.EOF):
		return false, nil
	default:
		return false, nativeError(err)
	}
}

func (s *nativeStmt) columns() int { return len(s.row) }

func (s *nativeStmt) column(i int, v *value) {
	switch x := s.row[i].(type) {
	case int64:
		v.kind, v.int = kindInt, x
	case float64:
		v.kind, v.float = kindFloat, x
	case string:
		v.kind, v.bytes = kindText, []byte(x)
	case []byte:
		v.kind, v.bytes = kindBytes, x
	default:
		v.kind = kindNull
	}
}

func (s *nativeStmt) reset() {
	if s.rows != nil {
		_ = s.rows.Close()
		s.rows = nil
	}
	clear(s.args)
}

func (s *nativeStmt) close() {
	s.reset()
	_ = s.stmt.Close()
}
