// Package fetch gets things from web servers of others, whose addresses strangers choose: pictures in mail, the places that push
// messages go to, links to unsubscribe. It cannot be turned inward: whatever a URL, a name or a redirect says, no
// connection is made to this machine or to the networks behind it.
//
// # What it promises
//
//   - A host is asked for by its name through Options.Addresses and each address is judged (Public) before it is connected to; the
//     connection goes to the very address that was judged, so a name that means something else a moment later (DNS rebinding)
//     gains nothing. Of several addresses those that are not public are passed over; where none is left nothing is sent.
//   - Public is what the registries of special-purpose addresses (RFC 6890) leave: not loopback, private, link-local, shared (CGNAT),
//     multicast, documentation or reserved ones, whichever way they are written: IPv4 within IPv6 (mapped, compatible, NAT64) is judged
//     as the IPv4 address that it is, 6to4 and Teredo are refused.
//   - This machine's own public addresses are connected to at the ports 80 and 443 alone: what listens there is for everybody.
//   - A URL is https, or http where a Request says so. It names a host with a dot in it or an address in its usual form: never one
//     number for four, octal, hexadecimal. Ports are 443, 80 and those from 1024 on: a request cannot be made to look like
//     mail, say, to a server that waits for such.
//   - Each redirect is judged as the first URL was. It never leads from https to http, and what came with the first request
//     (Authorization, Referer) is not shown to another host. No cookies are kept.
//   - No proxy is used, whatever the environment says.
//
// # Limits
//
//	what                          limit                          beyond it
//	a URL                         MaxURL                         mail.Invalid
//	all of a request              Request.Time                   mail.Unavailable
//	the answer's header           64 KiB                         mail.Unavailable
//	the answer's body             Request.MaxBytes               mail.TooLarge, the answer without it
//	redirects                     Request.Redirects, none        the redirect is the answer, or mail.Limit
//	requests at a time            Options.Parallel, 64           they wait, as long as they may take
//	connections to a host         16                             they wait
//	addresses of a host           6 are tried, 10 s each         mail.Unavailable
//
// Errors are mail.Invalid (the URL cannot be asked for), mail.Denied (it leads inward), mail.TooLarge, mail.Limit, mail.Unavailable
// (the host does not answer as it should; later it may). An answer with another status than 200 is no error.
//
// A network that translates addresses by a prefix of its own (NAT64, RFC 6052 2.2) is not known to this package: who has one and
// lets it reach inside keeps it from doing so at the translator.
package fetch
