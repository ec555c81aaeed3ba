// Package spool remembers accepted mail that is still owed to someone: the recipients who are not in a mailbox here.
//
// # What it promises
//
// Add belongs to the commit that accepts the mail, so a message whose 250 was sent is in a mailbox or here for each of its
// recipients. The content is a body that the spool's own account (mail.SpoolAccount) holds; the caller names it for that
// account in the same commit. A message stays until its last recipient is done.
//
// What becomes of each recipient is told by a history (store/submissions): Add begins one in its commit for mail that no account has
// handed in, so no message here is without (Options.Histories).
//
// # What is kept
//
// One row a message with its envelope, one row a recipient. The envelope is JSON with a format number beside it: formats
// that were ever written are read for ever, and a node that meets one it does not know (a newer node wrote it) leaves the
// message to others, see ErrFormat. What could not be read again is not added (mail.Invalid).
//
// # Leases
//
// Take gives due recipients of one destination to a node: their rows then name it, its epoch (see infra/cluster/members) and a
// fence that was raised. Finish writes results, in the transaction of what they cause, for those rows that still name all
// three; for the others it writes nothing and says so. Whoever finds that an owner's epoch is over calls TakeOver, which
// raises the fences: from then on nothing that the old owner does has an effect here. So of all who ever took a recipient one
// at most writes its end.
//
// # Finding what is due
//
// The spool may hold a million messages of which few are due, and all may be for one destination that is down. Nothing here
// reads what it does not return: recipients that wait are in two indexes, by date and destination (DueAfter, NextDue), and by
// destination, priority and date (Take, Destinations); those that are leased, or held by an operator, are in neither.
// The partial indexes are used only where a statement repeats their condition, and a test holds the plans of both engines to it.
//
// Add, Finish, and what an operator does wake the queue (Options.Wake) when their commit stands.
//
// # Order of locks
//
// Messages in the order of their ids, of each its recipients first, then the message itself. The row of mail.SpoolAccount is
// not locked: all mail that goes out would wait for it.
//
// # Limits
//
// MaxRecipients recipients a message: whoever has more adds several messages on the same body. Reply: mail.Limit. An
// envelope in its kept form has at most MaxEnvelope bytes. Reply: mail.TooLarge. Of an answer MaxLast bytes are kept.
package spool
