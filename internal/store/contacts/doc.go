// Package contacts is the people of an account: whom it has written to, whom it has accepted, whom it blocks, and what it lets
// them see.
//
// # What it promises
//
//   - Who an account writes to becomes its contact in the commit that accepts the message (Wrote). A message to more than
//     MaxPeople is a mailing and makes nobody a contact; mail that a program sent by itself (RFC 3834) does not either. Who
//     only writes to an account is no contact of it.
//   - Two accounts are mutual (MutualOf) when each has written to the other and neither blocks the other. It is decided by
//     addresses: Ann must have written to an address of Bob's, and Bob, from that address, to the one Ann wrote from. So
//     nobody learns from it that two addresses belong to one person.
//   - An account knows an address (Contact.Known) that it has written to or accepted, and does not block.
//   - What lets others see less (a block, a contact forgotten, other settings) is told to OnRevoked after its commit.
//   - Each change of a contact is in the account's change log (tx.KindContact), and each of its settings (tx.KindRules).
//
// Addresses are compared without regard to case. The id of a contact is a hash of its address: a contact that was removed and
// comes again has the same id.
//
// # Cost
//
// Wrote asks once for all recipients. It writes a row and a line of the change log for each that is new, or was not written to
// in the last Day, and nothing for all others: what is counted is days. Heard, at delivery, asks once for all accounts.
//
// # Limits
//
// A message makes at most MaxPeople contacts, so what an account may send in a day bounds how many it has. By Add it may have
// MaxContacts; what Wrote brings is not refused. A name has at most MaxName bytes, a contact knows at most maxOwn of the account's
// addresses, those used last. Whoever is looked for is among the MaxSearched contacts that were
// written to last.
package contacts
