// Package search decides which messages a query finds.
//
// A query is a tree of imap.SearchKey. Plan makes it ready for one mailbox: number sets are resolved, and what costs little
// is asked first, so that a message's row is read only when its flags, dates and numbers have not decided, and its content
// only when the row has not either. It keeps RFC 9051 6.4.4: strings are compared without regard to case, as substrings,
// in the decoded text.
//
// # Limits
//
// A search of content reads it as a stream; nothing grows with the size of a message. The size of a query is bounded by
// rfc/imap.
package search
