// Package realtime tells every door at once that an account has changed.
//
// # What it promises
//
//   - Ring is given to the unit of work as its bell. It publishes (account, state) on the cluster's bus; the realtime of
//     every node hands it to that node's watches of the account.
//   - A notice carries a number, the store carries the truth: who receives state N reads what came after the number it
//     knows. A watch holds one notice, the newest; a reader that is slow, or asleep, finds one number however many
//     changes there were, and never makes a writer wait.
//   - Numbers given to a watch only grow.
//   - The bus may lose a notice. Run asks the store every PollInterval, once for all watches of the node, at which number
//     the watched accounts are, so a lost notice costs at most that long. Recovered counts those whose notice has not come by
//     the question after, either: on one node, where nothing can be lost, it stays 0.
//
// # How to use it
//
// Watch first, then read the store: a change between the two is in what was read, or in the watch, or in both.
//
// # Limits
//
// A watch costs about 300 bytes and no goroutine. Nothing here is bounded by itself: who opens a watch has an own limit
// on sessions. Nothing is kept; a node that stops owes nobody anything.
//
// The bytes of a notice on the bus: a format number (1), account, state, and the commit's time in unix nanoseconds by
// the clock of the node that committed, each as a variable-length integer. Notices of another format are ignored:
// while nodes are upgraded one by one, some are of another release.
package realtime
