// Package dns asks the domain name system for what mail needs, through the resolvers of this machine.
//
// # What it promises
//
//   - A Resolver is a stub (RFC 1034 5.3.1): the recursive resolvers that it asks do the work, and the validation. An
//     Answer is Authentic when such a resolver says so (the AD bit, RFC 4035 3.2.3), and is one whose word can be
//     taken: it is on a loopback address, or resolv.conf says "options trust-ad". The way to any other could be
//     tampered with, and then its AD bit means nothing.
//   - NotFound and Temporary are told apart always: that a record does not exist is only believed from a resolver that
//     says so. SERVFAIL, which is also what a validating resolver says of a bogus answer, silence, and nonsense are
//     Temporary. Once a trusted resolver could not answer, no untrusted one is asked in its place.
//   - Every question is asked by UDP from a port of its own and repeated by TCP when the answer was cut off
//     (RFC 7766); it carries EDNS(0) with the DO bit (RFC 6891, RFC 3225) and AD (RFC 6840 5.7). An answer that is
//     not to the question, by its id, name or type, is passed over.
//   - Callers who ask the same thing at the same time share one question, and answers are kept for the time that they
//     say (TTL), an hour at most, also that something does not exist (RFC 2308), five minutes at most, and that there
//     was no answer (RFC 9520), five seconds.
//
// # Limits
//
//	what                                 limit                            beyond it
//	an answer by UDP                     1,232 bytes                      it comes by TCP
//	an answer by TCP                     65,535 bytes, by its format      -
//	records in an answer                 MaxRecords                       Temporary
//	aliases (CNAME) one after another    MaxAliases, and no loop          Temporary
//	packets that do not fit              MaxStray for each question       as if there were no answer
//	one server                           Options.Timeout, 5 s             the next server
//	one question                         Options.Attempts, 2, each server Temporary
//	the cache                            8 MiB of answers                 those not used for longest go
//	servers                              3, as the C library has it       the others are not asked
//
// Names are given in A-labels (RFC 5890), with or without a final dot; every name is absolute. A name that cannot exist,
// such as one with a label of 64 bytes or with U-labels in it, is NotFound at once and nobody is asked.
//
// An Updater changes texts in a zone, for those who prove that a name is theirs (RFC 8555 8.4).
package dns
