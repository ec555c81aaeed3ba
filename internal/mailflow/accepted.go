package mailflow

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// Accepted is a message whose bytes are on stable storage and which no commit has named yet.
type Accepted struct {
	Envelope *mail.Envelope
	Body     *bodies.Body
	Message  mailbox.Message // without Blob, which every account gives its own
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
