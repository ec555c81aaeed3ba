// Package members says which nodes live, and to a node whether it may still act as one.
//
// # What it promises
//
// Every process that joins has a row with a name of its own and an epoch, and a time by the database's clock at which the row
// expires; it renews that every RenewEvery. A row that has expired is removed by whoever looks next. From then on that
// life, the name in that epoch, is over for good: no life of the same name and epoch comes again. So who has leased work
// to a life that is not among Living may give it to another.
//
//   - A life that has ended is found by the others within LeaseFor and LookEvery: 9 seconds.
//   - A node hears that its life is over (Life.Over) when it next renews, stops its work, and goes on in a new life.
//   - Before that it knows by itself (Life.Holds): it counts its lease on its own clock from before it has sent the last renewal
//     that was answered, so that it stops a moment before any other can find it expired. Who does what cannot be fenced, the
//     final dot of an SMTP transaction, asks right before.
//
// The clock of Holds is the monotonic one, and the other beside it: the monotonic clock of Linux stands while a machine is
// suspended. Whichever says that more time has passed is believed.
//
// # Alone
//
// Where no other process can use the database (SQLite, whose folder is locked) a life does not expire and nothing is
// renewed: joining ends all lives before.
//
// # Clocks and outages
//
// Who looks ends nobody for the time of a lease after it saw the database's clock jump, as it may when another server becomes the
// primary, or found that the database had not answered for a while: before, lives may have had no chance to be renewed. A
// node that has just begun waits RenewEvery. Only what is then still expired is over, or would expire later than
// any life that was renewed by the clock of now. A clock that jumps back by less than a lease makes ends be found so much later, once.
package members
