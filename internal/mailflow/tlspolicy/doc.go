// Package tlspolicy says what TLS a host of another domain needs before it gets a message, and counts what came of it.
//
// # Which policy counts
//
//  1. DANE (RFC 7672), where DNSSEC has proved which hosts a domain has and what their addresses are: with TLSA records the
//     certificate must match one of them; with none that is usable the session must be encrypted. Where the answer about
//     the records is bogus or cannot be had, the host gets nothing for now (2.1.1): taking that for "none" is what an attacker wants.
//  2. MTA-STS (RFC 8461), where a domain has a policy: with mode enforce, hosts that it does not name get nothing, and the
//     certificate of others must be valid for their name. With mode testing the same is checked and only counted.
//     A policy counts for as long as it says, whatever becomes of its record and its text meanwhile.
//  3. Else TLS is used where it can be had (RFC 7435).
//
// A host that has TLSA records is held to them alone (RFC 8461 2). A message sent with REQUIRETLS (RFC 8689) needs a verified
// certificate in any case, and a name of the host that DNSSEC or MTA-STS vouches for; without, it is refused for good.
//
// # Where it is kept
//
// Policies are rows (store/policies): what one node has seen counts on all. Each node holds what it has just looked up for freshFor, in
// at most maxHeld entries. A text that could not be had is asked for again after retryAfter at the earliest (RFC 8461 3.3), and
// policies that end within renewBefore are asked for again by Renew, also when no mail is sent there.
//
// # Counting
//
// Record and TLS add to counts in memory, at most maxCounts of them, which Flush adds to those of all nodes (store/reports).
// What a crash takes with it is at most what came since the last Flush: a report is short of a few sessions then.
package tlspolicy
