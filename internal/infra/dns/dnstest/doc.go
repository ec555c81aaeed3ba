// Package dnstest is a name server for tests: the authority for zones that are given as text (RFC 1035 5.1), signed
// (DNSSEC: ECDSA P-256, NSEC), delegated to each other, changed while they are served, also by dynamic update with a key
// (RFC 2136, RFC 8945), and with faults where a test wants them.
//
//	s := dnstest.Start(t, "127.0.0.1:0")
//	s.Zone("example.org", "@ MX 10 mx\nmx A 192.0.2.1\n", dnstest.Signed)
//	s.Fault("mx.example.org", dnstest.Silence)
//	r := s.Resolver()
//
// Each zone that lies below another of the server is delegated from there, with its DS record where both are signed. A zone
// has an SOA and NS record even when its text has none.
//
// A server with Recursive set answers as a validating resolver does: it follows aliases from zone to zone, sets AD on what
// lies in signed zones, and says SERVFAIL where a signature is spoilt. Without, it is the authority that a real one asks:
// test/interop has unbound do it.
package dnstest
