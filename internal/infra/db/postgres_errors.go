package db

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// codeConnection stands for an SQLSTATE where the connection failed and no server answered.
const codeConnection = "connection"

// codeCancelled is query_canceled: by a request, or by statement_timeout.
const codeCancelled = "57014"

// codeLockTimeout is lock_not_available: lock_timeout.
const codeLockTimeout = "55P03"

// codeReadOnly is read_only_sql_transaction: a statement that writes where that is not allowed.
const codeReadOnly = "25006"

// pgError gives an error of the driver its class. Errors that come from neither the server nor the network (an argument
// that cannot be encoded) are returned as they are.
func pgError(err error) error {
	var refused unsafeServer
	if errors.As(err, &refused) {
		return refused
	}
	var known *engineError
	if errors.As(err, &known) {
		return known
	}
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return &engineError{class: sqlStateClass(answer), code: answer.Code, err: err}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &engineError{class: classInterrupted, code: "context", err: err}
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) {
		return &engineError{class: classUnavailable, code: codeConnection, err: err}
	}
	return err
}

// sqlStateClass reads an SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func sqlStateClass(e *pgconn.PgError) class {
	switch e.Code {
	case "23505": // unique_violation
		return classUnique
	case "40001", "40P01", codeLockTimeout: // serialization_failure, deadlock_detected, lock_not_available
		return classRetry
	case "25P03": // idle_in_transaction_session_timeout: the session ended, and its transaction before COMMIT
		return classRetry
	case codeReadOnly:
		return classReadOnly
	case codeCancelled:
		return classInterrupted
	case "0A000": // feature_not_supported; with this text it means that a migration changed a table under a prepared statement
		if strings.Contains(e.Message, "cached plan must not change result type") {
			return classRetry
		}
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "08", "53", "57", "58", "XX": // connection, resources (disk full), operator's doing, system, internal
		return classUnavailable
	}
	return classOther
}

// isLockTimeout reports whether a lock was waited for in vain.
func isLockTimeout(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == codeLockTimeout
}
