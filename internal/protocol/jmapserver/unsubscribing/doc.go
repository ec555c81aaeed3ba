// Package unsubscribing leaves mailing lists for their readers, with one click (RFC 8058): the server posts, so that the list's
// owner learns neither where the reader is nor what he uses, and no page has to be opened.
//
// The capability is https://mailmesh.org/jmap/unsubscribe; docs/jmap-mail.md is its document.
//
//   - Unsubscribe/get says of emails how one leaves the lists that they came by.
//   - Unsubscribe/send does it for one email.
//
// # What it promises
//
//   - Nothing is posted unless the user says so (RFC 8058 3.2), and only to the URI of a message in which a valid DKIM signature covers
//     both fields, each of which comes once (RFC 8058 4): who has forged or added them gets nothing posted.
//   - What is posted says nothing of the reader but what the URI says, and it goes through infra/fetch: not to this machine or its
//     networks. No redirect is followed.
//
// # Limits
//
// Unsubscribe/get takes MaxGet ids. An account posts at most MaxSends times an hour, counted by each node for itself: more is rateLimit. A list's server
// has sendTime to answer, signatures lookTime to be checked.
package unsubscribing
