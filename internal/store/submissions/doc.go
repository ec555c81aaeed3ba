// Package submissions remembers what accounts here have handed in to be sent, and every step of it to each recipient. Mail that
// goes on and that none of them has handed in has its history here too: spool.Add begins it (Begin), so no message in the spool is
// without one. Its account is mail.SpoolAccount.
//
// # What it promises
//
// Add belongs to the commit that accepts the message, and Record to the commit that makes a step true: the queue records
// what became of a recipient where it changes that recipient's row in the spool. So what is told here is what happened.
// A recipient is queued from the moment of Add on; that event is not kept, but told by Events all the same.
//
// Recipients have numbers, from 0 in the order in which Add was given them. A message in the spool says which submission it
// belongs to and the number of its first recipient; the others follow (spool.Message).
//
// # Locks
//
// Record locks no account, so that the queue neither waits for a sender's mailbox nor fails with an account that was
// removed: a step of a submission that is not there any more is dropped. Several commits may record for one recipient at a
// time: the queue, and a recipient who opens the message.
//
// # Who learns of it
//
// Each submission that is made or changes is in its account's change log (tx.KindSubmission), so that it is pushed like all else.
// Where a commit has not locked the account, it leaves news instead, a row of its own for each, which TakeNews enters into the log in
// another commit. SetWake says who is woken to do that at once (mailflow/tracking); WithNews finds what is left of a process
// that ended.
//
// # Where it goes on
//
// A message that leaves bears an envelope id by which reports of others find back (EnvelopeID, ByEnvelope, Report). One that
// comes to a mailbox here leaves a receipt there (Expect), which is taken when it is displayed (Displayed). StatusOf sums up
// what is known of a recipient, in the words of RFC 8621 7.
//
// # Taking back
//
// A submission can be taken back until it is due, for all recipients of whom the spool says that nobody has begun to send.
// The spool is another room, so mailflow/submission does it: it takes the recipients out there and records EventCanceled
// here.
//
// # Budgets
//
// Each account has a budget of recipients, and one of strangers: recipients that it never wrote to before. Both are buckets
// that fill again over 24 hours: who has used nothing for a day may use all at once. They are rows, so that all nodes agree,
// and Charge belongs to the commit that accepts a message, with the account locked: sessions side by side use no more than
// one. The limits are the server's (DefaultRecipients, DefaultStrangers) or the account's own. They are for the case that a
// password is stolen: what goes out until somebody notices stays small.
//
// # Limits
//
// MaxRecipients recipients a submission, mail.Limit for more. MaxEvents events a recipient: after that only final ones are
// kept. The names and replies of other hosts are cut at MaxText bytes. A submission is forgotten Kept after it was due.
// An id in logs finds the newest MaxTraced.
package submissions
