// Package search decides which messages a query finds, and keeps the text index that makes it quick.
//
// # Queries
//
// A query is a tree of Key, which every door builds from what its protocol says. Plan makes it ready for one mailbox: number
// sets are resolved, and what costs little is asked first, so that a message's row is read only when its flags, dates and
// numbers have not decided, and its content only when the row has not either. All keys that look into content share one
// reading of it. Strings are compared as RFC 5051 says (rfc/casemap), as substrings, in the decoded text (RFC 9051 6.4.4).
//
// Words (SEARCH=FUZZY, what people type) are looked for as beginnings of words, accents do not count, and a Ranking scores what
// was found. They look at as much of a text as the index keeps.
//
// # The index
//
// It keeps, account by account, the text that a reading of the content would look at, in segments of some messages. What it
// answers is what a reading would answer, for two reasons:
//
//   - The text kept is the whole text. Where it is not (more than maxText, or OpenPGP's armor), the segment says so, and the
//     message is read unless its headers decide.
//   - A segment lists its emails. An email that no segment lists, or whose segment does not open, is read. So it does not
//     matter how far the index has come.
//
// An index is made by a walk over all emails that there are, then follows the change log. Each step (Step) reads what is to be
// done, makes the texts and seals them outside of any transaction, and commits segments and position together, if nobody else
// moved the position meanwhile. So a crash loses at most a step, and two workers do it once. Nothing locks the account, and no
// delivery waits. Rebuild begins another generation: older segments no longer count and go.
//
// Segments are never changed. Small ones are merged, eight at a time. When a quarter of the emails of one are gone it is
// written anew without them; Clean does that for every email that is gone.
//
// # What is sealed
//
// Texts and filters are sealed under keys derived from the account's, as bodies are; destroying the account's key destroys them.
// In clear are the ids of emails and the size of a segment.
//
// # Limits
//
// A reading of content is a stream; nothing grows with the size of a message. A step takes at most stepBytes of mail, a
// segment holds about segmentBytes of text and is opened as a whole, a Lookup has at most atATime texts in memory. The size of
// a query is bounded by the door.
package search
