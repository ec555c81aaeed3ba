// Package threadcount knows how many threads have messages in each mailbox, and how many of them are unread (RFC 8621 2).
//
// No row keeps these numbers: a thread is unread in one mailbox because of a message in another, so that each delivery would
// have to look at all of its thread. They are counted in memory when they are first asked for, from one pass over the memberships of
// the account, and from then on the change log says which threads to look at again: an answer costs what has changed since the
// last one.
//
// What is \Deleted is not there (RFC 8621 4.1.1), and neither is what lies in a mailbox that was deleted.
//
// # Limits
//
// About 40 bytes a thread are kept, 32 a message needed for the first pass. The accounts that were not asked about for the longest time
// are forgotten when what is kept exceeds Options.Bytes. Counting anew is cheaper than to follow a log of more than maxTouched
// changed messages.
package threadcount
