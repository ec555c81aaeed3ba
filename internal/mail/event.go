package mail

import "time"

// EventKind is a step on the way of a message to one recipient. The values are stored: never rename.
type EventKind string

const (
	EventQueued    EventKind = "queued"    // accepted, and owed to the recipient from now on
	EventAttempted EventKind = "attempted" // handing it on has begun
	EventRelayed   EventKind = "relayed"   // another host has taken it, and reports what becomes of it if it can
	EventDelivered EventKind = "delivered" // it lies in the recipient's mailbox
	EventDeferred  EventKind = "deferred"  // not now: it will be tried again
	EventFailed    EventKind = "failed"    // for good
	EventExpired   EventKind = "expired"   // for good, after all the time there was for trying
	EventCanceled  EventKind = "canceled"  // the sender has taken it back before it was sent
	EventDisplayed EventKind = "displayed" // the recipient's client has shown it
)

// Final reports whether nothing of ours follows the event.
func (k EventKind) Final() bool {
	switch k {
	case EventRelayed, EventDelivered, EventFailed, EventExpired, EventCanceled, EventDisplayed:
		return true
	}
	return false
}

// Event is one such step.
type Event struct {
	Kind  EventKind
	At    time.Time
	By    string // who said or did it: "mx1.example.net [192.0.2.1]", or our own name
	Reply Reply  // in its words; the zero Reply where nobody spoke
}
