package inbound

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits of the content; see the package's doc for the replies.
const (
	MaxReceived = 100     // RFC 5321 6.3: "a large rejection threshold, normally at least 100"
	MaxHeader   = 1 << 20 // bytes
	MaxFields   = 2000    // of the header, far above what mail has that went through a hundred hops
)

// Delivery puts mail into local mailboxes inside our commit.
type Delivery interface {
	Deliver(t *tx.Tx, m mailflow.Accepted, to []mailflow.Local) ([]mailflow.Delivered, error)
}

// Forwarding says whom a recipient stands for, and takes mail further inside our commit.
type Forwarding interface {
	Resolve(t *tx.Tx, from mail.Address, known bool, size int64, r mail.Recipient) (mail.Recipient, error)
	CheckLimit(list []mail.Recipient, one mail.Recipient) error
	Refuse(m mailflow.Accepted) []mail.Reply
	Add(t *tx.Tx, m mailflow.Accepted, skip func(i int) bool) error
}

// Tracking reads what a message says of one that was sent from here.
type Tracking interface {
	Read(ctx context.Context, m *mailflow.Accepted)
}

// Options are what Inbound stands on.
type Options struct {
	Hostname   string // our name in Received fields and in reports
	Tx         *tx.Store
	Bodies     *bodies.Store
	Delivery   Delivery
	Forwarding Forwarding
	Answers    mailflow.Answers // nil: nobody answers by himself
	Tracking   Tracking         // nil: reports are mail like other mail
	Log        *slog.Logger
	Now        func() time.Time // of Received fields and reports; nil: time.Now
}

// Inbound is the step.
type Inbound struct {
	o        Options
	reporter mailflow.Reporter
}

// New returns the step.
func New(o Options) *Inbound {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Inbound{o, mailflow.Reporter{Host: o.Hostname, Now: o.Now}}
}

// What the kind of an error would not say well enough; all other replies are the door's.
var (
	moved      = mail.Reply{Code: 451, Enhanced: mail.EnhancedCode{4, 2, 0}, Text: "a mailbox has just been moved or removed; send the message again"}
	loops      = mail.Reply{Code: 554, Enhanced: mail.EnhancedCode{5, 4, 6}, Text: fmt.Sprintf("the message has more than %d Received fields: it goes in circles", MaxReceived)}
	manyFields = mail.Reply{Code: 552, Enhanced: mail.EnhancedCode{5, 6, 0}, Text: fmt.Sprintf("the header has more than %d fields", MaxFields)}
	longHeader = mail.Reply{Code: 552, Enhanced: mail.EnhancedCode{5, 3, 4}, Text: fmt.Sprintf("the header is larger than %d bytes", MaxHeader)}
)

// Recipient decides on one more recipient and returns it with whom it stands for.
func (in *Inbound) Recipient(ctx context.Context, s smtp.Session, e *mail.Envelope, r mail.Recipient) (out mail.Recipient, err error) {
	err = in.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		out, err = in.resolve(t, e, s.LMTP, r) // who is trusted to hand mail over is trusted to know whose it is
		return err
	})
	if err != nil {
		return r, err
	}
	if tooManyAccounts(e.Recipients, out) {
		return r, mail.E("inbound.Recipient", mail.Limit, fmt.Errorf("the transaction is for more than %d accounts", mailflow.MaxLocal))
	}
	return out, in.o.Forwarding.CheckLimit(e.Recipients, out)
}

// resolve finds whom a recipient stands for.
func (in *Inbound) resolve(t *tx.Tx, e *mail.Envelope, known bool, r mail.Recipient) (mail.Recipient, error) {
	if r.Address.Domain == "" { // <Postmaster>: what is written about him later, or made of his address, needs a domain
		r.Address.Domain = in.o.Hostname
	}
	return in.o.Forwarding.Resolve(t, e.ReversePath, known, e.Size, r)
}

// tooManyAccounts reports whether one more recipient makes them more than fit into one commit. An account that is reached
// by several of the addresses counts once.
func tooManyAccounts(list []mail.Recipient, one mail.Recipient) bool {
	reached := make(map[mail.AccountID]struct{}, len(one.Accounts)+len(list))
	for _, account := range one.Accounts {
		reached[account] = struct{}{}
	}
	for _, r := range list {
		for _, account := range r.Accounts {
			reached[account] = struct{}{}
		}
		if len(reached) > mailflow.MaxLocal {
			return true
		}
	}
	return false
}
