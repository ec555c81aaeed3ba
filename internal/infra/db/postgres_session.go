package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgSession is one transaction. BEGIN is not sent by itself: it goes out with the first statement that needs an answer, and so
// do queued statements with the next one. In a write the question for the clock goes with BEGIN: most writes keep the time.
// Few reads want it, which ask then.
type pgSession struct {
	conn     *pgxpool.Conn
	ctx      context.Context // of the statements, not of COMMIT
	readOnly bool
	patient  time.Duration    // for COMMIT
	clock    func() time.Time // set in tests instead of the database's
	asking   string           // what asks for the clock as a write begins; "" is clockSQL

	begun   bool
	time    time.Time   // zero until it was asked for
	pending []statement // queued and not sent
	astray  bool        // the server takes no writes
	rows    int64       // changed so far
}

const (
	beginWriteSQL = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
	beginReadSQL  = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	clockSQL      = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
)

func (s *pgSession) engine() Engine { return Postgres }

// changed counts a queued statement as one row until its answer is there.
func (s *pgSession) changed() int64 { return s.rows + int64(len(s.pending)) }

func (s *pgSession) now() (time.Time, error) {
	var err error
	switch {
	case !s.time.IsZero():
	case s.readOnly:
		err = s.askClock()
	case !s.begun:
		var results pgx.BatchResults
		if results, err = s.send(s.ctx); err == nil {
			err = results.Close()
		}
	}
	if err != nil {
		return time.Time{}, s.error(err)
	}
	return s.time, nil
}

func (s *pgSession) askClock() error {
	results, err := s.send(s.ctx, statement{sql: clockSQL})
	if err != nil {
		return err
	}
	err = s.readClock(results)
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (s *pgSession) readClock(results pgx.BatchResults) error {
	var ms int64
	if err := results.QueryRow().Scan(&ms); err != nil {
		return err
	}
	s.time = time.UnixMilli(ms)
	if s.clock != nil {
		s.time = s.clock()
	}
	return nil
}

func (s *pgSession) queue(st statement) error {
	s.pending = append(s.pending, st)
	return nil
}

func (s *pgSession) exec(st statement) (int64, error) {
	results, err := s.send(s.ctx, st)
	if err != nil {
		return 0, s.error(err)
	}
	tag, err := results.Exec()
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, fmt.Errorf("%w in %.200q", s.error(err), st.sql)
	}
	return s.count(tag), nil
}

func (s *pgSession) query(st statement) (cursor, error) {
	results, err := s.send(s.ctx, st)
	if err != nil {
		return nil, s.error(err)
	}
	return (&pgCursors{s, results}).only(st)
}

func (s *pgSession) queryAll(all []statement) (cursors, error) {
	results, err := s.send(s.ctx, all...)
	if err != nil {
		return nil, s.error(err)
	}
	return &pgCursors{s, results}, nil
}

// send sends what is owed to the server (BEGIN, queued statements) and then more, in one round trip, and reads the
// answers to what was owed. The results stand before those of more, and the caller closes them.
func (s *pgSession) send(ctx context.Context, more ...statement) (pgx.BatchResults, error) {
	var b pgx.Batch
	opening := !s.begun
	if opening {
		begin := beginWriteSQL
		if s.readOnly {
			begin = beginReadSQL
		}
		b.Queue(begin)
		if !s.readOnly {
			b.Queue(cmp.Or(s.asking, clockSQL))
		}
	}
	pending := s.pending
	for _, st := range pending {
		b.Queue(st.sql, st.args...)
	}
	for _, st := range more {
		b.Queue(st.sql, st.args...)
	}
	s.begun, s.pending = true, nil
	results := s.conn.SendBatch(ctx, &b)
	if err := s.owed(results, opening, pending); err != nil {
		_ = results.Close() // reads what is left; its error is the same
		return nil, err
	}
	return results, nil
}

// owed reads the answers to BEGIN, in a write with the clock, when the transaction was opening, and to the queued statements.
func (s *pgSession) owed(results pgx.BatchResults, opening bool, pending []statement) error {
	if opening {
		if _, err := results.Exec(); err != nil {
			return s.notPrimary(err)
		}
		if !s.readOnly {
			if err := s.readClock(results); err != nil {
				return err
			}
		}
	}
	for _, st := range pending {
		tag, err := results.Exec()
		if err != nil {
			return fmt.Errorf("%w in the queued %.200q", err, st.sql)
		}
		s.count(tag)
	}
	return nil
}

// notPrimary gives the refusal of a standby to begin a transaction that writes, feature_not_supported, the code of other
// refusals to write. The connection may lead through something that has chosen another server since it was made.
func (s *pgSession) notPrimary(err error) error {
	var answer *pgconn.PgError
	if !s.readOnly && errors.As(err, &answer) && answer.Code == "0A000" {
		answer.Code = codeReadOnly
	}
	return err
}

// count adds the rows that a statement changed and returns their number.
func (s *pgSession) count(tag pgconn.CommandTag) int64 {
	if !tag.Insert() && !tag.Update() && !tag.Delete() {
		return 0
	}
	s.rows += tag.RowsAffected()
	return tag.RowsAffected()
}

// commit sends the queued statements and COMMIT. The context that bounds it is its own. Its error is an engineError, or
// matches ErrCommitUnknown.
func (s *pgSession) commit() error {
	if !s.begun && len(s.pending) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), s.patient)
	defer cancel()
	results, err := s.send(ctx, statement{sql: "COMMIT"})
	if err != nil {
		if notSent(err) || refused(err) {
			return s.error(err)
		}
		return unknown(err)
	}
	notices := s.conn.Conn().PgConn().CustomData()
	delete(notices, warnedKey)
	tag, err := results.Exec()
	_ = results.Close() // after the answer to COMMIT nothing that happens to the connection matters
	switch warning := notices[warnedKey]; {
	case err != nil && (notSent(err) || classOf(s.error(err)) == classRetry):
		return s.error(err)
	case err != nil:
		return unknown(err)
	case tag.String() == "ROLLBACK":
		return fmt.Errorf("db: the server rolled the transaction back at COMMIT")
	case warning != nil:
		return unknown(fmt.Errorf("COMMIT was answered with a warning: %v", warning))
	}
	return nil
}

// notSent reports whether an error arose before COMMIT left this machine.
func notSent(err error) bool {
	var preparing pgx.ErrPreprocessingBatch
	return errors.As(err, &preparing) || pgconn.SafeToRetry(err)
}

// refused reports whether the server answered a statement before COMMIT with an error, so that it skipped COMMIT. A FATAL
// error ends the connection; what it ended is left to be unknown.
func refused(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.SeverityUnlocalized == "ERROR"
}

// release gives the connection back, outside a transaction. The caller does not wait for the answer to ROLLBACK.
func (s *pgSession) release() {
	if s.astray {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.conn.Conn().Close(ctx)
	}
	if !s.begun || s.conn.Conn().PgConn().TxStatus() == 'I' || s.conn.Conn().IsClosed() {
		s.conn.Release()
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, _ = s.conn.Exec(ctx, "ROLLBACK") // after an error Release closes the connection, which rolls back as well
		s.conn.Release()
	}()
}

// error gives an error of this transaction its class.
func (s *pgSession) error(err error) error {
	classed := pgError(err)
	var e *engineError
	var preparing pgx.ErrPreprocessingBatch
	switch {
	case errors.As(classed, &e):
		if e.class == classReadOnly && !s.readOnly {
			e.class = classUnavailable // a standby, after a failover: the next connection finds the primary
			s.astray = true
		}
	case errors.As(err, &preparing):
		// An argument of a type that the statement does not take. The driver gives up the connection, but it did not fail.
	case s.conn.Conn().IsClosed():
		return &engineError{class: classUnavailable, code: codeConnection, err: err}
	}
	return classed
}
