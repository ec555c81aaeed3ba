// Package history is what clients of a cluster have done, seen and been promised, and the checks of it.
//
// Clients (test/cluster/load) write every attempt with its outcome into a Recorder while faults strike. Afterwards the
// whole of what the servers keep is read into a Server, and Check compares the two. Nothing here knows a protocol or a socket.
//
// # What is checked
//
//   - lost: a delivery was acknowledged and is not there, though nobody removed it.
//   - doubled: one delivery is there twice. A client that was left without an answer and tries again makes a new delivery, which may
//     well be the second: those are counted (Totals.Repeated), not found fault with.
//   - kept: a delivery was refused for good and is there. One that was to be tried again later may be there (Totals.KeptDeferred).
//   - unsent: something is there that nobody sent, under a Message-ID of this run.
//   - altered: a message has not the bytes that were sent.
//   - inconsistent: no order of the operations on a message, each between its call and its return, explains what all clients
//     saw, and what is there in the end: linearizability, by porcupine. What has no answer may have happened at any later time,
//     or never.
//   - reused: one UID has named two messages.
//   - backward: a number that only grows was smaller than one that a client had been told before it asked; or a delivery that began
//     after another had ended got the smaller UID.
//   - miscounted: a counter differs from what is listed: STATUS, SELECT, Mailbox/get, quotas.
//   - disagreeing: IMAP and JMAP, or two nodes, list different things.
//   - diverged: a client that followed the changes has not what the server has.
//   - undecided: porcupine did not come to an end in time.
//
// # What a message is here
//
// A Key: an account and the token in its Message-ID. Each attempt to deliver has a token of its own. The message lies in places, the
// mailboxes that the load knows, in each under a UID, and has flags, which belong to the message and not to the place
// (RFC 8621 4.1.1). The load never copies a message into a mailbox that has or had it: then a token is one email.
// \Deleted belongs to the place: JMAP does not show the message there.
//
// # Limits
//
// An operation takes about 100 bytes, and a Recorder takes as many as it was made for; when it is full clients stop (Full). Findings beyond
// MaxFindings are counted only. Time is the monotonic clock of the one process in which the clients run.
package history
