// Package client is the client's end of SMTP (RFC 5321): it greets, secures, signs in, and sends messages over a
// connection that it is given. It opens no connection and asks no DNS; whom to send what is mailflow/outbound's to decide.
//
// # What it promises
//
//   - Send answers for each recipient with the reply that decided: of MAIL, RCPT, DATA or of the end of the content. A recipient
//     without an answer has not been decided, and Ended says whether the server may have taken the message all the same.
//   - Content is sent as lines: a CR or LF that stands alone in it becomes CRLF, and dots are stuffed, so that nothing in a
//     message can look like its end or like a command (RFC 5321 2.3.8). BINARYMIME content goes in BDAT as it is.
//   - MayEnd is asked right before the octets that end the content, and nothing is sent after a no.
//   - A message that the server cannot carry unchanged is not sent: no conversion is made here, which would break signatures. Its
//     answer says what was missing, see Conn.Send.
//   - After an error the connection is of no more use, unless the error is a *RefusedError. Close it.
//
// # Extensions
//
// PIPELINING (RFC 2920), SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531), CHUNKING and BINARYMIME (3030), STARTTLS (3207), AUTH (4954),
// ENHANCEDSTATUSCODES (2034), DSN (3461, 6533), REQUIRETLS (8689), DELIVERBY (2852), MT-PRIORITY (6710), LIMITS (9422).
//
// With PIPELINING the envelope is one write. With CHUNKING, too, a message of up to 64 KiB is one write as a whole: one round
// trip (RFC 3030 4.2). A server that offers CHUNKING and then does not know BDAT would take content for commands: whoever answers
// BDAT with 500 or 502 is left at once, see ErrNoChunking.
//
// # Limits
//
//	a line of a reply       4,096 bytes     ErrReply
//	lines of a reply        128             ErrReply
//	a whole reply           32 KiB          ErrReply
//	its text as it is kept  1,000 bytes     cut off
//	waiting for a reply     Times           an error that matches os.ErrDeadlineExceeded, however slowly it trickles
//	a whole transaction     Times.Message   the same
package client
