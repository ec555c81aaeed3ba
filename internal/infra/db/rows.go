package db

import "fmt"

// Rows is a result being read:
//
//	rows, err := tx.Query(...)
//	if err != nil { return err }
//	for rows.Next() {
//		if err := rows.Scan(&a, &b); err != nil { return err }
//	}
//	return rows.Err()
//
// Next returning false closes it, and so does the end of the transaction; a loop that is left early calls Close before
// the next statement.
type Rows struct {
	tx     *Tx
	cursor cursor
	v      value
	err    error
	closed bool
}

// Next goes to the next row. It returns false at the end and after a failure, which Err tells.
func (r *Rows) Next() bool {
	if r.closed {
		return false
	}
	more, err := r.cursor.next()
	if more && err == nil {
		return true
	}
	r.finish(err)
	return false
}

// Scan copies the columns of the current row to where dest points: *int64, *string, *[]byte, *bool (0 is false),
// *time.Time (unix milliseconds), named types and arrays of bytes of these, *Borrowed, a pointer to a pointer for a column
// that may be NULL, *any, or nil to skip a column.
func (r *Rows) Scan(dest ...any) error {
	if r.closed {
		return r.fail(fmt.Errorf("db: Scan without a row: call Next first"))
	}
	if n := r.cursor.columns(); n != len(dest) {
		return r.fail(fmt.Errorf("db: Scan into %d variables of a row of %d columns", len(dest), n))
	}
	for i, d := range dest {
		if d == nil {
			continue
		}
		if err := r.cursor.column(i, &r.v); err != nil {
			return r.fail(err)
		}
		if err := scan(&r.v, d); err != nil {
			return r.fail(fmt.Errorf("column %d: %w", i+1, err))
		}
	}
	return nil
}

// Err is the failure that ended the result, nil when it was read to its end or closed.
func (r *Rows) Err() error { return r.err }

// Close ends the result early. Closing twice, or after the end, does nothing.
func (r *Rows) Close() {
	if !r.closed {
		r.finish(nil)
	}
}

func (r *Rows) finish(err error) {
	r.closed = true
	if closeErr := r.cursor.close(); err == nil {
		err = closeErr
	}
	if r.tx.open == r {
		r.tx.open = nil
	}
	if err == nil {
		err = r.tx.checkChanged() // INSERT ... RETURNING changes rows too
	}
	if err != nil {
		r.fail(err)
	}
}

func (r *Rows) fail(err error) error {
	err = r.tx.fail("db.Query", err)
	if r.err == nil {
		r.err = err
	}
	return err
}

// Row is the first row of a result.
type Row struct {
	rows *Rows
	err  error
}

// Scan copies the row's columns as Rows.Scan does and closes the result. It returns ErrNoRows when there is none.
func (r Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	if !r.rows.Next() {
		if r.rows.err != nil {
			return r.rows.err
		}
		return ErrNoRows
	}
	err := r.rows.Scan(dest...)
	r.rows.Close()
	if err == nil {
		err = r.rows.err
	}
	return err
}

// Batch is several queries that do not depend on each other's answers, sent in one round trip and read in order:
//
//	b := tx.Batch()
//	b.Query("SELECT ...", x)
//	b.Query("SELECT ...", y)
//	err := b.QueryRow().Scan(&n)
//	rows, err := b.Rows()
//
// The first call of QueryRow or Rows sends them. Until the last result is read or Close is called, the transaction takes
// no other statement.
type Batch struct {
	tx      *Tx
	queries []statement
	results cursors
	read    int
}

// Batch begins a batch.
func (tx *Tx) Batch() *Batch { return &Batch{tx: tx} }

// Query adds a query. An argument of a wrong type fails the transaction, which the next call tells.
func (b *Batch) Query(sql string, args ...any) { b.add(sql, nil, args) }

func (b *Batch) add(sql string, text *Text, args []any) {
	if b.results != nil {
		b.tx.fail("db.Batch", fmt.Errorf("db: the batch was already sent"))
		return
	}
	if st, err := b.tx.statement("db.Batch", sql, args); err == nil {
		st.text = text
		b.queries = append(b.queries, st)
	}
}

// Rows returns the next result. It closes the one before.
func (b *Batch) Rows() (*Rows, error) {
	tx := b.tx
	if err := b.send(); err != nil {
		return nil, err
	}
	if tx.open != nil {
		tx.open.Close()
	}
	if tx.failed != nil {
		return nil, tx.failed
	}
	if b.read == len(b.queries) {
		return nil, tx.fail("db.Batch", fmt.Errorf("db: all %d results of the batch were read", b.read))
	}
	cur, err := b.results.next()
	if err != nil {
		return nil, tx.fail("db.Batch", err)
	}
	b.read++
	if b.read == len(b.queries) {
		cur = &lastCursor{cursor: cur, batch: b}
	}
	tx.open = &Rows{tx: tx, cursor: cur}
	return tx.open, nil
}

// QueryRow returns the first row of the next result.
func (b *Batch) QueryRow() Row {
	rows, err := b.Rows()
	return Row{rows: rows, err: err}
}

// send sends the batch once.
func (b *Batch) send() error {
	if b.results != nil {
		return b.tx.failed
	}
	if err := b.tx.ready(); err != nil {
		return err
	}
	results, err := b.tx.session.queryAll(b.queries)
	if err != nil {
		return b.tx.fail("db.Batch", err)
	}
	b.results, b.tx.batch = results, b
	return nil
}

// Close gives up the results not yet read. Reading the last one to its end closes the batch too.
func (b *Batch) Close() {
	if b.tx.batch != b {
		return
	}
	if b.tx.open != nil {
		b.tx.open.Close()
	}
	b.end()
}

func (b *Batch) end() {
	if b.tx.batch != b {
		return
	}
	b.tx.batch = nil
	if err := b.results.close(); err != nil {
		b.tx.fail("db.Batch", err)
	}
}

// lastCursor is the last result of a batch: closing it ends the batch, so that the transaction takes statements again.
type lastCursor struct {
	cursor
	batch *Batch
}

func (c *lastCursor) close() error {
	err := c.cursor.close()
	c.batch.end()
	return err
}
