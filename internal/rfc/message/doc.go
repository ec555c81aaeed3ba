// Package message reads an Internet message (RFC 5322 with MIME, RFC 2045-2049, 2231, 6532) as a mail server needs it:
// it describes stored content by byte offsets and never changes it.
//
//	Parser, Parse         one pass over the content: the tree of Parts and the Envelope
//	Summarizer, Summarize the same pass, giving the Summary that lists and searches need; it has a binary form
//	FieldSelection        HEADER.FIELDS answered from a Summary, for the fields that lists show
//	Section               BODY[section] and BINARY[section] resolved to ranges of the content
//	Text                  the readable text of a part as a stream of UTF-8
//
// The subpackages header, charset, transfer and plaintext hold what these are made of.
//
// # Promises
//
//   - Content never makes parsing fail; only the reader's own error is returned. Broken MIME gives a tree that can be
//     shown as a valid RFC 9051 BODYSTRUCTURE all the same (see below).
//   - Work is linear in the size of the content. A line that may be a boundary is compared with each multipart it
//     stands in, at most Limits.Depth. Memory is bounded by Limits; bodies are measured, not kept.
//   - The result does not depend on how the content is cut into writes.
//   - Every range lies inside the content, every part inside the body of its parent, in order and without overlap.
//   - Strings taken from headers have no NUL, CR or LF but may hold raw 8-bit bytes.
//
// # Lines
//
// A line ends with CRLF or a bare LF. A bare CR is an ordinary byte. A header ends at the first empty line, at a boundary
// of a multipart around it, or at the end of the content. Lines of a header that are no field are passed over.
//
// # Broken MIME
//
//   - Content-Type missing or unreadable: text/plain with charset us-ascii, in multipart/digest message/rfc822
//     (RFC 2045 5.2, RFC 2046 5.1.5). Of repeated Content-* fields the first counts.
//   - A multipart without a boundary parameter, without any delimiter line, or below the depth limit gets one child,
//     text/plain without a header, that is its whole body: RFC 9051 requires a child, and the user should see the text.
//   - A message/rfc822 or message/global below a limit is shown as application/octet-stream.
//   - A delimiter line need only begin with the boundary (RFC 2046 5.1.1); the longest one that fits counts, of equal
//     ones the innermost that is open. A missing close delimiter is supplied by the end of the enclosing entity.
//   - MIME-Version is not asked for.
//
// # Repeated envelope fields
//
// Several To, Cc or Bcc fields are read as one (RFC 5322 4.5.3). Of all others the last counts, as in JMAP
// (RFC 8621 4.1.3) and as DKIM signs from the bottom (RFC 6376 5.4.2).
package message
