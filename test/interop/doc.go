// Package interop is a small internet on one machine: mail between three Mailmesh domains, Debian's Postfix with a domain of
// its own, and hosts that misbehave. It runs with the build tag "system" (make test does).
//
//	192.0.2.53   the authority of all names, root included: infra/dns/dnstest, with DNSSEC
//	192.0.2.54   unbound, the validating resolver of all machines, which trusts that root
//	192.0.2.11   mx.alpha.example, mx.beta.example .12, mx.gamma.example .13: Mailmesh, the built program
//	192.0.2.20   mx.postfix.example: Debian's Postfix
//	192.0.2.80   web servers with MTA-STS policies
//	192.0.2.100  and up: hosts that a test makes, see host_test.go
//
// Each server is a machine: a network namespace with one address (and 2001:db8::11 and so on), on a bridge, and the ports that the world knows. What the
// test runs itself sits on the bridge, in a network and mount namespace that the test program makes for itself before
// anything else, so nothing of the real machine is touched or reached, and several runs do not meet. All of it needs root.
//
// A case is a function in the table of TestInternet; go test -tags system -run TestInternet/plain ./test/interop runs one.
package interop
