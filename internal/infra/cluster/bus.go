package cluster

import (
	"context"
	"time"
)

// Limits of a message.
const (
	MaxSubject = 100
	MaxPayload = 1024
)

// Bus carries small messages between the nodes of a cluster. It is safe for concurrent use.
type Bus interface {
	// Publish sends payload to every subscription to subject.
	Publish(subject string, payload []byte)

	// Subscribe calls handler for each message on subject until cancel is called. Handlers are called from several
	// goroutines at once, the publisher's among them, so they return at once: they may publish, subscribe and cancel, but
	// wait for nothing.
	Subscribe(subject string, handler func(payload []byte)) (cancel func())
}

// Valid reports whether a message keeps the limits.
func Valid(subject string, payload []byte) bool {
	return len(payload) <= MaxPayload && ValidSubject(subject)
}

// ValidSubject reports whether a subject keeps the limits.
func ValidSubject(subject string) bool {
	if subject == "" || len(subject) > MaxSubject {
		return false
	}
	last := byte('.') // an empty part, at the start too, is refused
	for i := range len(subject) {
		c := subject[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		case c == '.' && last != '.':
		default:
			return false
		}
		last = c
	}
	return last != '.'
}

// Pinger is what a bus can do that really goes somewhere.
type Pinger interface {
	// Ping asks all other nodes and returns how long the answer of each took, by the names under which they have joined: once want
	// have answered, or of those that have when ctx ends.
	Ping(ctx context.Context, want int) (took map[string]time.Duration, err error)
}
