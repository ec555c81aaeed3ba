package db

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// MaxChangedRows is how many rows one Write may change. The bound keeps what other accounts wait for, what a repetition
// costs, and the log that a replica must take in one piece small. It is what the largest unit of work takes, with some
// room: a message for 100 accounts changes 12 rows for each at most (the account's counter and its use, the name of the
// body, email, membership and mailbox, four references of a thread, two lines of the change log) and a few for all.
const MaxChangedRows = 1500

// Tx is one transaction. It is valid inside its closure and in the closure's goroutine only.
type Tx struct {
	session  session
	ctx      context.Context
	readOnly bool
	open     *Rows  // the result being read, nil when there is none
	batch    *Batch // the batch being read, nil when there is none
	failed   error  // the first failure: it decides the transaction
	ended    bool
}

// statement is one SQL text with plain arguments (see plain).
type statement struct {
	sql  string
	args []any
	text *Text // nil where the statement has one shape only
}

// session is what an engine does for one transaction. Its errors are engineErrors or programming errors, without the
// shape that callers see: Tx adds it.
type session interface {
	engine() Engine
	now() (time.Time, error)
	exec(statement) (rows int64, err error)
	queue(statement) error
	query(statement) (cursor, error)
	queryAll([]statement) (cursors, error)
	changed() int64 // rows changed so far, as far as known without asking the engine
}

// cursor is one result being read. next is not called again after it returned false or an error; close may be called at
// any time and more than once.
type cursor interface {
	next() (bool, error)
	columns() int
	column(i int, v *value) error
	close() error
}

// cursors are the results of several queries in order; asking for the next one closes the one before.
type cursors interface {
	next() (cursor, error)
	close() error
}

// Engine says which engine runs the transaction, for the few statements that need a text of their own.
func (tx *Tx) Engine() Engine { return tx.session.engine() }

// Context is the context of the transaction: that of Read, and for a Write one that is never cancelled.
func (tx *Tx) Context() context.Context { return tx.ctx }

// Now is the database's clock in milliseconds, UTC, the same for the whole transaction. On PostgreSQL it arrives with
// the first statement of a write: asking earlier, or in a read, costs a round trip. After a failure it is the zero time.
func (tx *Tx) Now() time.Time {
	if err := tx.ready(); err != nil {
		return time.Time{}
	}
	t, err := tx.session.now()
	if err != nil {
		tx.fail("db.Now", err)
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// Exec runs a statement and returns how many rows it changed.
func (tx *Tx) Exec(sql string, args ...any) (rows int64, err error) {
	st, err := tx.statement("db.Exec", sql, args)
	if err != nil {
		return 0, err
	}
	if tx.readOnly {
		return 0, tx.fail("db.Exec", errReadOnly)
	}
	rows, err = tx.session.exec(st)
	if err == nil {
		err = tx.checkChanged()
	}
	if err != nil {
		return 0, tx.fail("db.Exec", err)
	}
	return rows, nil
}

// Queue runs a statement whose answer is not needed: it is sent, in order, with the next statement that needs an answer,
// or with COMMIT, and its error surfaces there.
func (tx *Tx) Queue(sql string, args ...any) { tx.queue(sql, nil, args) }

func (tx *Tx) queue(sql string, text *Text, args []any) {
	st, err := tx.statement("db.Queue", sql, args)
	if err != nil {
		return // tx.failed holds it, and so fails the next statement and the transaction
	}
	st.text = text
	if tx.readOnly {
		tx.fail("db.Queue", errReadOnly)
		return
	}
	if err = tx.session.queue(st); err == nil {
		err = tx.checkChanged()
	}
	if err != nil {
		tx.fail("db.Queue", err)
	}
}

// Query runs a statement that returns rows. The result must be read to its end or closed before the next statement.
func (tx *Tx) Query(sql string, args ...any) (*Rows, error) {
	st, err := tx.statement("db.Query", sql, args)
	if err != nil {
		return nil, err
	}
	cur, err := tx.session.query(st)
	if err != nil {
		return nil, tx.fail("db.Query", err)
	}
	tx.open = &Rows{tx: tx, cursor: cur}
	return tx.open, nil
}

// QueryRow runs a statement of which the first row is wanted. Its errors come from Row.Scan, which must be called.
func (tx *Tx) QueryRow(sql string, args ...any) Row {
	rows, err := tx.Query(sql, args...)
	return Row{rows: rows, err: err}
}

// statement checks that the transaction can take a statement now and makes its arguments plain.
func (tx *Tx) statement(op, sql string, args []any) (statement, error) {
	if err := tx.ready(); err != nil {
		return statement{}, err
	}
	if controls(sql) {
		return statement{}, tx.fail(op, fmt.Errorf("db: %.20q inside a closure: Write and Read begin and end transactions", sql))
	}
	plain, err := plainAll(args)
	if err != nil {
		return statement{}, tx.fail(op, fmt.Errorf("%w in %.60q", err, sql))
	}
	return statement{sql: sql, args: plain}, nil
}

// controls reports whether a statement would begin or end a transaction. It guards against a mistake that would commit
// half a closure, and with it the closures of others in its batch.
func controls(sql string) bool {
	sql = strings.TrimLeft(sql, " \t\r\n")
	if sql == "" || strings.IndexByte("BCERSbcers", sql[0]) < 0 {
		return false
	}
	word := sql
	if end := strings.IndexAny(sql, " \t\r\n;"); end >= 0 {
		word = sql[:end]
	}
	switch strings.ToUpper(word) {
	case "BEGIN", "COMMIT", "END", "ROLLBACK", "RELEASE", "SAVEPOINT", "START":
		return true
	}
	return false
}

func (tx *Tx) ready() error {
	switch {
	case tx.ended:
		return errTxDone
	case tx.failed != nil:
		return tx.failed
	case tx.open != nil || tx.batch != nil:
		return tx.fail("db", errRowsOpen)
	}
	return nil
}

func (tx *Tx) checkChanged() error {
	if n := tx.session.changed(); n > MaxChangedRows {
		return fmt.Errorf("%w (this one changed %d)", ErrTooManyRows, n)
	}
	return nil
}

// fail records the first failure and returns it in the shape callers see.
func (tx *Tx) fail(op string, err error) error {
	if tx.failed == nil {
		tx.failed = failure(tx.ctx, op, err)
	}
	return tx.failed
}

// end closes what the closure left open; the Tx is of no use afterwards.
func (tx *Tx) end() {
	if tx.open != nil {
		tx.open.Close() // Close records its error, if any
	}
	if tx.batch != nil {
		tx.batch.Close()
	}
	tx.ended = true
}

// run calls the closure and returns what decides the transaction: the closure's error, or else a failed statement whose
// error the closure swallowed.
func (tx *Tx) run(fn func(*Tx) error) error {
	defer tx.end() // where the closure panics
	err := fn(tx)
	tx.end()
	if err == nil {
		err = tx.failed
	}
	return err
}

// protect runs a closure and turns its panic into an error.
func protect(log *slog.Logger, tx *Tx, fn func(*Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(log, p)
		}
	}()
	return tx.run(fn)
}

// panicked logs a closure's panic with its stack and makes it an error. It is called while the panic is recovered.
func panicked(log *slog.Logger, p any) error {
	log.Error("db: a closure panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return mail.E("db.Write", mail.Other, fmt.Errorf("panic: %v", p))
}
