// Package writing are the methods that make, change and destroy emails: Email/set, Email/import and Email/copy (RFC 8621 4.6 to 4.8).
//
// # What it promises
//
//   - An email that is answered as created is durable: its bytes are synced, then one commit names them and gives it its
//     mailboxes (docs/promises.md, 1).
//   - Each object is created, changed or destroyed wholly or not at all. Many go in one commit; where a call takes several, oldState
//     is the state before the last run of them that nothing else came between, so that a client never misses a change.
//   - ifInState is held under the account's lock.
//
// # How a message is made
//
// Header fields stand in the order of their properties; Message-ID and Date are added where they are missing, and so is a body.
// textBody and htmlBody become a multipart/alternative, attachments with a cid that are not said to be attachments lie beside the
// HTML in a multipart/related, the others in a multipart/mixed around all. Package rfc/message/compose writes it.
//
// Addresses need not be complete: it is a draft. What is to be sent is looked at when it is.
//
// # Rights
//
// In an account of another, a mailbox must allow what is done there: "i" to put emails into it, "t" and "e" to take them out, "s" and
// "w" in all of an email's mailboxes for its keywords (RFC 8621 2). What a user may not see is not there.
//
// # Limits
//
// A message has at most MaxMessage bytes and its blobs MaxAttachments together (tooLarge, with maxSize), its header MaxHeader bytes
// (invalidProperties), MaxParts parts in compose.MaxDepth levels. Keywords and mailboxes: tooManyKeywords, tooManyMailboxes.
package writing
