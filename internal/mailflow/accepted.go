package mailflow

import (
	"context"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// Accepted is a message whose bytes are on stable storage and which no commit has named yet.
type Accepted struct {
	Envelope *mail.Envelope
	Body     *bodies.Body
	Message  mailbox.Message  // without Blob, which every account gives its own
	Summary  *message.Summary // what reading the content found; nil: it was not read

	Head       []byte   // the header, where something is to be done by it; see NeedsHead
	ReturnPath int64    // bytes of the Return-Path field at the front of the body, which is for mailboxes here alone
	Generated  []Stored // what the accepting commit also puts into the spool
	Answers    []Answer // what it puts there for accounts that it delivers to, unless they have answered lately

	Returned *Returned // what it tells its recipient of a message of theirs; nil: it is no report
}

// Stored is mail that a step has made, whose bytes are on stable storage and which no commit has named yet.
type Stored struct {
	Envelope mail.Envelope
	Body     *bodies.Body
}

// Answer is mail that an account answers with, by itself.
type Answer struct {
	Account mail.AccountID
	Stored
}

// Answers are made of mail for accounts whose owners are away.
type Answers interface {
	// Wants reports whether the header of a message may be needed.
	Wants(ctx context.Context, e *mail.Envelope) bool
	// Prepare returns a message with what is answered for the accounts that the next commit delivers it to.
	Prepare(ctx context.Context, m Accepted, head []byte, to []Local) Accepted
	// Discard lets go what that commit has not sent.
	Discard(ctx context.Context, m Accepted)
}

// NeedsHead reports whether the header must be kept at hand while a message is accepted: it goes on, or is reported.
func NeedsHead(e *mail.Envelope) bool {
	return slices.ContainsFunc(e.Recipients, func(r mail.Recipient) bool {
		return len(r.Elsewhere) > 0 || len(r.Groups) > 0 || r.Notify&mail.NotifySuccess != 0
	})
}

// Author is who the message says it is from: the first address of its field From, zero where there is none.
func (a *Accepted) Author() contacts.Person {
	if a.Summary == nil {
		return contacts.Person{}
	}
	for _, p := range People(a.Summary.Envelope.From) {
		return p
	}
	return contacts.Person{}
}

// People are those of the addresses of a field to which mail can be sent, with their names as people read them (RFC 2047).
func People(list []header.Address) (out []contacts.Person) {
	for _, a := range list {
		domain, err := smtp.ASCIIDomain(a.Domain)
		if a.Kind == header.Mailbox && err == nil && domain != "" && a.Local != "" {
			out = append(out, contacts.Person{Address: mail.Address{Local: a.Local, Domain: domain}, Name: header.DecodeWords(a.Name)})
		}
	}
	return out
}

// Local is a recipient that is an account here.
type Local struct {
	Address mail.Address // as the sender wrote it
	Account mail.AccountID
	Detail  string // the subaddress: "tag" of user+tag
	Sent    Sent   // whose submission the message is; zero: of no account here
}

// Keywords of the sender's copy of a message; package tracking gives them.
const (
	KeywordDelivered   = "$delivered"   // all have it in their mailboxes
	KeywordDisplayed   = "$displayed"   // all have displayed it
	KeywordDelayed     = "$delayed"     // it is tried again for somebody
	KeywordUndelivered = "$undelivered" // somebody will not get it
)

// Sent is one recipient of a submission.
type Sent struct {
	Account    mail.AccountID
	Submission mail.SubmissionID
	Recipient  int // its number
}

// Returned is what a report (RFC 3464, RFC 8098) says of a message of the account it comes to. Who wrote it was checked as far as
// that can be without knowing the message.
type Returned struct {
	EnvID     string       // of a delivery report: the envelope id that the message had
	Ours      bool         // of a delivery report: it says that this server has made it
	MessageID string       // of a receipt: the message's, without angle brackets
	From      mail.Address // of a receipt: who certainly wrote it
	Fates     []ReturnedFate
}

// ReturnedFate is what a report says of one recipient.
type ReturnedFate struct {
	Addresses []mail.Address // by which the sender may know the recipient
	Event     mail.Event
}

// Delivered is where a message came to lie for one account.
type Delivered struct {
	Account mail.AccountID
	Mailbox mail.MailboxID
	UID     mail.UID
	Email   mail.EmailID
}

// MaxLocal is how many accounts one message may be delivered to in one commit, which is what store/tx locks at most (tx.MaxAccounts).
const MaxLocal = 100
