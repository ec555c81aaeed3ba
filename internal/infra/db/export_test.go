package db

import "time"

// Waiting is how many writes wait for their turn.
func Waiting(d *DB) int {
	switch b := d.backend.(type) {
	case *file:
		return b.queue.len()
	case *server:
		return b.writers.waiting.len() + b.groups.kinds[skipping].waiting.len() + b.groups.kinds[queuing].waiting.len()
	}
	return 0
}

// Closed reports whether Close has begun and answered those who waited.
func Closed(d *DB) bool {
	var q *turnQueue
	switch b := d.backend.(type) {
	case *file:
		q = b.queue
	case *server:
		q = b.readers.waiting // closed after the writers'
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// CommitWithin changes what COMMIT may take, and WaitForPrimary how long a transaction waits for a primary.
func CommitWithin(d *DB, limit time.Duration) { d.backend.(*server).patient = limit }

func WaitForPrimary(d *DB, limit time.Duration) {
	p := d.backend.(*server).primary
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wait = limit
}

// Columns is the number of columns of a result.
func Columns(r *Rows) int { return r.cursor.columns() }

// SQLiteDriver is the name of the library for database/sql, for tests that open the file beside the database.
const SQLiteDriver = sqliteDriverName

// Translated reports whether SQLite is the library that the program uses; the other one ignores a second statement.
const Translated = sqliteDriverName == "sqlite"

// CopyLogAfter sets how many changed rows ask for a copy of the log beside the writer.
func CopyLogAfter(d *DB, rows int64) { d.backend.(*file).copier.rows.Store(rows) }

// LogCopied reports how much of the log is in the file, once something was copied beside the writer.
func LogCopied(d *DB) (some, all bool) {
	c := d.backend.(*file).copier
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return false, false
	}
	pages, copied, err := c.conn.walPages("NOOP")
	return err == nil && copied > 0, err == nil && pages > 0 && copied == pages
}
