// Package header reads the header of an Internet message: fields, addresses, dates, message ids, encoded words and
// MIME parameters (RFC 5322, 2045, 2047, 2231, 6532), as found in the world rather than as the standards wish.
//
// Promises:
//   - Nothing fails on content. What cannot be understood is left out, or kept as text where a user could read it.
//   - Every function does work linear in its input and returns an amount bounded by its input or by a given maximum.
//   - Text taken from a header (Unfold) has no NUL, CR or LF, so that it can be put on the wire of any protocol. It may
//     hold raw 8-bit bytes of an unknown charset. DecodeWords, Params.Get, BaseSubject and ParseMessageIDs return valid
//     UTF-8 without NUL, CR or LF.
package header
