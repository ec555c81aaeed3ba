// Package catalog keeps in memory what lists of an account's mail are made by: of each email its mailboxes, keywords, dates,
// size and thread. With it a query over all mailboxes, sorted and collapsed to threads, reads no row.
//
// # Snapshots
//
// A Snapshot is one committed state of all emails of an account, taken at a number of its change log. It never changes. The
// next one is made from it by the change log, and shares what is the same: a new message costs the rows of that message, not
// those of the mailbox. After tells what lies between two.
//
// An email has a slot, a small number, as long as snapshots follow one another; sets of emails are sets of slots (Bits), and
// orders are lists of slots (List). A snapshot that was read anew has other slots, and follows none.
//
// What is not visible in JMAP is not here: memberships with \Deleted (RFC 8621 4.1.1) or in a mailbox that is being deleted, and
// emails that have no other.
//
// # Limits
//
// An email takes about 90 bytes. Snapshots that are kept take at most Options.Bytes, those of the least recently used accounts go
// first; the newest stays whatever its size, so that a large account can be asked too. Snapshots in use are not counted. More
// than maxFollow changes, or a quarter as many as emails, are read anew: 100,000 emails take about 0.2 s.
package catalog
