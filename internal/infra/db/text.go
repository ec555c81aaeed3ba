package db

// Text is a statement of which many closures that share a transaction each have one: see WriteShared. Most of what a small
// statement costs PostgreSQL, and us, it costs by being one more.
type Text struct {
	// One is the statement as a closure means it.
	One string

	// Many does the same for many closures at once, on PostgreSQL. Each of its arguments is an array that has an element for
	// each closure ($1::bigint[] where One has $1), and if it returns rows, their first column is the number of the closure they are
	// for, from 1: what WITH ORDINALITY gives. The closures are of different accounts, and what one changes no other sees.
	Many string
}

// QueueText is Queue of a Text. No argument is NULL.
func (tx *Tx) QueueText(t *Text, args ...any) { tx.queue(t.One, t, args) }

// QueryText adds the query of a Text to the batch. No argument is NULL.
func (b *Batch) QueryText(t *Text, args ...any) { b.add(t.One, t, args) }

// Shared reports whether other closures share the transaction: what this one waits for, they wait for too.
func (tx *Tx) Shared() bool {
	_, shared := tx.session.(*member)
	return shared
}

// MayWait reports whether the closure may wait for the row of its account: by one Text, its first statement, that locks the rows of all
// in the order of their ids, as every other transaction does. Elsewhere in a shared transaction it returns ErrAlone instead.
func (tx *Tx) MayWait() bool {
	m, shared := tx.session.(*member)
	return !shared || m.shared.queues
}
