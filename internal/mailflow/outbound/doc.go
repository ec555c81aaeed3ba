// Package outbound hands mail to other hosts over SMTP: it is the mailflow.Transport for every domain that is not ours.
//
// # What it promises
//
//   - One Attempt for each recipient, with the reply of the host that decided, or the reason why there was none. Relayed means that a
//     host has answered the end of the content with 250; from then on the mail is its duty.
//   - Hosts are tried in the order of RFC 5321 5.1: by preference, those of equal preference in a random order, each with all of its
//     addresses (RFC 8305). 4yz, a lost connection and what a host cannot carry (rfc/smtp/client) lead to the next one; 5yz to a
//     recipient is the end. Where no host has helped, the attempt is deferred if any of them could later.
//   - Mail never comes back to us: of the hosts that DNS names, only those are used that are better than the first that is us, by name
//     or by address (RFC 5321 5.1), and a host that greets with our name is left. Where none is left, 5.4.6.
//   - A message goes without the TLS that the Policy demands to nobody: in clear, or to a certificate that proves nothing, it goes only
//     where the Policy says so, or the message itself with "TLS-Required: No" (RFC 8689 3).
//   - Job.MayEnd is asked right before the end of the content. When the connection is lost after that, no other host is asked, and the
//     attempt is deferred without blame of the destination: the message may have been taken, and comes a second time then. That
//     window cannot be closed (RFC 5321 6.1, RFC 1047); nothing else makes a second copy.
//
// # Connections
//
// A connection is kept for a short time for the next message to the same host under the same requirement. What a host closes meanwhile
// costs a message nothing: it goes over a new one.
//
// # Limits and results
//
//	what                                        limit              result
//	hosts of a domain; addresses of a host      20; 16             the others are not asked
//	hosts and addresses that let one message
//	down once they were connected to            6                  deferred
//	connecting, all addresses of a host         30 s               the next host; deferred 4.4.1
//	a TLS handshake                             1 min              in clear where the policy lets it; else deferred 4.7.5
//	a greeting, a reply, a block of content     RFC 5321 4.5.3.2   the next host; deferred 4.4.2
//	a reply: its lines and bytes                128, 32 KiB        the next host; deferred 4.5.0
//	a transaction                               30 min and a
//	                                            second each 16 KiB the next host; deferred 4.4.2
//	connections kept: in all, to one host       500, 50            closed
//	for how long, how old, how many messages    10 s, 5 min, 1000  closed
//	messages to a smarthost at a time           20                 the others wait
//	a header that is searched for TLS-Required  1 MiB              not found
//
// Of the domain: 5.1.2 it does not exist, 5.1.10 null MX (RFC 7505), 5.4.4 no host has an address, 5.4.6 a loop, 4.4.3 DNS does not
// answer. REQUIRETLS (RFC 8689): 5.7.10 there is no TLS to trust, 5.7.30 the host does not know it.
//
// With a Smarthost, DNS and the Policy are not asked. What it refuses of us and not of a message (a greeting, a password) is deferred with
// 4.7.8 until the operator has mended it.
package outbound
