package inbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits of the content; see the package's doc for the replies.
const (
	MaxReceived = 100     // RFC 5321 6.3: "a large rejection threshold, normally at least 100"
	MaxHeader   = 1 << 20 // bytes
)

// Delivery puts mail into local mailboxes inside our commit.
type Delivery interface {
	Deliver(t *tx.Tx, m mailflow.Accepted, to []mailflow.Local) ([]mailflow.Delivered, error)
}

// Options are what Inbound stands on.
type Options struct {
	Hostname  string // our name in Received fields
	Tx        *tx.Store
	Directory *directory.Store
	Mailbox   *mailbox.Store
	Bodies    *bodies.Store
	Delivery  Delivery
	Log       *slog.Logger
	Now       func() time.Time // of Received fields; nil: time.Now
}

// Inbound is the step.
type Inbound struct{ o Options }

// New returns the step.
func New(o Options) *Inbound {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Inbound{o}
}

var (
	notLocal   = mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 7, 1}, Text: "we do not relay: this domain is not ours"}
	noSuchUser = mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 1, 1}, Text: "no such user here"}
	tooMany    = mail.Reply{Code: 452, Enhanced: mail.EnhancedCode{4, 5, 3}, Text: "too many recipients in one transaction: send the rest in another"}
	loops      = mail.Reply{Code: 554, Enhanced: mail.EnhancedCode{5, 4, 6}, Text: fmt.Sprintf("the message has more than %d Received fields: it goes in circles", MaxReceived)}
	longHeader = mail.Reply{Code: 552, Enhanced: mail.EnhancedCode{5, 3, 4}, Text: fmt.Sprintf("the header is larger than %d bytes", MaxHeader)}
)

// Recipient decides on one more recipient and returns it with the accounts that get the mail.
func (in *Inbound) Recipient(ctx context.Context, s smtp.Session, e *mail.Envelope, r mail.Recipient) (mail.Recipient, error) {
	err := in.o.Tx.Read(ctx, func(t *tx.Tx) error {
		to, err := in.o.Directory.Resolve(t, r.Address)
		if err != nil {
			return err
		}
		r.Accounts, r.Detail = to.Accounts, to.Detail
		if to.Role {
			return nil // RFC 5321 4.5.1: postmaster is always reached
		}
		return in.room(t, to.Accounts, e.Size)
	})
	if err == nil && countAccounts(e.Recipients)+len(r.Accounts) > mailflow.MaxLocal {
		err = tooMany
	}
	if err != nil {
		in.o.Log.Info("recipient refused", "session", s.ID, "id", e.ID, "from", e.ReversePath, "to", r.Address, "err", err)
	}
	switch mail.KindOf(err) {
	case mail.Denied:
		return r, notLocal
	case mail.NotFound:
		return r, noSuchUser
	}
	return r, err
}

// room reports a full quota. An alias of several accounts is refused only where all of them are full.
func (in *Inbound) room(t *tx.Tx, accounts []mail.AccountID, size int64) (err error) {
	for _, account := range accounts {
		if err = in.o.Mailbox.CheckQuota(t, account, 1, size); !mail.Is(err, mail.OverQuota) {
			return err
		}
	}
	return err
}

func countAccounts(list []mail.Recipient) (n int) {
	for _, r := range list {
		n += len(r.Accounts)
	}
	return n
}

// Receive reads the content and accepts it for all recipients of the envelope.
func (in *Inbound) Receive(ctx context.Context, s smtp.Session, e *mail.Envelope, content io.Reader) ([]mail.Outcome, error) {
	log := in.o.Log.With("id", e.ID)
	log.Info("receiving", "session", s.ID, "remote", s.Remote, "hello", s.Hello, "from", e.ReversePath, "recipients", len(e.Recipients))
	m, err := in.read(ctx, s, e, content)
	if err != nil {
		log.Info("not received", "err", err)
		return nil, err
	}
	log.Info("stored", "object", m.Body.Object, "size", m.Body.Size, "message-id", messageID(m.Message))
	begun := time.Now()
	delivered, err := in.commit(ctx, m)
	if err != nil {
		log.Warn("not accepted", "err", err)
		return nil, errors.Join(err, in.o.Bodies.Discard(ctx, m.Body))
	}
	for _, d := range delivered {
		log.Info("delivered", "account", d.Account, "mailbox", d.Mailbox, "uid", d.UID)
	}
	log.Info("accepted", "commit", time.Since(begun))
	return outcomes(e, delivered), nil
}

func messageID(m mailbox.Message) string {
	if len(m.MessageIDs) == 0 {
		return ""
	}
	return m.MessageIDs[0]
}

// read takes the content in one pass: it is sealed, stored and summed up as it comes.
func (in *Inbound) read(ctx context.Context, s smtp.Session, e *mail.Envelope, content io.Reader) (mailflow.Accepted, error) {
	trace := smtp.ReturnPath(e.ReversePath) + smtp.Received(s, in.o.Hostname, e, in.o.Now())
	summarizer := message.NewSummarizer(message.Limits{})
	whole := io.TeeReader(io.MultiReader(strings.NewReader(trace), content), summarizer)
	body, err := in.o.Bodies.Put(ctx, whole)
	if err != nil {
		return mailflow.Accepted{}, err
	}
	summary := summarizer.Close()
	switch {
	case summary.Received > MaxReceived:
		err = loops
	case summary.HeaderLength > MaxHeader:
		err = longHeader
	}
	if err != nil {
		return mailflow.Accepted{}, errors.Join(err, in.o.Bodies.Discard(ctx, body))
	}
	kept, err := mailbox.Summarized(summary)
	return mailflow.Accepted{Envelope: e, Body: body, Message: kept}, err
}

// commit makes the message true for all of its accounts at once.
func (in *Inbound) commit(ctx context.Context, m mailflow.Accepted) ([]mailflow.Delivered, error) {
	key := tx.NewKey()
	for {
		to, accounts := locals(m.Envelope)
		if len(to) == 0 {
			return nil, noSuchUser
		}
		delivered, err := tx.Once(ctx, in.o.Tx, key, accounts, func(t *tx.Tx) ([]mailflow.Delivered, error) {
			return in.o.Delivery.Deliver(t, m, to)
		})
		if !mail.Is(err, mail.Gone) {
			return delivered, err
		}
		// An account was removed since RCPT: the others still get the message. Nothing was written, so the key is unused.
		if dropped, err := in.dropGone(ctx, m.Envelope); dropped == 0 || err != nil {
			return nil, errors.Join(err, noSuchUser)
		}
	}
}

// dropGone takes the accounts out of the envelope that no longer exist, and returns how many went.
func (in *Inbound) dropGone(ctx context.Context, e *mail.Envelope) (dropped int, err error) {
	err = in.o.Tx.Read(ctx, func(t *tx.Tx) error {
		dropped = 0
		for i := range e.Recipients {
			var left []mail.AccountID
			for _, account := range e.Recipients[i].Accounts {
				switch _, err := in.o.Directory.Account(t, account); {
				case err == nil:
					left = append(left, account)
				case mail.Is(err, mail.NotFound):
					dropped++
				default:
					return err
				}
			}
			e.Recipients[i].Accounts = left
		}
		return nil
	})
	return dropped, err
}

// locals lists who gets the message, and the accounts to lock.
func locals(e *mail.Envelope) (to []mailflow.Local, accounts []mail.AccountID) {
	for _, r := range e.Recipients {
		for _, account := range r.Accounts {
			to = append(to, mailflow.Local{Address: r.Address, Account: account, Detail: r.Detail})
			accounts = append(accounts, account)
		}
	}
	return to, accounts
}

// outcomes answers for each recipient of the envelope, in order.
func outcomes(e *mail.Envelope, delivered []mailflow.Delivered) []mail.Outcome {
	reached := map[mail.AccountID]bool{}
	for _, d := range delivered {
		reached[d.Account] = true
	}
	out := make([]mail.Outcome, len(e.Recipients))
	for i, r := range e.Recipients {
		out[i] = mail.Outcome{Recipient: r.Address, Status: mail.Refused, Reply: noSuchUser}
		for _, account := range r.Accounts {
			if reached[account] {
				out[i] = mail.Outcome{Recipient: r.Address, Status: mail.Delivered}
			}
		}
	}
	return out
}
