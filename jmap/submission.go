package jmap

import (
	"encoding/json"
	"time"
)

// Identity is an address that the user may send from (RFC 8621 6).
type Identity struct {
	ID            ID        `json:"id"`
	Name          string    `json:"name"`
	Email         string    `json:"email"`
	ReplyTo       []Address `json:"replyTo"`
	BCC           []Address `json:"bcc"`
	TextSignature string    `json:"textSignature"`
	HTMLSignature string    `json:"htmlSignature"`
	MayDelete     bool      `json:"mayDelete"`
}

// EmailSubmission is a message handed in to be sent (RFC 8621 7).
type EmailSubmission struct {
	ID             ID                        `json:"id,omitempty"`
	IdentityID     ID                        `json:"identityId,omitempty"`
	EmailID        ID                        `json:"emailId,omitempty"`
	ThreadID       ID                        `json:"threadId,omitempty"`
	Envelope       *Envelope                 `json:"envelope,omitempty"`
	SendAt         *time.Time                `json:"sendAt,omitempty"`
	UndoStatus     string                    `json:"undoStatus,omitempty"` // pending, final, canceled
	DeliveryStatus map[string]DeliveryStatus `json:"deliveryStatus,omitempty"`
	DSNBlobIDs     []ID                      `json:"dsnBlobIds,omitempty"`
	MDNBlobIDs     []ID                      `json:"mdnBlobIds,omitempty"`
}

// Envelope is what is said to other servers.
type Envelope struct {
	MailFrom EnvelopeAddress   `json:"mailFrom"`
	RcptTo   []EnvelopeAddress `json:"rcptTo"`
}

// EnvelopeAddress is an address with SMTP parameters.
type EnvelopeAddress struct {
	Email      string             `json:"email"`
	Parameters map[string]*string `json:"parameters,omitempty"`
}

// DeliveryStatus is what is known of a message at one recipient.
type DeliveryStatus struct {
	SMTPReply string `json:"smtpReply"`
	Delivered string `json:"delivered"` // queued, yes, no, unknown
	Displayed string `json:"displayed"` // unknown, yes
}

// Vacation is the one VacationResponse of an account (RFC 8621 8).
type Vacation struct {
	ID        ID         `json:"id"`
	IsEnabled bool       `json:"isEnabled"`
	FromDate  *time.Time `json:"fromDate"`
	ToDate    *time.Time `json:"toDate"`
	Subject   *string    `json:"subject"`
	TextBody  *string    `json:"textBody"`
	HTMLBody  *string    `json:"htmlBody"`
}

// StateChange tells which states are new (RFC 8620 7.1): by account and type of object.
type StateChange struct {
	Changed   map[ID]map[string]string `json:"changed"`
	PushState string                   `json:"pushState"` // over a WebSocket (RFC 8887 4.3.5.1)
}

// Pushed is an object that the server has sent by itself.
type Pushed struct {
	Type        string       // "@type"
	StateChange *StateChange // of the type StateChange
	Raw         json.RawMessage
}

func parsePushed(b []byte) (p Pushed, err error) {
	var head struct {
		Type string `json:"@type"`
	}
	if err = unmarshal(b, &head); err != nil {
		return p, err
	}
	p = Pushed{Type: head.Type, Raw: b}
	if head.Type == "StateChange" {
		p.StateChange = new(StateChange)
		err = unmarshal(b, p.StateChange)
	}
	return p, err
}
