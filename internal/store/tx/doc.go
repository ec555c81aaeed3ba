// Package tx is the unit of work that every room of the store takes, so that one commit can span mailbox, spool and
// the rest.
//
// # What it promises
//
//   - Order of locks. A write takes the rows of its accounts first, in ascending id, by the UPDATE that gives them
//     their next number, and holds them to the commit: within an account, order of numbers is order of visibility.
//     Whatever a closure decides on, it reads after that.
//   - Once. Once runs a closure under a key that commits with it. A repeat with the same key (a lost answer to COMMIT,
//     a retried queue run) does not run the closure and returns the answer of the first time.
//   - The change log writes itself. A room calls Changed for every object it touches; the commit writes the rows,
//     and when it has succeeded rings the bell of every account that changed. A caller cannot forget either.
//   - Ids are never reused: they come from blocks that are taken from the database before any id of them is used.
//
// # What it asks of a closure
//
// SQL only: no network, no blob I/O, no parsing, no clock but Tx.Now, no effect outside until the commit. It may run
// again, so it assigns results and never adds to them. It changes at most db.MaxChangedRows rows; longer work is many closures.
// The caller's context only withdraws a closure that has not started.
//
// # Numbers
//
// A write takes one number per account. At most 256 changed objects share a number, so that JMAP's /changes can stop
// between them; a closure that changes more gets further numbers, see Tx.ModSeq.
package tx
