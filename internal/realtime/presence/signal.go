package presence

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
)

// Limits and times.
const (
	MaxRecipients = 20
	MaxCircle     = 500
	MaxAge        = 30 * time.Second
	Holds         = 30 * time.Second // XEP-0085 5.2: who has not written for so long has paused
	Grace         = 10 * time.Second
	Today         = 24 * time.Hour

	Burst     = 60
	PerSecond = 2

	maxWaiting  = 1024 // of one worker
	maxLeft     = 100_000
	beatEvery   = 10 * time.Second
	nodeSilent  = 30 * time.Second
	reloadEvery = 15 * time.Minute
	retryAfter  = 5 * time.Second
)

// State is what a signal says of its sender.
type State string

const (
	// About a conversation, by the words of XEP-0085.
	Composing State = "composing" // writing a message
	Paused    State = "paused"    // has stopped, and the message is still open
	Gone      State = "gone"      // no longer writes or reads
	Reading   State = "reading"   // has a message open; ours

	// About the person.
	Online    State = "online"
	SeenToday State = "today"
	Unknown   State = "unknown" // nothing is known, or nothing any more
)

// conversational are the states that clients send.
var conversational = map[State]bool{Composing: true, Paused: true, Gone: true, Reading: true}

// wire gives each state its number between nodes.
var wire = []State{Composing, Paused, Gone, Reading, Online, SeenToday, Unknown}

// Name is how one account knows another: the contact it is there.
type Name struct {
	Contact contacts.ID
	Address mail.Address
}

// Signal is what a client is told.
type Signal struct {
	From   Name // how the account that is told knows the sender
	State  State
	Thread mail.ThreadID // of the account that is told, which the state is about; 0: no thread of theirs
	At     time.Time     // when it was sent
	Until  time.Time     // how long it holds at most; zero: until another says something else
}

// until says how long a state holds.
func until(s State, at time.Time) time.Time {
	switch s {
	case Composing, Paused, Reading:
		return at.Add(Holds)
	case SeenToday:
		return at.Add(Today)
	}
	return time.Time{}
}

// Draft is a signal that somebody sends.
type Draft struct {
	From  mail.AccountID
	To    []mail.Address
	State State
	Email mail.EmailID // of the sender, which is answered or read; 0: none
	At    time.Time    // given by Send
}

// Link is how two accounts know each other.
type Link struct {
	Peer   mail.AccountID
	As     Name          // what the account is to the peer
	Theirs Name          // what the peer is to the account
	Thread mail.ThreadID // the peer's, with a draft that is about an email
}

// Outgoing is a signal between servers.
type Outgoing struct {
	From, To  mail.Address
	State     State
	MessageID string // of the message that it is about, "" for none
	Subject   string // the base subject of that (RFC 5256 2.1), without which it is in no thread
	At        time.Time
}

// Remote takes signals to people at other servers. Send never waits.
type Remote interface{ Send(Outgoing) }
