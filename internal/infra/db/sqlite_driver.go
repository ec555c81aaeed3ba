package db

import (
	"context"
	"fmt"
	"strconv"
)

// This file is the seam below which two SQLite libraries fit: the C library translated to Go (sqlite_modernc.go), which
// the program uses, and the C library itself (sqlite_mattn.go), for runs under the race detector, which slows the
// translated one down beyond use. Both are used below database/sql: its pool, its locks and its boxing of every column
// cost more than the statements of a delivery.

// sqliteConn is one connection. It is used by one goroutine at a time.
type sqliteConn interface {
	prepare(sql string) (sqliteStmt, error)
	inTransaction() bool
	totalChanges() int64                     // rows changed since the connection was opened, also by triggers and those rolled back
	changes() int64                          // rows that the last statement that writes has changed itself, and not by triggers
	watch(ctx context.Context) (stop func()) // ctx interrupts what runs until stop is called
	keepLog() error                          // close does not copy the log back and remove it, though it is the last to close
	close() error
}

// sqliteStmt is one prepared statement: bind, step until false, reset.
type sqliteStmt interface {
	bind(args []any) error // nil, int64, float64, string, []byte
	step() (row bool, err error)
	columns() int
	column(i int, v *value)
	reset()
	close()
}

// Result codes of SQLite that are handled in their own way (https://sqlite.org/rescode.html). The low byte is the class,
// the rest is detail.
const (
	sqliteBusy             = 5
	sqliteLocked           = 6
	sqliteNoMem            = 7
	sqliteReadOnly         = 8
	sqliteInterrupt        = 9
	sqliteIOErr            = 10
	sqliteCorrupt          = 11
	sqliteFull             = 13
	sqliteCantOpen         = 14
	sqliteProtocol         = 15
	sqliteNotADB           = 26
	sqliteConstraintUnique = 19 | 8<<8
	sqliteConstraintKey    = 19 | 6<<8
	sqliteConstraintRowID  = 19 | 10<<8
)

// sqliteError gives a result code its class.
func sqliteError(code int, text string) error {
	e := &engineError{code: "SQLite " + strconv.Itoa(code), err: fmt.Errorf("%s", text)}
	switch code {
	case sqliteConstraintUnique, sqliteConstraintKey, sqliteConstraintRowID:
		e.class = classUnique
	}
	switch code & 0xff {
	case sqliteBusy, sqliteLocked, sqliteNoMem, sqliteIOErr, sqliteCorrupt, sqliteFull, sqliteCantOpen, sqliteProtocol,
		sqliteNotADB:
		e.class = classUnavailable
	case sqliteReadOnly:
		e.class = classReadOnly
	case sqliteInterrupt:
		e.class = classInterrupted
	}
	return e
}
