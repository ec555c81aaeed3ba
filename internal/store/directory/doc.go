// Package directory knows which domains are ours, who has an account, and where an address leads.
//
// # Addresses
//
// A domain is kept in A-labels and lower case; callers may give U-labels. Local parts are compared without regard to case
// and in Unicode's NFC: whoever made ann@ gets mail for Ann@ (RFC 5321 2.4 leaves that to us). An account has one address of
// its own, the primary address, and any number of aliases.
//
// An alias has up to MaxTargets targets: accounts, or further aliases, which are followed when mail comes. Adding one that
// would lead back to itself is refused; should two meet all the same, Resolve follows each address once, and at most
// MaxSteps of them. A target that was removed later counts for nothing.
//
// Addresses on other servers can be targets, and come back from Resolve as values (Elsewhere) for the caller to send on; adding
// one is refused unless Options.Forwarding is set.
//
// # Groups
//
// A group has members, named by address: accounts, aliases, other groups, addresses elsewhere; and a Policy of who may send to it
// (MayPost). Resolve returns it as a value with all its members (Groups), for the caller to send on. group+owner@ leads to its owners, or
// to the domain's postmaster. A group that would be in itself is refused; should two meet all the same, each is gone into once.
// MaxMembers, with those of groups in it.
//
// # What Resolve answers, in this order
//
//  1. The address as it is written, "+" included.
//  2. Without the "+" and what follows (subaddress, RFC 5233), which is returned as Detail in the case it was written.
//  3. postmaster@ and abuse@ of a domain of ours always reach somebody who can read: the targets of that address; for abuse@
//     those of the domain's postmaster@; those of the server's postmaster@, which is that of the first account's domain; the
//     domain's first account; the server's first account. First is the oldest that is not switched off. The same goes for
//     "<Postmaster>" without a domain, for postmaster@ and abuse@ of the server's own name, and for a domain that is switched
//     off, where only the server's are asked: complaints about a customer do not go to the customer alone. The catch-all does
//     not get this mail.
//  4. The domain's catch-all address.
//
// It is mail.NotFound for an unknown user, mail.Denied for a domain that is not ours (taking its mail would be open
// relaying), mail.Disabled for a domain or account that is switched off, and mail.Limit when an address leads to more than
// MaxAccounts accounts.
//
// All but chained aliases and step 3 is one indexed query. There is no cache: a change counts from its commit on, everywhere.
//
// # Order of locks
//
// A write that adds or removes addresses first takes the row of their domain, so that two cannot give one address away
// twice. A caller that also locks accounts has done so before.
package directory
