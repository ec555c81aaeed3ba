// Package transfer copies the database of a running server, and its bodies, into another database and store of bodies. It is
// how a server on one machine (SQLite, packs) becomes a cluster (PostgreSQL); docs/decisions/0032 says why it works so.
//
// # What it promises
//
//   - When Finish has returned nil, the target holds every row and every body that the source has, and no other: each was
//     read back from the target after it had been written, and compared byte for byte.
//   - The source is served meanwhile. It must be at rest (db.Hold) only while Finish runs, which has nothing left to do
//     but the changes of the last moments.
//   - It may be ended anywhere, kill -9 included, and goes on where it was when it is begun again: how far it is stands in the
//     target, in the commits of the rows themselves.
//   - Nobody serves the target before Release: Unfinished tells a node that opens it.
//
// Ids, UIDs, change numbers, epochs and keys are copied as they are. What is not copied is in a list with the reasons (skipped).
//
// # How changes are found
//
// Begin installs a trigger for each event of each table, which writes the primary key of the row into transfer_change, in the
// commit that changes the row. Then
//
//  1. Copy copies each table in the order of its key, page by page, each page of one snapshot. Bodies go with the table of
//     objects.
//  2. It follows the log: for each row that the log names, what the row is now is written to the target, or that it is gone.
//     Entries from before the copying of their table began are passed over.
//  3. It compares each table, and every body. Rows that differ are looked at again after the log was followed. One that differs
//     then, and that the log does not name since, is a fault.
//  4. What the log brings from here on is compared as soon as it is written.
//  5. Finish follows the log to its end, compares what could not be compared before, and counts.
//
// A row is written to the target only after all earlier writes of the same row have ended, and from a later snapshot than
// they: so an older state never covers a newer one.
//
// Rows that are not there yet can be in the way of a unique index (two mailboxes that have exchanged their names). The row in
// the target that has the name is out of date then, and in the log: it is removed, and comes again with its turn.
//
// # Order of durable steps
//
// Source: triggers, with the token of the transfer, in one commit. Target: the token. A body, then its row. Rows with the place up to
// which they are copied, in one commit. Changed rows, then the number of the last; then that part of the log is removed from
// the source. At the end the caller makes sure that the source is not served again, and then calls Release.
//
// # Limits
//
// Pages of 400 rows or 4 MiB, 20,000 changes at a time; memory does not grow with the databases. A primary key has at most four columns.
package transfer
