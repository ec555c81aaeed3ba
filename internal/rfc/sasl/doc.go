// Package sasl has both ends of the SASL mechanisms (RFC 4422) that mail programs use: PLAIN (RFC 4616), LOGIN,
// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, RFC 9266, RFC 5929). A Mechanism is the server's end, a Client the
// client's.
//
// A Mechanism turns the client's responses into challenges and, at the right moment, asks a function it was made with.
// It keeps no accounts and takes no decision: the door (IMAP, SMTP, POP3) carries the octets in its own framing, base64
// and "*" for cancel included, and the function decides who may enter. Nothing here does I/O.
//
// # Contract of a Mechanism
//
//   - The door calls Next with the decoded response, first with the initial response, or with nil when the client sent
//     none. An empty initial response ("=" on the wire) is an empty slice that is not nil.
//   - While done is false and err nil, the challenge, which may be empty, goes to the client and its answer to Next.
//   - done means that the client has proved who it is. There is no data with success: where a mechanism has some (the
//     server's signature of SCRAM) it is a challenge of its own that the client answers with an empty response, which
//     is what protocols without a place for it want (RFC 4422 3.6, RFC 9051 6.2.2).
//   - An error ends the exchange. It is mail.Invalid when the client broke the mechanism's syntax; else it is the error
//     of the function, as it came.
//   - After the end, Next only returns an error.
//
// # Contract of a Client
//
// The caller sends what Next returns: for nil the initial response, nil where there is none; then what a challenge is answered
// with. An error ends the exchange. When the server reports success, Done says whether it is to be believed: with SCRAM, both
// sides prove that they know the password.
//
// # Limits
//
// A response has at most MaxResponse bytes, a SCRAM nonce at most 512. A SCRAM exchange takes at most MaxKeys keys,
// and a client does 1,048,576 iterations at most.
package sasl
