// Package mail holds the words that every other package speaks: addresses, envelopes, ids, flags, outcomes, errors.
//
// It imports nothing of ours, keeps no state and does no I/O. A type stands here when two floors of the server need
// it; what one package needs for itself stays there.
package mail
