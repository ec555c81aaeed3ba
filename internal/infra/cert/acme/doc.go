// Package acme gets the server's certificates from a certificate authority (ACME, RFC 8555) and renews them.
//
// # What it promises
//
//   - A certificate that the storage has is used at once, whichever node ordered it. For each name one node at a time orders,
//     under a lock of the storage; the others take what it got.
//   - It is renewed when a third of its time is left, or when the authority says so (RFC 9773). A node looks every ten minutes,
//     in the storage first. Certificate gives the new one from then on; what goes on under the old one is not touched.
//   - The private key stays the same from one certificate to the next, and can be had before the first (Key): what the
//     DNS says about it for DANE (TLSA, RFC 7671) stays true.
//   - An order that fails is repeated, after a minute at first, after an hour at last, at the authority's place for tests
//     where it is known to have one; nobody else's work waits for that.
//   - Whether a name is ours is shown by HTTP (http-01): on every node, whichever one ordered. Or by DNS (dns-01), where
//     Options.Records is set, for servers that the authority cannot reach on port 80.
//
// # Who decides what
//
// Options.Names says which names there should be certificates for, and is asked again and again. An authority gives only so
// many failed tries an hour: it is the caller's part to leave out names whose DNS does not lead here.
//
// It is the only package that imports github.com/caddyserver/certmagic and what belongs to it. Of that library's lines for the log
// most are for debugging.
package acme
