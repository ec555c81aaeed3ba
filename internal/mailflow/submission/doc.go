// Package submission takes mail from our users (RFC 6409): it decides whether who has signed in may send it, completes and
// signs it, and accepts it in one commit.
//
// # Who may send as whom
//
// The reverse-path, and every address of From, Sender, Resent-From and Resent-Sender, is the account's own address or an
// alias that leads to it alone, with any "+detail" (store/directory.SendsAs). The null reverse-path may be used by everyone:
// read receipts have it (RFC 8098 3). An account that was switched off or removed since it signed in sends nothing more.
//
// # What is changed (RFC 6409 8)
//
// Missing Date, Message-ID and From fields are added, and Sender where From names several. Bcc, Resent-Bcc and Return-Path
// are taken out. Everything else stays byte for byte. Above it come Received and one DKIM-Signature for each key of the domain
// of From (store/dkimkeys); a domain without keys sends unsigned.
//
// Received says that the message came from this server to this server: neither the address nor the name of the user's
// computer is shown to recipients. The log has both, under the id that Received names.
//
// # Order of durable steps
//
//  1. The header is read and decided on. The body is read once for its signature; what is longer than Spill is stored
//     meanwhile, sealed, under a name that nobody will know.
//  2. The whole message is sealed and synced (store/bodies), as one object for all who get it.
//  3. One commit under a random key: local recipients have it in their mailboxes, the others are owed it by the spool, the
//     submission and its first events are there, the budgets are charged, the sender has his copy if he wants one.
//  4. Only then Receive returns, and the door says 250.
//
// What is held (FUTURERELEASE, or the account's time for undoing) goes to the spool for all its recipients, and so does what
// has more local recipients than one commit has room for. So do groups, aliases that lead elsewhere, and recipients here whose
// delivery is to be reported: the queue brings it to mailflow/inbound, which knows how that is done.
//
// # What is refused, and when
//
//	at MAIL     not the account's address 550 5.7.1 · switched off 550 5.7.13 · budget used up 450 4.7.0
//	at RCPT     as mailflow/inbound for addresses here, groups among them; any address elsewhere is taken · budgets 450
//	            4.7.0 · over MaxTargets recipients 452 4.5.3
//	after DATA  From, Sender not the account's 550 5.7.1 · From twice, or names nobody 550 5.6.0 · a line of the header that is no
//	            field, or holds a NUL, a bare CR or LF 550 5.6.0 · header over MaxHeader 552 5.3.4, over MaxFields fields 552
//	            5.6.0 · more than MaxReceived Received fields 554 5.4.6 · budgets used up meanwhile 450 4.7.0 · the store fails 451
//	            4.3.0
//
// Priorities above MaxPriority (RFC 6710) are lowered.
//
// # Memory
//
// A message takes its header, at most MaxHeader, and at most Spill bytes of its body, however large it is.
package submission
