package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/mail"
)

var (
	// ErrNoRows is what Row.Scan returns when the query found nothing. It does not fail the transaction.
	ErrNoRows = errors.New("db: no rows")

	// ErrCommitUnknown is matched (errors.Is) by the error of a Write whose COMMIT was sent and not answered, or answered
	// with anything but success: the changes may be there or not.
	ErrCommitUnknown = fmt.Errorf("%w: the answer to COMMIT was lost", mail.ErrOutcomeUnknown)

	// ErrTooManyRows is matched by the error of a closure that changed more than MaxChangedRows rows.
	ErrTooManyRows = fmt.Errorf("db: a transaction changes at most %d rows: split the work into several", MaxChangedRows)

	// ErrAlone is what a closure of WriteShared returns, before it has changed anything, when it would have to wait for what others
	// have locked. It runs again, at last in a transaction of its own, where it waits.
	ErrAlone = errors.New("db: the closure needs a transaction of its own")

	errClosed    = errors.New("the database is closed")
	errReadOnly  = errors.New("db: this transaction is read-only: use Write")
	errRowsOpen  = errors.New("db: a result is still open: read it to the end or close it before the next statement")
	errTxDone    = errors.New("db: the transaction has ended: a Tx must not be kept beyond its closure")
	errQueueFull = fmt.Errorf("%d writes are already waiting", MaxWaiting)
	errGroup     = errors.New("db: another closure of the shared transaction failed")
	errGoexit    = errors.New("db: the closure ended its goroutine (runtime.Goexit, or a test's FailNow)")
)

// IsUnique reports whether err comes from a row that a unique index or primary key already holds.
func IsUnique(err error) bool {
	var e *engineError
	return errors.As(err, &e) && e.class == classUnique
}

// IsUnavailable reports whether err says that the database could not do its work now: disk full, I/O error, connection
// lost, too many waiting. It is false for ErrCommitUnknown, after which a plain repetition may do the work twice.
func IsUnavailable(err error) bool {
	return mail.Is(err, mail.Unavailable) && !errors.Is(err, ErrCommitUnknown)
}

// class is what the rest of the package needs to know about an engine's error.
type class int

const (
	classOther       class = iota
	classUnique            // a unique index refused the row
	classUnavailable       // disk, memory, connection: nothing wrong with the statement
	classRetry             // PostgreSQL: the transaction lost against another and may be run again
	classInterrupted       // the context of a Read ended its query
	classReadOnly          // a write inside Read
)

// engineError is an error of the database engine with its class. Code is SQLite's extended result code or PostgreSQL's
// SQLSTATE, for the log.
type engineError struct {
	class class
	code  string
	err   error
}

func (e *engineError) Error() string { return fmt.Sprintf("%v [%s]", e.err, e.code) }
func (e *engineError) Unwrap() error { return e.err }

func classOf(err error) class {
	var e *engineError
	if errors.As(err, &e) {
		return e.class
	}
	return classOther
}

// failure gives an error of the engine the shape that other packages see.
func failure(ctx context.Context, op string, err error) error {
	switch classOf(err) {
	case classUnavailable, classRetry:
		return mail.E(op, mail.Unavailable, err)
	case classReadOnly:
		return mail.E(op, mail.Other, fmt.Errorf("%w (%w)", errReadOnly, err))
	case classInterrupted:
		if cause := context.Cause(ctx); cause != nil {
			return mail.E(op, mail.Unavailable, cause)
		}
		return mail.E(op, mail.Unavailable, err)
	}
	return mail.E(op, mail.Other, err)
}

// unknown is the answer to closures whose COMMIT failed.
func unknown(err error) error {
	return mail.E("db.Write", mail.Unavailable, fmt.Errorf("%w: %w", ErrCommitUnknown, err))
}
