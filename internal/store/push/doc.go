// Package push keeps the push subscriptions of accounts: where clients that are not connected want to be told of changes (RFC 8620
// 7.2, RFC 8030).
//
// A subscription is told nothing until its client has repeated the code that was sent there (Verify). What was told last is kept as
// the account's state at that time, so that what is to be told next can be read from the change log, and nothing is told twice.
//
// # Who tells
//
// Any node. Begin gives a subscription to one teller for ClaimTime, and marks it as owed; Told or Failed ends that. What a node has
// begun and not ended is due again when the time is over, for all of them (Due).
//
// # Limits
//
// MaxPerAccount subscriptions; further ones are mail.Limit. A subscription lasts MaxLife at most, and goes when it has expired
// (Expire), when its place says that it is gone, or after MaxFailures failures in a row.
package push
