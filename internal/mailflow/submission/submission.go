package submission

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits; see the package's doc for the replies.
const (
	MaxTargets  = 500     // recipients
	MaxHeader   = 1 << 20 // bytes, as mailflow/inbound
	MaxFields   = 2000    // as mailflow/inbound
	MaxReceived = 100     // RFC 5321 6.3
	MaxPriority = 4       // RFC 6710 9: what anybody may ask for is not what matters most
	Spill       = 256 << 10
)

// Delivery puts mail into local mailboxes inside our commit.
type Delivery interface {
	Deliver(t *tx.Tx, m mailflow.Accepted, to []mailflow.Local) ([]mailflow.Delivered, error)
}

// Forwarding says whom a recipient stands for.
type Forwarding interface {
	Resolve(t *tx.Tx, from mail.Address, known bool, size int64, r mail.Recipient) (mail.Recipient, error)
}

// Tracking reads what a message says of one that was sent from here.
type Tracking interface {
	ReadOwn(ctx context.Context, m *mailflow.Accepted)
}

// Options are what Submission stands on.
type Options struct {
	Hostname    string // our name in Received fields and events
	Tx          *tx.Store
	Directory   *directory.Store
	Mailbox     *mailbox.Store
	Bodies      *bodies.Store
	Spool       *spool.Store
	Submissions *submissions.Store
	Contacts    *contacts.Store
	Keys        *dkimkeys.Store
	Delivery    Delivery
	Forwarding  Forwarding
	Answers     mailflow.Answers // nil: nobody answers by himself
	Tracking    Tracking         // nil: reports are mail like other mail
	Log         *slog.Logger
	Now         func() time.Time // of fields that are added; nil: time.Now
}

// Submission is the step.
type Submission struct{ o Options }

// New returns the step.
func New(o Options) *Submission {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Submission{o}
}

func reply(code, class, subject, detail int, text string) mail.Reply {
	return mail.Reply{Code: code, Enhanced: mail.EnhancedCode{class, subject, detail}, Text: text}
}

// What the kind of an error would not say well enough; all other replies are the door's.
var (
	switchedOff = reply(550, 5, 7, 13, "this account is switched off")
	moved       = reply(451, 4, 2, 0, "a mailbox has just been moved or removed; send the message again")
	tooMany     = reply(452, 4, 5, 3, fmt.Sprintf("a message has at most %d recipients; send it to the others again", MaxTargets))
)

// notYours refuses to send in somebody else's name (RFC 6409 6.1).
func notYours(what string, a mail.Address) error {
	return reply(550, 5, 7, 1, fmt.Sprintf("%s <%s>: you may send only from an address of your own", what, a))
}

// overBudget tells the sender what the budget is, and when to try again.
func overBudget(err error) error {
	if !mail.Is(err, mail.Limit) {
		return err
	}
	return fmt.Errorf("%w: %w", reply(450, 4, 7, 0, mail.Explain(err)), err)
}

// sender is the account that submits, if it still may.
func (sub *Submission) sender(t *tx.Tx, account mail.AccountID) (directory.Account, error) {
	a, err := sub.o.Directory.Account(t, account)
	switch {
	case mail.Is(err, mail.NotFound), err == nil && a.Disabled:
		return a, switchedOff
	}
	return a, err
}

// Sender decides whether who has signed in may open a transaction with this envelope.
func (sub *Submission) Sender(ctx context.Context, s smtp.Session, e *mail.Envelope) error {
	e.Priority = min(e.Priority, MaxPriority)
	return sub.o.Tx.Read(ctx, func(t *tx.Tx) error {
		if _, err := sub.sender(t, s.Account); err != nil {
			return err
		}
		if !e.ReversePath.IsNull() {
			own, err := sub.o.Directory.SendsAs(t, s.Account, e.ReversePath)
			if err != nil {
				return err
			}
			if !own {
				return notYours("MAIL FROM", e.ReversePath)
			}
		}
		return overBudget(sub.o.Submissions.Allow(t, s.Account, 1, 0))
	})
}

// Recipient decides on one more recipient and returns it with where its mail goes.
func (sub *Submission) Recipient(ctx context.Context, s smtp.Session, e *mail.Envelope, r mail.Recipient) (mail.Recipient, error) {
	if len(e.Recipients) >= MaxTargets {
		return r, tooMany
	}
	err := sub.o.Tx.Read(ctx, func(t *tx.Tx) error {
		if err := sub.resolve(t, s.Account, e, &r); err != nil {
			return err
		}
		known, err := sub.o.Submissions.Known(t, s.Account, r.Address)
		if err != nil {
			return err
		}
		r.Stranger = !known[0] && !here(r)
		return sub.allow(t, s.Account, e.Recipients, r)
	})
	return r, err
}

// here reports whether an address is one of ours: nobody there is a stranger.
func here(r mail.Recipient) bool { return r.Targets() > 0 }

// allow holds the budgets to the recipients of a transaction so far. What counts is asked again in the commit.
func (sub *Submission) allow(t *tx.Tx, account mail.AccountID, list []mail.Recipient, one mail.Recipient) error {
	strangers := 0
	for _, r := range append(slices.Clip(list), one) {
		if r.Stranger {
			strangers++
		}
	}
	return overBudget(sub.o.Submissions.Allow(t, account, len(list)+1, strangers))
}

// resolve finds where an address leads. One that is not ours leads to itself.
func (sub *Submission) resolve(t *tx.Tx, account mail.AccountID, e *mail.Envelope, r *mail.Recipient) error {
	if r.Address.Domain == "" { // the bare postmaster, who may have to be reached later: that of the sender's domain
		a, err := sub.o.Directory.Account(t, account)
		if err != nil {
			return err
		}
		r.Address.Domain = a.Address.Domain
	}
	known, err := sub.o.Forwarding.Resolve(t, e.ReversePath, true, e.Size, *r)
	if mail.Is(err, mail.Denied) && !isReply(err) {
		return nil
	}
	if err != nil {
		return err
	}
	*r = known
	return nil
}

// isReply reports whether an error is a refusal by rule.
func isReply(err error) bool {
	var r mail.Reply
	return errors.As(err, &r)
}

// unavailable keeps an error of the store from being answered for good, whatever its kind: the message is in order, and the
// client has it still.
func unavailable(err error) error { return mail.E("submission.Receive", mail.Unavailable, err) }
