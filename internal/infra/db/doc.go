// Package db keeps rows: one transaction type over SQLite (a server on one machine) and PostgreSQL (any number of
// nodes), under one SQL text.
//
// # What it promises
//
//   - Write returns nil only when the closure's changes are on stable storage. SQLite runs with WAL and
//     synchronous=FULL; a PostgreSQL server is refused unless fsync and synchronous_commit are on.
//   - A closure's changes are all there or not at all, and no closure sees or suffers from the failure of another, though
//     on SQLite many share one commit.
//   - An error matching ErrCommitUnknown says that the answer to COMMIT was lost: the changes may be there or not. This
//     package never repeats such a closure; whoever holds the key that makes a repetition harmless does (store/tx).
//   - Every other error from Write means that nothing was changed.
//   - Read gives one snapshot for the whole closure, and never waits for a writer nor makes one wait.
//
// # Rules for closures
//
// A closure does SQL only: no network, no files, no clock but Tx.Now, nothing that is seen outside before Write has
// returned. It may run more than once, so it assigns results and never adds to them. It must not keep the Tx, nor use it
// from another goroutine, nor call Write. The first statement that fails decides the transaction: all later ones return
// that error, and Write returns it even where the closure did not. (PostgreSQL works so by itself; here SQLite does too,
// so that code tested on one engine holds on the other.) A closure that panics fails alone; the panic is returned as an
// error and logged with its stack.
//
// The context of Write only withdraws a closure that has not started. The context of Read also interrupts a running query.
//
// # SQL
//
// Placeholders are $1 to $n on both engines. Numbers are 64-bit integers, times are unix milliseconds, booleans are 0 and
// 1 in integer columns. A time.Time argument is stored as milliseconds. Only one result can be open at a time: read or
// close Rows before the next statement; several questions in one round trip are a Batch. Statements whose answer is not
// needed go through Queue, which on PostgreSQL costs no round trip of its own; a write then costs three: BEGIN with the
// clock and the first statement, reads, the queued statements with COMMIT.
//
// # Limits
//
// A closure changes at most MaxChangedRows rows; longer work is many closures. A connection keeps at most stmtCacheSize
// prepared statements. At most MaxWaiting closures wait; one more is answered with mail.Unavailable at once.
//
// The fairness key given to Write keeps the flood of one account from delaying another by more than one closure. On SQLite
// a batch takes closures in turn by it, and ends after maxBatch closures or maxBatchTime. On PostgreSQL connections are
// given out in turn by it, and one key other than 0 holds at most an eighth of those for writes; a write has writeTimeout before its
// COMMIT and commitTimeout for it. A transaction that lost against another, or its connection before COMMIT was sent, runs
// again up to maxAttempts times.
//
// # Several PostgreSQL servers
//
// The URL may name several hosts, one of which is the primary: postgres://user@one,two,three/name. Each is asked every second who it
// is, and all transactions go to the one that takes writes; target_session_attrs in the URL is not needed and not
// heeded. Of two that take writes it is the one on the higher timeline, which every promotion raises: a primary that comes back after
// another took its place is never used again by a process that knew the other, or that reaches both. Every new connection, so that to
// a server just promoted too, is refused where fsync or synchronous_commit are off.
//
// When the primary changes, connections to the old one are cut. Transactions that had not sent COMMIT run again on the new
// one; a COMMIT under way is unknown, and whoever holds its key repeats it there. A primary that answers nothing for lookTimeout is
// taken for lost; while there is none a transaction waits for one until primaryWait after the loss, and is then answered with
// mail.Unavailable, as are all that come later, at once.
//
// A COMMIT that waits for a synchronous standby which is away is given up after commitTimeout and is unknown: it stands on the
// primary. Repeating it under its key waits for the standby again, since that writes too (store/tx).
//
// # Shared transactions
//
// SQLite commits all closures that wait at the same time together. PostgreSQL does so with those that are handed to WriteShared:
// closures that are short, that many callers have, each for an account of its own. They run in step in one transaction, at most
// maxMembers: what all of them ask and write goes out in one round trip, and what they have in common (Text) as one
// statement. A group begins when none runs, or fullGroup closures wait; who is alone waits for nobody.
//
// No closure waits for another's locks: one that meets a lock returns ErrAlone, is tried with a later group, and then waits with others
// like it: their group takes its locks in one statement, in order, and waits for each at most groupLockTimeout. When that was not enough
// each waits in a transaction of its own. When one fails that has changed something, or a statement does, everything is taken back and
// all of the group run again, each alone; so each gets its own error, and the next aloneFor closures share nothing. When the answer to the
// shared COMMIT is lost, all of them hear ErrCommitUnknown.
//
// # Failures
//
// After an error at COMMIT on SQLite nothing that the process knows about the file can be trusted: the file is closed,
// opened again (which replays the log) and checkpointed in full before the next write, because pages whose fsync failed
// once may be reported as clean by a later fsync without being on the disk. Reads that run at that moment are interrupted,
// new ones wait until all is closed, at most reopenWait. While the file cannot be opened, writes are answered with
// mail.Unavailable and each tries to open it first; reads go on.
//
// The same follows an error of copying the log back into the file, beside the writer or by it. Pages that were copied before without
// a sync may be lost with the one that failed, and only a process that has forgotten how far it was copies them again. The log
// is not let go before that, also not by closing.
//
// While another process has the SQLite file locked, a write waits for it up to busyTimeout. Then all writes that wait are
// answered with mail.Unavailable at once.
//
// ErrCommitUnknown carries the kind mail.Unavailable, so that a door which meets it asks its peer to try again, but it is
// the one error of that kind after which something may have changed: IsUnavailable is false for it. Doors know it as
// mail.ErrOutcomeUnknown.
//
// # Files
//
// A new SQLite file, and what SQLite puts beside it, is for its owner only. The mode of a file that exists is left as it is.
package db
