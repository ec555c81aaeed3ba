// Package webpush tells clients that are not connected of changes, through the push services that their subscriptions name
// (RFC 8620 7.2, RFC 8030).
//
// # What it promises
//
//   - A subscription that is verified is told of the states of the types it wants that have changed since it was told last, soon
//     after the commit (Ring), once for all changes until then. It is told by one node at a time.
//   - What a node could not tell, or had begun when it stopped, is told later by any node: after a pause that doubles with each
//     failure, up to MaxPause, or that the push service asks for.
//   - A subscription goes when the push service says that its place is gone (404, 410), when it has expired, after
//     push.MaxFailures failures in a row, and when what its client was signed in with is taken away.
//   - A message is encrypted for its client where the subscription has keys (RFC 8291), and signed as this server's (RFC 8292). Its
//     place is asked through infra/fetch, which is never turned inward.
//
// Notifications (Notify) are sent to the subscriptions that name their type and have keys, since they hold what is in mail; tried
// some times within minutes, and not kept.
//
// # Limits
//
// AtOnce requests are under way at a time, PerAccount of them for one account, one for each subscription: a place that answers late
// makes nobody else wait. Of an account MaxWaiting messages wait; notifications beyond them are dropped. A change whose Ring was lost
// because its node stopped is found when a node starts, and when the others notice that it has ended. A node that has not heard of a
// new subscription finds it within 15 seconds, and tells it then of what it has missed.
package webpush
