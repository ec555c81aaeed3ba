// Package queries is the methods of JMAP that look for mail (RFC 8621 4.4, 4.5 and 5): Email/query, Email/queryChanges and
// SearchSnippet/get.
//
// # How a query is answered
//
// store/catalog has a snapshot of all emails of the account. A filter is a set of its slots (matches), a sort an order of them
// (ordering). Both are made once, kept, and brought up to a newer snapshot by asking only the emails that have changed. A page is
// a walk along the order through the set.
//
// A filter is store/search's tree, as IMAP's SEARCH is, and is asked by internal/finding: the same question has the same answer at
// both doors. So texts are looked for as substrings, compared as RFC 5051 says, word by word (and quoted phrases as they are): all
// words of a text must be found. What is looked for in a header field is one string.
//
// Emails that compare the same are in the order of their ids, in the direction of the first comparator. Without a comparator the
// newest comes first. Texts are compared by i;unicode-casemap, or by i;ascii-casemap where a comparator says so.
//
// # Changes
//
// A query's state is that of the snapshot: it changes when anything does that a query may depend on. Email/queryChanges takes from
// the change log which emails may have come, gone or moved since, and says where those that are found stand now: the client ends
// with exactly what Email/query would say. An email that was changed and stands where it stood is told too, where the filter or the sort
// asks for what can change; with collapsed threads, so are all emails that are found of its thread. Of filters and sorts that
// ask for nothing that can change, only what came and went is told, and nothing behind upToId.
//
// Who sees only some mailboxes of an account is answered as if the others were not there; when the rights to a mailbox have changed
// since, the answer is cannotCalculateChanges.
//
// # Limits
//
//   - MaxIDs ids a page; the response says so ("limit").
//   - MaxFilter conditions, operators and words a filter, MaxTexts of them look into texts (unsupportedFilter), MaxSort comparators
//     (unsupportedSort).
//   - A search looks through searchBytes of content at most (unsupportedFilter), in turns with the account's other searches, and ends
//     when the request is given up.
//   - Matches and orders that are kept take at most Options.Bytes, the least recently used ones go; what is larger alone is made for
//     the call and not kept. Snapshots are bounded by store/catalog.
//   - A sort by texts reads the rows of all emails once; it holds at most sortBytes of texts (unsupportedSort).
//   - MaxObjectsInGet snippets a call (requestTooLarge), made from the first snippetBytes of text of an email.
package queries
