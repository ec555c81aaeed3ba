// Package spool remembers accepted mail that is still owed to someone: the recipients who are not in a mailbox here.
//
// # What it promises
//
// Add belongs to the commit that accepts the mail, so a message whose 250 was sent is in a mailbox or here for each of its
// recipients. The content is a body that the spool's own account (mail.SpoolAccount) holds; the caller names it for that
// account in the same commit. A message stays until its last recipient is done.
//
// # What is kept
//
// One row a message with its envelope, one row a recipient. The envelope is JSON with a format number beside it: formats
// that were ever written are read for ever, and a node that meets one it does not know (a newer node wrote it) leaves the
// message to others, see ErrFormat.
//
// # The place of the queue
//
// Adding and reading is all there is so far: mail is taken for local recipients only, and nothing adds to the spool yet.
// The queue (mailflow/queue) will take due recipients here by a lease: it writes its node's name and epoch and raises the
// fence, and every result is an UPDATE of the recipient's row that names all three and must hit it, in the transaction of
// what the result causes, so that a node which lost its lease changes nothing. The columns for that are there; a recipient
// begins without an owner and due at once, or when the sender asked to hold the mail until.
//
// # Limits
//
// MaxRecipients recipients a message: whoever has more adds several messages on the same body. Reply: mail.Limit. An
// envelope in its kept form has at most MaxEnvelope bytes. Reply: mail.TooLarge.
package spool
