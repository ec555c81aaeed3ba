// Package smtp is the wire syntax of SMTP and LMTP (RFC 5321, RFC 2033) and of their extensions: commands, paths and
// parameters in, replies and trace fields out, and the reader of DATA. It opens no connection and decides nothing; the
// doors and the outbound client stand on it.
//
// Errors about a command are mail.Reply values, ready to be sent: the syntax knows which code the standard has for each
// fault.
//
// # Where it is more liberal than the grammar
//
//   - A space may follow the colon of "MAIL FROM:" and "RCPT TO:"; many clients send it. Postel, not RFC 5321 3.3.
//   - Spaces at the end of a command are ignored (RFC 5321 4.1.1 asks for that).
//   - Local parts may hold dots anywhere, domains and EHLO names may hold underscores (see mail.ParseAddress).
//
// Angle brackets around paths are not optional, and source routes are read and dropped (RFC 5321 3.3, appendix C).
//
// # Line ends
//
// A line ends with CR LF and with nothing else (RFC 5321 2.3.8). DotReader ends a message only at CR LF "." CR LF; a CR
// or LF that stands alone is content, is never taken for a line end, and is reported by Bare, so that a server can
// refuse the message.
package smtp
