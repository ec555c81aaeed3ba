package dsn

import (
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Limits, see the package's doc.
const (
	MaxReturn     = 256 << 10
	MaxHeader     = 64 << 10
	MaxDiagnostic = 1000
	MaxStatus     = 1 << 20
	MaxBlock      = 32 << 10
	MaxRecipients = 1000
)

// Action is what was done about a recipient (RFC 3464 2.3.3).
type Action string

const (
	Failed    Action = "failed"    // for good
	Delayed   Action = "delayed"   // not yet, and it is still being tried
	Delivered Action = "delivered" // lies in the mailbox
	Relayed   Action = "relayed"   // handed on to where no reports are made
	Expanded  Action = "expanded"  // was for several, and was handed on to each of them
)

// actions are all there are, those that matter most to the reader first.
var actions = []Action{Failed, Delayed, Expanded, Relayed, Delivered}

// Report says what became of a message for some of its recipients.
type Report struct {
	EnvID        string    // RFC 3461 4.4, as the sender gave it; "" when not given
	ReportingMTA string    // a domain name
	ReceivedFrom string    // the host that sent the message; "" when not known
	Arrival      time.Time // zero when not known
	Recipients   []Recipient

	// Of reports that were read:
	MessageID string // of the message that was returned, without brackets; "" when there is none
	Truncated bool   // there was more than the limits let in
}

// Recipient is one of them.
type Recipient struct {
	Original mail.OriginalRecipient // what ORCPT said; zero when not given
	Final    Address
	Action   Action
	// Status is RFC 3463's. The class 4 with Failed says that it was tried until the time for trying was over.
	Status         mail.EnhancedCode
	RemoteMTA      string    // the host that said so; "" for ourselves
	Diagnostic     string    // its reply, with the code; without one, what we have to say ourselves
	LastAttempt    time.Time // zero when not known
	WillRetryUntil time.Time // of a delay; zero when not known
}

// Address is an address with its type (RFC 3464 2.1.2).
type Address struct {
	Type string // "rfc822", "utf-8" (RFC 6533 3), or what some other system has; lower case
	Text string
}

// AddressOf is the address of a recipient of ours.
func AddressOf(a mail.Address) Address {
	if a.IsASCII() {
		return Address{"rfc822", a.String()}
	}
	return Address{"utf-8", a.String()}
}

// Mail returns an Internet mail address, and false where it is none.
func (a Address) Mail() (mail.Address, bool) {
	if a.Type != "rfc822" && a.Type != "utf-8" {
		return mail.Address{}, false
	}
	address, err := mail.ParseAddress(a.Text)
	return address, err == nil
}

// worst is the action that the report as a whole is about.
func (r Report) worst() Action {
	for _, action := range actions {
		if len(r.of(action)) > 0 {
			return action
		}
	}
	return Delivered
}

// of returns the recipients of one action.
func (r Report) of(action Action) (list []Recipient) {
	for _, one := range r.Recipients {
		if one.Action == action {
			list = append(list, one)
		}
	}
	return list
}
