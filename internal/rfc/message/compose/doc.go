// Package compose writes Internet messages (RFC 5322 with MIME, RFC 2045-2049 and 2231): header fields from text, addresses, ids and
// dates, and a tree of parts whose contents may be large files.
//
// # What it promises
//
//   - What is written is read back as it was given, by package message and by other readers. Text of body parts gets CR LF as line end.
//   - Header fields are US-ASCII where that can be: text is encoded as RFC 2047 has it, parameters as RFC 2231, domains become
//     A-labels. Raw values and local parts stay UTF-8 (RFC 6532). Lines have at most 78 characters where the content lets them be
//     folded, and never more than 998.
//   - Nothing that is given can begin another field: values with line ends that are no folds, or with control characters,
//     are refused.
//   - A message is written as it is read, in constant memory: contents are opened when their turn comes, once to find their
//     encoding and once to be written.
//
// # Transfer encodings
//
// Text that is US-ASCII in lines of at most 998 is 7bit; other text is quoted-printable or base64, whichever is shorter. An embedded
// message is 7bit or 8bit, since it may have no other encoding (RFC 2046 5.2.1); one that holds longer lines, NUL or line ends
// that are not CR LF goes as application/octet-stream. All else is base64. 8bit is written for embedded messages only, and for
// what they are in.
package compose
