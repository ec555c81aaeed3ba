// Package reporting tells other domains what we have seen of them: so far how TLS to their hosts went (RFC 8460), once a day, where
// they ask for it. What there is to tell is counted by whoever sends mail (mailflow/tlspolicy).
//
// # What it promises
//
//   - A report of a day is made once, by one node: the commit that adds it to the spool, or to what is owed to web addresses, removes
//     what it was made from.
//   - It comes within a day, some hours after midnight UTC, at another time for each domain (RFC 8460 4.1), and is signed.
//   - Reports by mail travel as all mail does and are tried for as long. Those to a web address are tried for a day, again
//     after longer and longer pauses (RFC 8460 5.4); one cut off by a crash is tried again and may come twice.
//   - A domain that asks for none, or in a way that cannot be understood, gets none, and nothing is kept of it.
//
// # Limits
//
// A report goes to at most tlsrpt.MaxAddresses addresses. An answer to a report is read up to 4 KiB, and may take a minute.
package reporting
