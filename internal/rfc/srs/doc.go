// Package srs rewrites the reverse-path of forwarded mail by the Sender Rewriting Scheme, so that it is one of the forwarder's
// domain, which SPF (RFC 7208) lets the forwarder send for, and reports still find the way back.
//
//	Forward   ann@example.org         becomes  SRS0=hash=day=example.org=ann@ours.example
//	          SRS0=...@theirs.example becomes  SRS1=hash=theirs.example==...@ours.example
//	Short     a token                 becomes  SRS0=hash=day==TOKEN@ours.example
//	Reverse   is the way back
//
// SRS is a convention of mail servers, no standard (docs/decisions/0014-sender-rewriting.md says why it is used). The two forms
// are those that other servers know, so that a chain of forwarders stays two addresses long: the second forwarder and all after
// it write SRS1, which leads to the first.
//
// # What it promises
//
// Only addresses that were made here, under the same secret and at most Valid ago, are reversed: the hash covers the address
// without regard to case, which servers on the way may change, the domain it is an address of, and the day. So nobody can use the
// way back to send mail through us to somebody of his choosing.
//
// # Limits
//
// A local part has 64 bytes at most (RFC 5321 4.5.3.1.1), and what is too long rewritten is mail.TooLarge: the caller keeps the
// sender under a token, and uses Short.
package srs
