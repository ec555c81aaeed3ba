// Package dkimkeys keeps the keys that domains here sign their mail with (rfc/dkim).
//
// # Rotation
//
// A domain has, for each algorithm, two keys whose records are published: the active one signs, the next one waits. Rotate
// makes the next ones active, so that the world knows them already when they first sign, and draws new ones to be next. What
// was active is retired: its record must stay published while mail that it signed may still be under way or held, for which
// RetiredKept is enough; then the key is forgotten and its record can be removed.
//
// Keys that have been next for less than Settled are made active only by force: resolvers may still remember that there is
// no such record.
//
// # What is kept
//
// Private keys are sealed (AES-256-GCM) under a key derived from the master key, each bound to its domain and selector. The
// public half is in clear. Keys are drawn outside of transactions and parsed once a process.
//
// A selector is random: it never comes again, so that a record that was forgotten in the DNS cannot contradict a new key.
package dkimkeys
