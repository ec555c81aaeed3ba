// Package queue decides when and how often mail in the spool is tried: it takes what is due, has it handed on, writes what
// became of it, tries again, and gives up in the end.
//
// # What it promises
//
//   - Every recipient in the spool comes to an end: relayed, delivered, failed or expired. What its sender is owed a report of
//     (RFC 3461) is reported in the commit that makes it so: the result, the events of the submission (store/submissions) and
//     the report, which is a message in the spool itself, stand together or not at all.
//   - Of all nodes one tries a recipient at a time, and one writes its end: see store/spool for the fence, and
//     infra/cluster/members for the lease that a transport asks for before its final dot. What a node had leased that ends is
//     taken over by the others within 10 seconds.
//   - To accounts here mail comes once, whatever happens: the transport for our own domains commits under keys made of the
//     message in the spool. To other hosts it goes at least once: a process that ends between their 250 and our commit cannot
//     know. That window is as long as one commit, and results that came too late to be written are counted (Observer.LeaseLost).
//   - A destination that takes nothing, or slowly, delays no other: each has its own jobs and its own limit, and those that have not
//     shown yet that they take mail leave a part of all places free.
//
// # When mail is tried
//
// Mail is due at once, or when its sender wants (FUTURERELEASE). After the n-th failed attempt it waits FirstRetry, doubled n-1
// times, at most LastRetry, a quarter more or less by chance. After WarnAfter the sender is told that it takes long, and after
// GiveUpAfter that it is over; BY (RFC 2852) brings either forward. Times are the database's.
//
// Mail for mailboxes here that meets a database that does not answer (Attempt.Here) waits FirstRetryHere at first: that is over in
// seconds, and no other server asks us to wait.
//
// A destination that fails as a whole (Attempt.Destination) is left alone for a while, from FirstPause doubled to LastPause. What
// comes due there meanwhile is put off without an attempt, many at a time, each until its sender must be told something.
//
// # How it finds work
//
// Nobody scans. A commit that adds mail or makes some due wakes the queue with the name of the destination; else the queue
// sleeps until the next date in the spool. It looks at what became due since it last looked (that is how it finds what
// other nodes were given), and every LookAtAll at the names of all destinations, for what a process that has ended was about to
// say. Memory is for destinations that have work, and MaxTaken messages.
//
// A destination begins with FirstLimit deliveries at a time, gets one more for each round of successes up to MaxPerDestination, and
// half as many after a failure. Within a destination the priority (RFC 6710) decides, then the date. All destinations take
// turns.
//
// # Order of durable steps
//
//  1. Take: a commit that leases recipients.
//  2. The transport hands the message on.
//  3. A report is put (store/bodies), where one is owed.
//  4. One commit for the results of many messages: recipients done or put off, events, reports.
//
// A crash before 2 costs the time of a take-over; between the end of 2 and 4 the message goes a second time.
//
// While the database does not answer, results wait and are tried again; nothing new is taken.
package queue
