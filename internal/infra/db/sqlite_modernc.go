//go:build !(sqlite_fts5 && cgo)

package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"sync"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	_ "modernc.org/sqlite" // registers the database/sql driver that migrations use
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteDriverName is the name under which database/sql knows this library.
const sqliteDriverName = "sqlite"

// translatedConn is a connection of the C library translated to Go, called without any layer between.
type translatedConn struct {
	tls *libc.TLS
	db  uintptr
	out uintptr // two words for results that C returns through pointers
	mu  sync.Mutex
}

const wordSize = bits.UintSize / 8

func openSQLite(path string) (sqliteConn, error) {
	c := &translatedConn{tls: libc.NewTLS()}
	c.out = libc.Xcalloc(c.tls, 2, wordSize)
	name, err := libc.CString(path)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	// NOMUTEX: a connection of ours is never used by two goroutines at once.
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_CREATE | sqlite3.SQLITE_OPEN_NOMUTEX |
		sqlite3.SQLITE_OPEN_EXRESCODE
	code := sqlite3.Xsqlite3_open_v2(c.tls, name, c.out, flags, 0)
	c.db = c.word(0)
	if code != sqlite3.SQLITE_OK {
		err := c.error(code)
		_ = c.close()
		return nil, err
	}
	return c, nil
}

// word reads one of the result words.
func (c *translatedConn) word(i int) uintptr {
	b := libc.GoBytes(c.out, 2*wordSize)[i*wordSize:]
	if wordSize == 4 {
		return uintptr(binary.NativeEndian.Uint32(b))
	}
	return uintptr(binary.NativeEndian.Uint64(b))
}

func (c *translatedConn) error(code int32) error {
	text := libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, code))
	if c.db != 0 {
		if detail := libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db)); detail != text {
			text += ": " + detail
		}
	}
	return sqliteError(int(code), text)
}

func (c *translatedConn) prepare(sql string) (sqliteStmt, error) {
	text, err := libc.CString(sql)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	// PERSISTENT: the statement will be kept, so that its memory should not come from the connection's small fast pool.
	code := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, text, int32(len(sql)+1), sqlite3.SQLITE_PREPARE_PERSISTENT, c.out, c.out+wordSize)
	if code != sqlite3.SQLITE_OK {
		return nil, c.error(code)
	}
	s := &translatedStmt{c: c, p: c.word(0)}
	if rest := sql[c.word(1)-text:]; s.p == 0 || strings.TrimSpace(rest) != "" {
		s.close()
		return nil, fmt.Errorf("db: want exactly one SQL statement, have %.60q", sql)
	}
	s.args = make([]uintptr, sqlite3.Xsqlite3_bind_parameter_count(c.tls, s.p))
	return s, nil
}

func (c *translatedConn) inTransaction() bool {
	return sqlite3.Xsqlite3_get_autocommit(c.tls, c.db) == 0
}

func (c *translatedConn) totalChanges() int64 { return sqlite3.Xsqlite3_total_changes64(c.tls, c.db) }

func (c *translatedConn) changes() int64 { return sqlite3.Xsqlite3_changes64(c.tls, c.db) }

func (c *translatedConn) watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	over := false
	cancel := context.AfterFunc(ctx, func() {
		c.mu.Lock() // stop waits for this, so that the next user of the connection is not interrupted
		defer c.mu.Unlock()
		if !over {
			tls := libc.NewTLS() // a TLS is for one goroutine
			sqlite3.Xsqlite3_interrupt(tls, c.db)
			tls.Close()
		}
	})
	return func() {
		if !cancel() {
			c.mu.Lock()
			over = true
			c.mu.Unlock()
		}
	}
}

func (c *translatedConn) keepLog() error {
	arguments := c.tls.Alloc(16) // two, of eight bytes each
	defer c.tls.Free(16)
	code := sqlite3.Xsqlite3_db_config(c.tls, c.db, sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, libc.VaList(arguments, int32(1), uintptr(0)))
	if code != sqlite3.SQLITE_OK {
		return c.error(code)
	}
	return nil
}

func (c *translatedConn) close() error {
	var err error
	if code := sqlite3.Xsqlite3_close_v2(c.tls, c.db); code != sqlite3.SQLITE_OK {
		err = c.error(code)
	}
	libc.Xfree(c.tls, c.out)
	c.tls.Close()
	return err
}

// translatedStmt is a prepared statement. args holds the C copies of its text and bytes arguments until reset.
type translatedStmt struct {
	c    *translatedConn
	p    uintptr
	args []uintptr
}

func (s *translatedStmt) bind(args []any) error {
	if len(args) != len(s.args) {
		return fmt.Errorf("db: %d arguments for a statement with %d placeholders", len(args), len(s.args))
	}
	for i, arg := range args {
		if code := s.bindOne(i, arg); code != sqlite3.SQLITE_OK {
			return s.c.error(code)
		}
	}
	return nil
}

func (s *translatedStmt) bindOne(i int, arg any) int32 {
	tls, n := s.c.tls, int32(i+1)
	switch a := arg.(type) {
	case nil:
		return sqlite3.Xsqlite3_bind_null(tls, s.p, n)
	case int64:
		return sqlite3.Xsqlite3_bind_int64(tls, s.p, n, a)
	case float64:
		return sqlite3.Xsqlite3_bind_double(tls, s.p, n, a)
	case string:
		if len(a) > math.MaxInt32 {
			return sqlite3.SQLITE_TOOBIG
		}
		p := s.hold(i, len(a))
		copy(libc.GoBytes(p, len(a)), a)
		return sqlite3.Xsqlite3_bind_text(tls, s.p, n, p, int32(len(a)), 0)
	case []byte:
		if len(a) > math.MaxInt32 {
			return sqlite3.SQLITE_TOOBIG
		}
		p := s.hold(i, len(a))
		copy(libc.GoBytes(p, len(a)), a)
		return sqlite3.Xsqlite3_bind_blob(tls, s.p, n, p, int32(len(a)), 0)
	}
	return sqlite3.SQLITE_MISUSE
}

// hold allocates the C copy of an argument. Length 0 is allocated too: a null pointer would mean NULL.
func (s *translatedStmt) hold(i, n int) uintptr {
	p := libc.Xmalloc(s.c.tls, types.Size_t(max(n, 1)))
	s.args[i] = p
	return p
}

func (s *translatedStmt) step() (bool, error) {
	switch code := sqlite3.Xsqlite3_step(s.c.tls, s.p); code {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, s.c.error(code)
	}
}

func (s *translatedStmt) columns() int { return int(sqlite3.Xsqlite3_column_count(s.c.tls, s.p)) }

func (s *translatedStmt) column(i int, v *value) {
	tls, n := s.c.tls, int32(i)
	switch sqlite3.Xsqlite3_column_type(tls, s.p, n) {
	case sqlite3.SQLITE_INTEGER:
		v.kind, v.int = kindInt, sqlite3.Xsqlite3_column_int64(tls, s.p, n)
	case sqlite3.SQLITE_FLOAT:
		v.kind, v.float = kindFloat, sqlite3.Xsqlite3_column_double(tls, s.p, n)
	case sqlite3.SQLITE_TEXT:
		p := sqlite3.Xsqlite3_column_text(tls, s.p, n)
		v.kind, v.bytes = kindText, libc.GoBytes(p, int(sqlite3.Xsqlite3_column_bytes(tls, s.p, n)))
	case sqlite3.SQLITE_BLOB:
		p := sqlite3.Xsqlite3_column_blob(tls, s.p, n)
		v.kind, v.bytes = kindBytes, nil
		if p != 0 { // an empty blob has no address
			v.bytes = libc.GoBytes(p, int(sqlite3.Xsqlite3_column_bytes(tls, s.p, n)))
		}
	default:
		v.kind = kindNull
	}
}

func (s *translatedStmt) reset() {
	sqlite3.Xsqlite3_reset(s.c.tls, s.p)
	for i, p := range s.args {
		if p != 0 {
			libc.Xfree(s.c.tls, p)
			s.args[i] = 0
		}
	}
}

func (s *translatedStmt) close() {
	if s.p != 0 {
		s.reset()
		sqlite3.Xsqlite3_finalize(s.c.tls, s.p)
		s.p = 0
	}
}
