// Package imap is a lean IMAP client for load (RFC 9051, RFC 3501).
//
// Commands are strings that the caller writes; answers are handed out one by one
// as bytes that are valid only during the call, so that a FETCH of a large
// mailbox costs little more than reading it. What the load needs is parsed:
// FETCH items, numbers, SEARCH and ESEARCH results, SELECT and STATUS answers.
//
// Limits: one answer with its literals is at most MaxResponse bytes; every
// command has the time of its Options to make progress. A Conn belongs to one
// goroutine, except that during IDLE one may read (Next) while another writes
// (EndIdle), and that Close may come from anywhere.
package imap
