package mail

import (
	"fmt"
	"time"
)

// Envelope is what SMTP says about a message besides its content (RFC 5321 2.3.1): who sent it, who gets it, and how
// it wants to be handled.
type Envelope struct {
	// ID names this transaction in the reply to the client, in the Received field and in every log line. Not a Message-ID.
	ID          string
	ReversePath Address
	Recipients  []Recipient
	Body        BodyType
	SMTPUTF8    bool  // RFC 6531: addresses or header fields may hold UTF-8
	Size        int64 // as declared with SIZE= (RFC 1870), 0 when it was not; the content may differ

	Ret   Ret    // RFC 3461 4.3
	EnvID string // RFC 3461 4.4, decoded; "" when not given

	RequireTLS bool      // RFC 8689: refuse rather than send without verified TLS
	Priority   int       // RFC 6710: -9 to 9, 0 is normal
	HoldUntil  time.Time // RFC 4865 FUTURERELEASE; zero: now
	DeliverBy  DeliverBy // RFC 2852; zero: no limit
}

// Recipient is one RCPT TO of an envelope.
type Recipient struct {
	Address  Address
	Original OriginalRecipient // RFC 3461 4.2 ORCPT
	Notify   Notify            // RFC 3461 4.1

	// Once it is known: Accounts are those here that get the mail, Elsewhere addresses on other servers that it goes on to,
	// Groups whose members get it, and Detail is the subaddress (the tag of user+tag).
	Accounts  []AccountID
	Elsewhere []Address
	Groups    []Group
	Detail    string

	Stranger bool // the account that submits the message never wrote there before
}

// Targets is how many the mail is for, a group counting as one.
func (r Recipient) Targets() int { return len(r.Accounts) + len(r.Elsewhere) + len(r.Groups) }

// Group is an address whose mail goes to members.
type Group struct {
	Address Address
	Name    string    // for people; may be empty
	Members []Address // each once, with those of groups that are members
}

// OriginalRecipient is the address the sender wrote, before aliases and forwards changed it. Zero when not given.
type OriginalRecipient struct {
	Type    string // "rfc822" or, for RFC 6533, "utf-8"; lower case
	Address string // decoded from xtext
}

// BodyType is the BODY parameter of MAIL (RFC 6152, RFC 3030).
type BodyType string

const (
	BodyUnstated BodyType = "" // no BODY parameter; RFC 6152 2 makes it 7BIT, mail in use is not
	Body7Bit     BodyType = "7BIT"
	Body8BitMIME BodyType = "8BITMIME"
	BodyBinary   BodyType = "BINARYMIME" // not lines: may hold any byte, and travels only in BDAT
)

// Ret says how much of the message a failure report returns (RFC 3461 4.3).
type Ret string

const (
	RetUnstated Ret = ""
	RetFull     Ret = "FULL"
	RetHeaders  Ret = "HDRS"
)

// Notify is the set of events a sender wants to be told of (RFC 3461 4.1). The values are stored: never renumber.
type Notify uint8

const (
	NotifyNever Notify = 1 << iota // never stands alone
	NotifySuccess
	NotifyFailure
	NotifyDelay

	NotifyUnstated Notify = 0 // not given: failures, and delays where the server likes
)

// DeliverBy is the BY parameter of MAIL (RFC 2852): what happens when the message is not delivered in time.
type DeliverBy struct {
	Time   time.Time // when; the seconds of the parameter are counted from the MAIL command
	Return bool      // mode R: give up and report; else mode N: report the delay and go on
	Trace  bool      // report relaying to a host that does not know BY
}

// Status is what became of a message for one recipient.
type Status string

const (
	Delivered Status = "delivered" // durable in a mailbox, or in the spool on its way on
	Refused   Status = "refused"   // for good: 5yz
	Deferred  Status = "deferred"  // not now: 4yz
)

// Outcome is the result of one recipient of a transaction.
type Outcome struct {
	Recipient Address
	Status    Status
	Reply     Reply // what the client is told; zero with Delivered: the door's usual 250
}

// Reply is an SMTP reply with its enhanced status code (RFC 5321 4.2, RFC 3463). As an error it is a refusal by rule:
// a room returns it where the Kind of an Error would not say enough.
type Reply struct {
	Code     int // 200 to 599
	Enhanced EnhancedCode
	Text     string // for people; one line, no CR or LF; a door cuts what is too long
}

// EnhancedCode is class, subject and detail of RFC 3463: {5, 1, 1}.
type EnhancedCode [3]int

func (c EnhancedCode) String() string { return fmt.Sprintf("%d.%d.%d", c[0], c[1], c[2]) }

func (r Reply) Error() string { return fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text) }

// Status returns what a reply with this code means for the message.
func (r Reply) Status() Status {
	switch r.Code / 100 {
	case 2:
		return Delivered
	case 5:
		return Refused
	}
	return Deferred
}
