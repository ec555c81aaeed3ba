// Package dkim signs mail (RFC 6376), with RSA and with Ed25519 (RFC 8463), writes the records under which the keys are
// published, and verifies the signatures of others.
//
// # What is signed
//
// The body, and the fields that RFC 6376 5.4.1 recommends, as many as there are of each. Those that a reader sees or that
// decide how the body reads are named once more than they occur, so that nobody can add one and have the signature hold
// (RFC 6376 8.15). Both canonicalizations are relaxed. There is no length limit (l=, RFC 6376 8.2) and no expiry: mail may
// be held for weeks.
//
// # What is verified
//
// Each of the first MaxSignatures signatures, whatever became of those before it. One that covers a part of the body (l=), or whose
// key is in test (t=y), does not pass. That one passes says that its domain has signed the fields that it names and the body:
// Covers tells whether a field is among them, and alone. Whether the domain has to do with the author is the caller's question.
//
// # Limits
//
// Verify reads headers of up to MaxHeader, and the body as it comes.
//
// A Signer takes a message as it comes and keeps only its header. Keys of RSA have 2,048 bits: RFC 8301 3.2 asks verifiers for
// up to 4,096, and a record of more than 2,048 needs more room than many providers of DNS have.
package dkim
