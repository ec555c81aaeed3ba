// Package soak is both sides of a kill test: it delivers mail while a server may
// be killed at any moment, and checks afterwards that the server kept its word.
//
// Run writes a journal, one JSON line an event: "sent" before a mail is begun, and
// "acked" or "refused" for what the server answered, written before the next mail
// is begun. Lines go to the kernel with one write each, so they outlive this
// program, not the machine. A mail that was sent and neither acked nor refused is
// in doubt: its connection was lost before the answer.
//
// Check reads the journals and the mailboxes and demands, for every recipient:
// what was acked is there exactly once with exactly the bytes sent, behind trace
// header fields only; what was not acked is there at most once; nothing is there
// that was not sent. UIDs strictly grow, also compared with the last check, whose
// findings are kept in a state file. STATUS tells what the listing shows. The
// server must be at rest meanwhile.
package soak
