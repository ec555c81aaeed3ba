// Package proxyprotocol reads the header that a proxy writes before what it passes on, to tell whose connection it is: the PROXY
// protocol of HAProxy (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt), version 2 and version 1.
//
// Read takes exactly the header from the stream and leaves all behind it. What the proxy adds to the addresses (TLVs) is
// passed over. Whether the other end is a proxy that may be believed is the caller's to know, before: a header cannot be
// told from what a client sends ("it is not possible to safely guess", section 5).
//
// # Limits
//
// A header of version 1 has at most 107 octets (section 2.1), one of version 2 at most MaxHeader; a longer one is an error.
package proxyprotocol
