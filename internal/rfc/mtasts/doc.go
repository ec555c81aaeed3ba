// Package mtasts reads what a domain says about how its mail hosts are to be reached: MTA-STS, RFC 8461. Its owner publishes a
// TXT record (ParseRecord) whose id changes with the policy, and the policy itself as a text over HTTPS (Fetch, Parse).
//
// The package keeps nothing and looks nothing up: the text of the record and the HTTP client are handed in. Whoever calls
// remembers policies for their MaxAge and decides what to do; Matches says which hosts a policy allows.
//
// # Limits
//
// A policy has at most MaxPolicy bytes and MaxHosts hosts, and is to arrive within a minute (RFC 8461 3.3); redirects are not
// followed (3.3), nor anything but text/plain with status 200 taken. More, or anything that is not a policy, is an error.
// MaxAge is cut to a year (3.2).
package mtasts
