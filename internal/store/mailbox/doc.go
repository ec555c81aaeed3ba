// Package mailbox is the Message Store of RFC 5598: mailboxes, the messages in them, their flags and threads, quota use.
// The model is JMAP's (RFC 8621); IMAP and POP3 are views over it.
//
// # The model
//
// An Email is a message with its keywords, thread and summary. A membership puts it into a mailbox under a UID;
// \Deleted, UID, save date and modseq belong to the membership. The other flags belong to the email; rows have them in each of
// its memberships and nowhere else, so that listing them joins nothing and changing them writes small rows. An email whose
// last membership goes is destroyed and its body released. An email is in a mailbox at most once.
//
//   - Copy adds a membership of the same email; where the target holds that email already, or the email is in
//     MaxMailboxesPerEmail mailboxes, it makes a new email on the same body. Move keeps the email, with the same exception.
//   - A changed keyword changes the email and gives every membership of it the new modseq.
//   - The thread of an email is found at its insert, by the ids and the base subject it shares with earlier mail, and never
//     changes; a message that would link two threads joins the older.
//   - A thread is muted while the keyword $muted was given to an email of it last, and not taken: what comes to it gets the keyword.
//   - Annotations (RFC 5464) belong to a mailbox, or to the server as the account sees it. They are no part of what a mailbox's
//     modseq counts, stay with it when it is renamed, and go with it. A removed one leaves its name for as long as the change
//     log reaches back.
//   - Names are subscribed to, and stay so whatever becomes of the mailboxes that bear them (RFC 9051 6.3.6 and 6.3.7). A mailbox
//     that is renamed while it is subscribed to brings a subscription to its new name.
//   - \Recent is a watermark in the mailbox row: see TakeRecent.
//
// # Numbers
//
// Every change has a number (tx.Tx.Changed) that the changed row keeps. A mailbox keeps the last number that touched it or
// a message in it: IMAP's HIGHESTMODSEQ. It also keeps its counters, the account keeps its quota use (each email once),
// both in the same commit as the change. UIDs only grow; UIDVALIDITY is the time in seconds, or one more than the last one
// of the account, whichever is higher.
//
// The change log says, for mailboxes: created, updated (name, parent, role, subscription), destroyed; for emails: created,
// destroyed; for memberships: created, updated (flags), destroyed, each with its email. An email is updated when a
// membership of it is; a mailbox's counters may have changed when a membership in it did. A thread is logged when it
// loses an email; what it gains is found by the emails created. What \Deleted hides from JMAP, and shows again, is logged by
// itself (tx.KindShown), and so are changed rights (tx.KindRights).
//
// # Work in steps
//
// Methods that take a *tx.Tx belong to one commit of the caller's, whose account is locked. Methods that take a context
// and a set of UIDs make as many commits as the set needs, since one commit changes at most 1,000 rows:
//
//   - StoreFlags, Move, Expunge: each message is changed wholly or not at all (RFC 9051 6.4.8 asks no more); when one step
//     fails, those before it stand, and the result says what they did.
//   - Copy, AppendAll: all or nothing (RFC 9051 6.4.7: "restore the destination mailbox to its state before"). One of more than
//     one step notes in `unfinished` what it has made; when a step fails, or the process dies, that is removed again.
//   - Delete: the first commit takes the name away and nobody finds the mailbox any more; its messages go in further
//     commits. What a stopped process leaves is removed by Finish.
//
// Deleting a mailbox that has children is refused (RFC 9051 6.3.5 allows it: HASCHILDREN), since every name in the
// hierarchy is a real mailbox. INBOX cannot be deleted. Renaming INBOX makes a new mailbox and moves the messages there;
// the children of INBOX stay.
//
// # Rights
//
// Others than the owner may do with a mailbox what its grants say (RFC 4314): see RightsOf. What changes mailboxes in which others
// may do something is done as an account (As): the methods of Acting read its rights in each of their commits. The methods of
// Store are for the owner. New mailboxes inherit the grants of the one above. A grant is removed with the mailbox, with its owner
// (Purge) and with the account that it is for (PurgeGrants).
//
// Messages that are copied to another account, or where fewer flags may be set, become emails of their own: these steps of Copy and
// Move lock both accounts.
//
// # Upkeep
//
// Finish ends what was interrupted, at start and now and then. TrimLog and SweepThreads, per account and seldom, remove
// log rows and thread references that are no longer of use. Check is for verify, Purge for removing an account.
//
// # Views
//
// A View is one committed state of a mailbox in memory, in pieces of 256 messages. It never changes; the next state shares
// the pieces that are the same, is made from the change log, and is shared by all sessions that have the mailbox open.
// Compare tells what lies between two views.
//
// # Limits
//
//   - MaxMailboxes mailboxes an account, or as many as its quota says (mail.OverQuota), MaxDepth levels, MaxName bytes a
//     level, MaxSubscriptions names without mailbox. Reply: a mail.Limit error; for a bad name, mail.Invalid that says what
//     is wrong.
//   - 4,294,967,295 UIDs a mailbox. Reply: mail.Limit; copying the mail to a new mailbox starts over.
//   - mail.MaxKeywords keywords a message, of mail.MaxKeywordLength bytes each (mail.Limit). MaxMailboxesPerEmail mailboxes an email (more: a new email).
//   - MaxAnnotations annotations a mailbox, of MaxAnnotationsSize together, and MaxAnnotationsOfAccount of
//     MaxAnnotationBytes an account (ErrTooManyAnnotations), MaxAnnotation bytes a value (ErrAnnotationTooLarge),
//     MaxEntry bytes a name (mail.Limit).
//   - MaxGrants grants a mailbox (mail.Limit). An account is shown the mailboxes of MaxSharers others, the oldest accounts first.
//   - Quota is asked by CheckQuota before bytes are taken. Append and Copy do not refuse for it: what was in flight when
//     the quota was reached may exceed it.
//   - The change log reaches back LogKept or LogRows rows, whichever is more. Below that tx.Changes answers mail.Gone, and
//     Vanished names every UID of the client's set that is not there.
//   - Views in the cache take at most Options.ViewBytes; views in use by sessions are not counted.
package mailbox
