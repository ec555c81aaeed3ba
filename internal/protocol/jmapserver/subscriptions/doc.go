// Package subscriptions has the methods PushSubscription/get and /set (RFC 8620 7.2), and says with which key the server signs what
// it pushes (RFC 9749).
//
// A subscription belongs to who made it, not to an account that is shared, and lasts no longer than what its client was signed in
// with. Its url and keys are never shown again. Nothing but its verification code is sent to it before the client has repeated
// that.
//
// # Limits
//
// push.MaxPerAccount subscriptions; those that are made or destroyed count, up to MaxAnHour new ones an hour: each makes the server
// send something to a place that a stranger may have named.
package subscriptions
