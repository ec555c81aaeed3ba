// Package search decides which messages a query finds.
//
// A query is a tree of Key, which every door builds from what its protocol says. Plan makes it ready for one mailbox: number
// sets are resolved, and what costs little is asked first, so that a message's row is read only when its flags, dates and
// numbers have not decided, and its content only when the row has not either. All keys that look into content share one
// reading of it.
//
// Strings are compared as RFC 5051 says (rfc/casemap), as substrings, in the decoded text (RFC 9051 6.4.4).
//
// # Limits
//
// A search of content reads it as a stream; nothing grows with the size of a message. The size of a query is bounded by
// the door.
package search
