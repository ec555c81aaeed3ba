// Package tracking follows what becomes of mail that accounts here have submitted, after it has left the queue: reports that come
// back, and recipients here who open it. It tells the senders: by store/submissions, by the change log of their accounts, and by
// keywords on the copy in their mailbox.
//
// # What counts
//
//   - A delivery report (DSN, RFC 3464) counts where it names the envelope id that our submission gave to the message
//     (submissions.EnvelopeID). Nobody can guess it, and only the hosts on the way of the message learn it.
//   - A receipt (MDN, RFC 8098) bears no envelope id. It counts where it says "displayed" of a message by its Message-ID, is from the very
//     recipient, and has a DKIM signature that passes, covers the field From, and is aligned with it: of the same
//     organizational domain (RFC 7489 3.1.1). From an account here no signature is needed: submission has held it to its own addresses.
//   - Both count for submissions of the account alone to which they come, once for each recipient, and never against what is known
//     already: what was failed, taken back or displayed stays so. All others are mail and change nothing.
//   - The submission lists the reports that told something new of a recipient, and those of our own queue, whose steps were known
//     before: at most submissions.MaxReports. One that comes again is not listed again.
//   - A recipient here has displayed a message when it gets \Seen. The sender learns of it if the recipient lets him
//     (contacts.Shows): nobody, contacts, everybody, or what was chosen for the sender. Where he does not, it is forgotten then.
//
// # Order of durable steps
//
// A report is read before the commit that accepts it, and counts in that commit. That something was displayed stands in the commit that
// sets \Seen, and in the submission of the sender with it, whose account that commit does not lock. What happens in such
// commits (the queue's are others) is entered into the sender's change log by one commit right after it, with the keywords: Run. A
// process that ends between the two leaves it to the next, or to another node, within Sweep.
//
// # Keywords
//
// On the sender's copy: $delivered, when all recipients have the message in their mailboxes, as far as that was reported;
// $displayed, when all have displayed it; $delayed, while it is tried again for one; $undelivered, when one will not get it.
//
// The copy is the one that submission keeps, the email that a JMAP client has sent, or what a mail program puts into the mailbox Sent
// within CopyWithin, with the same Message-ID.
//
// # Mail that is sent later
//
// A client may put the copy of a message that is held into the mailbox with the role "scheduled". Once handing it on has begun, it moves from
// there to the mailbox with the role "sent".
//
// # Limits
//
// Reports over MaxReport bytes are not read. Asking for the key of a signature ends after VerifyWithin, and the receipt does not count.
package tracking
