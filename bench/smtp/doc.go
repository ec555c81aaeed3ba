// Package smtp is a lean SMTP and LMTP client for load (RFC 5321, RFC 2033).
//
// It sends one mail at a time over a connection: MAIL, RCPT and DATA in one
// write when the server offers PIPELINING (RFC 2920), then the content and the
// final dot in one write; or, when asked for and offered, everything with BDAT in
// one write (RFC 3030). A Mail allocates nothing but the text of refusals.
//
// Promises: every recipient of a Mail gets exactly one Reply, of the command
// that decided its fate; an error means that the connection is of no more use and
// that the fate of recipients without a reply is unknown. A Conn belongs to one
// goroutine, except Close, which may come from another to end a blocked Send.
package smtp
