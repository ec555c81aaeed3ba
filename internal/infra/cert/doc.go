// Package cert gives the doors their certificate: from two PEM files, from a certificate authority (cert/acme), or a self-signed
// one that is made and kept.
//
// A certificate that was renewed is shown to the connections that come from then on, without a restart; those that are open
// stay. A renewal that cannot be used, such as a new certificate beside an old key, is logged and changes nothing. Whether
// there is a renewal is looked at when a client comes, every ten seconds at most: no client, no work.
//
// A self-signed certificate encrypts and proves nothing: clients must be told to trust it. It exists so that a server
// can be tried, and speak TLS at all, before it has a name, and until the authority has given it one.
package cert
