// Package imap is the wire syntax of IMAP for servers: IMAP4rev2 (RFC 9051), IMAP4rev1 (RFC 3501) and their extensions.
//
// It is pure: bytes in, typed commands out (Reader); typed data in, bytes out (Encoder). It knows no session, mailbox
// or store. What a command means is decided by the caller.
//
// # Reading
//
// Reader.ReadCommand returns one Request whose Command is a struct of this package (Select, Fetch, Search ...), or
// an *Error that already is the reply to send, or the error of the connection. After an *Error that is not Fatal the
// whole command has been consumed, including non-synchronizing literals it announced, and the next command can be read.
// The message literals of APPEND are never held in memory: see Append.
//
// Lines end with CR LF. A bare CR, a bare LF or a NUL in a line is refused with BAD, never guessed at.
//
// # Limits
//
// Everything a client sends is bounded (Limits). The replies:
//
//	line, string literal or whole command too long   tagged BAD [TOOBIG]
//	nesting, set or list too long                     tagged BAD [LIMIT]
//	more refused octets than Limits.Discard           * BYE [TOOBIG], and the connection is closed
//	message literal too long                          the caller's choice: NO [TOOBIG] after Append.Discard
//
// # Text
//
// Strings in commands are the client's octets; quoted strings with octets above 127 are checked to be UTF-8. Mailbox
// names are given to the caller as UTF-8 in Normalization Form C, whatever form the client used, with INBOX in capitals.
// Search strings are converted to UTF-8.
//
// # Writing
//
// Encoder appends to one buffer and hands it on when full. What a client may be sent depends on what it has enabled:
// see Dialect. A string goes out quoted where it can, as a literal where it must. Raw octets above 127 in the header of
// a message, which RFC 5322 forbids and mail is full of, are sent to a client that has not enabled UTF-8 as a literal
// with the octets unchanged: both grammars allow that, so no client loses its place in the stream, and nothing is hidden.
//
// # Extending
//
// What a standard adds is a file of its own: the structs of its commands, search keys and options, their parse functions,
// and a function that returns them as an extension; and one line in extensions. What it sends goes into a file of methods
// of Encoder or FetchResponse.
package imap
