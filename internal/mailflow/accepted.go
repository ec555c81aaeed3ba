package mailflow

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// Accepted is a message whose bytes are on stable storage and which no commit has named yet.
type Accepted struct {
	Envelope *mail.Envelope
	Body     *bodies.Body
	Message  mailbox.Message // without Blob, which every account gives its own

	Head       []byte   // the header, where something is to be done by it; see NeedsHead
	ReturnPath int64    // bytes of the Return-Path field at the front of the body, which is for mailboxes here alone
	Generated  []Stored // what the accepting commit also puts into the spool
}

// Stored is mail that a step has made, whose bytes are on stable storage and which no commit has named yet.
type Stored struct {
	Envelope mail.Envelope
	Body     *bodies.Body
}

// NeedsHead reports whether the header must be kept at hand while a message is accepted: it goes on, or is reported.
func NeedsHead(e *mail.Envelope) bool {
	return slices.ContainsFunc(e.Recipients, func(r mail.Recipient) bool {
		return len(r.Elsewhere) > 0 || len(r.Groups) > 0 || r.Notify&mail.NotifySuccess != 0
	})
}

// Local is a recipient that is an account here.
type Local struct {
	Address mail.Address // as the sender wrote it
	Account mail.AccountID
	Detail  string // the subaddress: "tag" of user+tag
}

// Delivered is where a message came to lie for one account.
type Delivered struct {
	Account mail.AccountID
	Mailbox mail.MailboxID
	UID     mail.UID
}

// MaxLocal is how many accounts one message may be delivered to in one commit, which is what store/tx locks at most (tx.MaxAccounts).
const MaxLocal = 100
