package db

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// A batch ends after this many closures or this much time, whichever comes first, though more are waiting: the first
// closure waits for its commit no longer than that, and the log grows in pieces that can be copied back in time.
const (
	maxBatch     = 512
	maxBatchTime = 50 * time.Millisecond
)

// guardedFor is for how many transactions every closure gets a savepoint after one has failed.
const guardedFor = 64

// writer is the one goroutine that writes to a SQLite file. It runs waiting closures in turn, commits them together, and
// answers all.
//
// What a failed closure changed is taken back with its savepoint. A savepoint makes SQLite copy every page before the
// closure changes it, a fifth of what a delivery costs here, and hardly any closure fails. So transactions have none until one
// fails: then all of that transaction is taken back and runs again, guarded, as the next ones are.
//
// Order of durable steps: COMMIT writes and syncs the log, then the closures are answered. Also closures that failed are
// answered only then: what they saw and decided upon may have been the uncommitted rows of others in the batch.
type writer struct {
	*file
	conn    *liteConn // nil while the file could not be opened again
	again   [][]*job  // transactions to be run again, before any closure from the queue
	planned []*job    // closures that the current transaction must still take
	ran     []*job    // closures that the current transaction has taken, in order
	current *job      // the closure being run
	copied  int64     // rows that were changed when a copy of the log was last asked for
	guarded int       // transactions that still give each closure a savepoint, the current one included
}

// run serves until the queue is closed.
func (w *writer) run() {
	over := false
	defer func() {
		if !over {
			w.exited()
			go w.run()
		}
	}()
	for w.step() {
	}
	over = true
	w.copier.stop()
	if err := w.copier.failure(); err != nil && w.conn != nil {
		w.mend(err)
	}
	// With the last connection closed, SQLite copies the log back into the file and removes it. Of two that are being closed
	// at the same time neither is the last to itself, and the log would stay.
	if w.conn != nil {
		w.closed = w.conn.close()
	}
	close(w.stopped)
}

// step runs one transaction, and returns false when the queue is closed.
func (w *writer) step() bool {
	fresh := len(w.again) == 0
	if !fresh {
		w.planned, w.again = w.again[0], w.again[1:]
	} else if j := w.queue.take(true); j != nil {
		w.planned = []*job{j}
	} else {
		return false
	}
	w.ran = w.ran[:0]
	w.guarded = max(0, w.guarded-1)
	if err := w.begin(); err != nil {
		w.refuse(err)
		return true
	}
	for start := time.Now(); ; {
		j := w.next(fresh && len(w.ran) < maxBatch && (len(w.ran) == 0 || time.Since(start) < maxBatchTime))
		if j == nil {
			w.commit()
			return true
		}
		w.ran = append(w.ran, j)
		switch w.call(j) {
		case spoiled:
			w.repeat()
			return true
		case lost:
			w.lost(fresh)
			return true
		}
	}
}

// next is the next closure of the transaction: a planned one, else, if there is room, one that waits.
func (w *writer) next(room bool) *job {
	if len(w.planned) > 0 {
		j := w.planned[0]
		w.planned = w.planned[1:]
		return j
	}
	if !room {
		return nil
	}
	return w.queue.take(false)
}

func (w *writer) begin() error {
	if w.conn == nil {
		if err := w.reopen(errors.New("the database file could not be opened again")); err != nil {
			return err
		}
	}
	w.conn.time = w.options.Now()
	return w.conn.do("BEGIN IMMEDIATE")
}

// refuse answers all who wait, because no transaction can begin: while another process has the file locked, that took
// busyTimeout, and those who wait would hear it one after the other, each so much later.
func (w *writer) refuse(cause error) {
	jobs := w.planned
	for _, planned := range w.again {
		jobs = append(jobs, planned...)
	}
	jobs = append(jobs, w.queue.takeAll()...)
	w.planned, w.again = nil, nil
	w.answer(jobs, func(*job) error { return mail.E("db.Write", mail.Unavailable, cause) })
}

// state is what a closure leaves of its transaction.
type state int

const (
	stands  state = iota
	spoiled       // holds changes of a closure that failed
	lost          // SQLite rolled it back: it may on IOERR, FULL and NOMEM, and does so on the conflict clause ROLLBACK
)

// call runs one closure.
func (w *writer) call(j *job) state {
	if w.guarded > 0 {
		if err := w.conn.do("SAVEPOINT closure"); err != nil {
			j.err = failure(j.ctx, "db.Write", err)
			return w.found()
		}
	}
	w.conn.count()
	w.current = j
	j.err = protect(w.options.Logger, &Tx{session: w.conn, ctx: j.ctx}, j.fn)
	w.current = nil
	switch {
	case w.found() == lost:
		if j.err == nil {
			j.err = mail.E("db.Write", mail.Other, errors.New("db: the closure ended the transaction"))
		}
		return lost
	case w.guarded > 0:
		return w.release(j)
	case j.err != nil && w.conn.changed() > 0:
		return spoiled
	}
	return stands
}

// release ends the savepoint of a closure.
func (w *writer) release(j *job) state {
	var err error
	if j.err != nil {
		err = w.conn.do("ROLLBACK TO closure")
	}
	if err == nil {
		err = w.conn.do("RELEASE closure")
	}
	if err != nil {
		j.err = failure(j.ctx, "db.Write", err)
		return lost
	}
	return w.found()
}

func (w *writer) found() state {
	if w.conn.inTransaction() {
		return stands
	}
	return lost
}

// repeat takes a spoiled transaction back and has its closures run again, guarded.
func (w *writer) repeat() {
	w.rollback()
	all := append(slices.Clone(w.ran), w.planned...)
	w.planned = nil
	if len(all) == 1 {
		w.answer(all, func(j *job) error { return j.err }) // it was alone: there is nothing to keep
		return
	}
	for range all {
		w.options.Observe.Retry("failed closure")
	}
	w.again = slices.Insert(w.again, 0, all)
	w.guarded = guardedFor
}

// commit ends the transaction and answers its closures.
func (w *writer) commit() {
	start := time.Now()
	err := w.conn.do("COMMIT")
	w.options.Observe.Commit(len(w.ran), time.Since(start), err)
	if err == nil {
		w.answer(w.ran, func(j *job) error { return j.err })
		w.copyLog()
		return
	}
	w.answer(w.ran, func(j *job) error {
		if j.err == nil {
			return unknown(err)
		}
		// It changed nothing, but what it decided upon may not be there.
		return mail.E("db.Write", mail.Unavailable, err)
	})
	w.mend(err)
}

// mend opens the file again after a failure of the disk.
func (w *writer) mend(cause error) {
	if err := w.reopen(cause); err != nil {
		w.options.Logger.Error("db: opening the database again failed; the next write tries again", "file", w.path, "err", err)
	}
}

// copyLog asks for a copy of the log when it has grown, and does the last of it.
func (w *writer) copyLog() {
	if err := w.copier.copyRest(w.conn); err != nil {
		w.mend(err)
		return
	}
	if now := w.conn.totalChanges(); now-w.copied >= w.copier.rows.Load() {
		w.copied = now
		w.copier.due()
	}
}

func (w *writer) answer(jobs []*job, with func(*job) error) {
	for _, j := range jobs {
		j.done <- with(j)
	}
}

// lost handles a transaction that did not survive its last closure. The others are innocent and run again in a fresh
// one; the failed closure runs alone, so that the cause, if it lies in the file and not in the closure, harms no others.
// When also the fresh one is lost, all run alone: the work stays linear in the number of closures.
func (w *writer) lost(fresh bool) {
	w.rollback()
	failed := w.ran[len(w.ran)-1]
	others := append(append([]*job(nil), w.ran[:len(w.ran)-1]...), w.planned...)
	w.planned = nil
	if len(others) == 0 {
		// It was alone already, or the first of its batch: then it is to blame in either case.
		w.answer(w.ran, func(j *job) error { return j.err })
		return
	}
	w.options.Logger.Warn("db: a transaction was lost with one of its closures; the others run again",
		"closures", len(others), "err", failed.err)
	for range others {
		w.options.Observe.Retry("lost transaction")
	}
	if fresh {
		w.again = append(w.again, others, []*job{failed})
		return
	}
	for _, j := range append(others, failed) {
		w.again = append(w.again, []*job{j})
	}
}

// exited runs when a closure ended the writer's goroutine (a test's FailNow does). The closure's changes cannot be told
// from a finished closure's, so all of the transaction goes and the others run again.
func (w *writer) exited() {
	j := w.current
	if j == nil {
		return // a panic of this package: it ends the process
	}
	w.current = nil
	w.rollback()
	j.done <- mail.E("db.Write", mail.Other, errGoexit)
	if others := append(append([]*job(nil), w.ran[:len(w.ran)-1]...), w.planned...); len(others) > 0 {
		w.again = append(w.again, others)
	}
	w.planned = nil
}

func (w *writer) rollback() {
	if !w.conn.inTransaction() {
		return
	}
	if err := w.conn.do("ROLLBACK"); err != nil {
		w.options.Logger.Error("db: ROLLBACK failed", "file", w.path, "err", err)
	}
}

// reopen closes every connection and opens the file again, which replays the log, and copies the log back before
// anything is built on it. Reads go on as soon as all is closed: copying may wait for others who use the file, and on a
// full disk it fails. Then every write tries again first.
func (w *writer) reopen(cause error) error {
	defer w.copier.close()()
	if w.conn != nil {
		w.options.Logger.Error("db: closing and opening the database again", "file", w.path, "cause", cause)
		w.readers.drain(fmt.Errorf("the database is being opened again after: %w", cause))
		// After a copy that has failed it is not trusted how far the log was copied. Otherwise closing lets the log go: what is
		// at its end may be a commit whose sync has failed, which must not come back.
		if w.copier.failure() != nil {
			if err := w.conn.keepLog(); err != nil {
				w.options.Logger.Error("db: the log may be let go too early", "file", w.path, "err", err)
			}
		}
		_ = w.conn.close() // what it could say is of no use
		w.conn = nil
		w.readers.resume()
	}
	conn, err := openWriter(w.path)
	if err != nil {
		return err
	}
	if _, err := conn.copyBack(busyTimeout); err != nil {
		_ = conn.close()
		return err
	}
	w.conn, w.copied = conn, 0
	w.copier.failed.Store(nil)
	return nil
}
