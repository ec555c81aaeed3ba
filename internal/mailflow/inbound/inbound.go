package inbound

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
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
	MaxFields   = 2000    // of the header, far above what mail has that went through a hundred hops
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

// What the kind of an error would not say well enough; all other replies are the door's.
var (
	forwards   = mail.Reply{Code: 550, Enhanced: mail.EnhancedCode{5, 3, 3}, Text: "the address leads to another server, and this one does not forward"}
	moved      = mail.Reply{Code: 451, Enhanced: mail.EnhancedCode{4, 2, 0}, Text: "a mailbox has just been moved or removed; send the message again"}
	loops      = mail.Reply{Code: 554, Enhanced: mail.EnhancedCode{5, 4, 6}, Text: fmt.Sprintf("the message has more than %d Received fields: it goes in circles", MaxReceived)}
	manyFields = mail.Reply{Code: 552, Enhanced: mail.EnhancedCode{5, 6, 0}, Text: fmt.Sprintf("the header has more than %d fields", MaxFields)}
	longHeader = mail.Reply{Code: 552, Enhanced: mail.EnhancedCode{5, 3, 4}, Text: fmt.Sprintf("the header is larger than %d bytes", MaxHeader)}
)

// Recipient decides on one more recipient and returns it with the accounts that get the mail.
func (in *Inbound) Recipient(ctx context.Context, _ smtp.Session, e *mail.Envelope, r mail.Recipient) (mail.Recipient, error) {
	err := in.o.Tx.Read(ctx, func(t *tx.Tx) error {
		to, err := in.o.Directory.Resolve(t, r.Address)
		if err != nil {
			return err
		}
		if len(to.Elsewhere) > 0 { // taking it without passing it on would lose it
			return fmt.Errorf("%w: to %v", forwards, to.Elsewhere)
		}
		r.Accounts, r.Detail = to.Accounts, to.Detail
		if to.Role {
			return nil // RFC 5321 4.5.1: postmaster is always reached
		}
		return in.room(t, to.Accounts, e.Size)
	})
	if err == nil && tooManyAccounts(e.Recipients, r) {
		err = mail.E("inbound.Recipient", mail.Limit, fmt.Errorf("the transaction is for more than %d accounts", mailflow.MaxLocal))
	}
	return r, err
}

// room reports a full quota. An alias of several accounts is refused only where all of them are full. A size that the
// client did not declare is taken for one byte.
func (in *Inbound) room(t *tx.Tx, accounts []mail.AccountID, size int64) (err error) {
	for _, account := range accounts {
		err = in.o.Mailbox.CheckQuota(t, account, 1, max(size, 1))
		if mail.Is(err, mail.NotFound) { // the directory knows it, and its mail lies elsewhere for now
			return fmt.Errorf("%w: %w", moved, err)
		}
		if !mail.Is(err, mail.OverQuota) {
			return err
		}
	}
	return err
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

// Receive reads the content and accepts it for all recipients of the envelope.
func (in *Inbound) Receive(ctx context.Context, s smtp.Session, e *mail.Envelope, content io.Reader) ([]mail.Outcome, error) {
	m, err := in.read(ctx, s, e, content)
	if err != nil {
		return nil, err
	}
	in.log(ctx, s, e, "stored", slog.Any("object", m.Body.Object), slog.Int64("stored-size", m.Body.Size), slog.String("message-id", messageID(m.Message)))
	delivered, err := in.commit(ctx, m)
	if err != nil {
		in.discard(ctx, e, m.Body)
		return nil, err
	}
	for _, d := range delivered {
		in.log(ctx, s, e, "delivered", slog.String("to", addressOf(e, d.Account)), slog.Any("account", d.Account), slog.Any("mailbox", d.Mailbox), slog.Any("uid", d.UID))
	}
	return outcomes(e, delivered), nil
}

// addressOf is the address by which an account was reached.
func addressOf(e *mail.Envelope, account mail.AccountID) string {
	for _, r := range e.Recipients {
		if slices.Contains(r.Accounts, account) {
			return r.Address.String()
		}
	}
	return ""
}

// log writes the line of one step. What is refused is returned instead, and logged by the door.
func (in *Inbound) log(ctx context.Context, s smtp.Session, e *mail.Envelope, step string, facts ...slog.Attr) {
	in.o.Log.LogAttrs(ctx, slog.LevelInfo, "inbound: "+step, append(facts, slog.String("id", e.ID), slog.String("session", s.ID))...)
}

func messageID(m mailbox.Message) string {
	if len(m.MessageIDs) == 0 {
		return ""
	}
	return m.MessageIDs[0]
}

// discard lets the bytes of a message go that was refused. Where that fails the collector does it.
func (in *Inbound) discard(ctx context.Context, e *mail.Envelope, b *bodies.Body) {
	if err := in.o.Bodies.Discard(context.WithoutCancel(ctx), b); err != nil {
		in.o.Log.WarnContext(ctx, "inbound: bytes of a refused message are left to the collector", "id", e.ID, "object", b.Object, "err", err)
	}
}

// read takes the content in one pass: it is sealed, stored and summed up as it comes.
func (in *Inbound) read(ctx context.Context, s smtp.Session, e *mail.Envelope, content io.Reader) (mailflow.Accepted, error) {
	trace := smtp.ReturnPath(e.ReversePath) + smtp.Received(s, in.o.Hostname, e, in.o.Now())
	if !s.LMTP {
		// RFC 5321 4.4: at final delivery there is one Return-Path, ours. What a mail server beside us hands over is its
		// own affair, and stays byte for byte.
		content = header.Without(content, "Return-Path")
	}
	c := &checked{from: io.MultiReader(strings.NewReader(trace), content), summary: message.NewSummarizer(message.Limits{})}
	body, err := in.o.Bodies.Put(ctx, c)
	switch {
	case c.err != nil && c.err != io.EOF:
		return mailflow.Accepted{}, c.err
	case err != nil:
		return mailflow.Accepted{}, unavailable(err)
	}
	summary := c.summary.Close()
	if summary.Received-1 > MaxReceived { // ours is one of them
		in.discard(ctx, e, body)
		return mailflow.Accepted{}, loops
	}
	kept, err := mailbox.Summarized(summary)
	if err != nil {
		in.discard(ctx, e, body)
		return mailflow.Accepted{}, unavailable(err)
	}
	return mailflow.Accepted{Envelope: e, Body: body, Message: kept}, nil
}

// traceFields is how many fields we put above the content.
const traceFields = 2

// checked sums up what is read through it, and ends reading where the header is too large.
type checked struct {
	from    io.Reader
	summary *message.Summarizer
	err     error // of from, longHeader or manyFields
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.summary.Write(p[:n])
	if length, _ := c.summary.HeaderLength(); length > MaxHeader {
		n, err = 0, longHeader
	}
	if c.summary.HeaderFields() > MaxFields+traceFields {
		n, err = 0, manyFields
	}
	c.err = err
	return n, err
}

// unavailable keeps an error of the store from being answered for good, whatever its kind: the message is in order, and
// the client has it still.
func unavailable(err error) error { return mail.E("inbound.Receive", mail.Unavailable, err) }

// commit makes the message true for all of its accounts at once.
func (in *Inbound) commit(ctx context.Context, m mailflow.Accepted) ([]mailflow.Delivered, error) {
	to, accounts := locals(m.Envelope)
	delivered, err := tx.Once(ctx, in.o.Tx, tx.NewKey(), accounts, func(t *tx.Tx) ([]mailflow.Delivered, error) {
		return in.o.Delivery.Deliver(t, m, to)
	})
	switch {
	case err == nil:
		return delivered, nil
	case mail.Is(err, mail.Gone):
		return nil, fmt.Errorf("%w: %w", moved, err)
	}
	return nil, unavailable(err)
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

// outcomes answers for each recipient of the envelope, in order. Deferred stands for what cannot be: a recipient whom the
// commit passed over is not told that the message is there.
func outcomes(e *mail.Envelope, delivered []mailflow.Delivered) []mail.Outcome {
	reached := make(map[mail.AccountID]bool, len(delivered))
	for _, d := range delivered {
		reached[d.Account] = true
	}
	missed := func(account mail.AccountID) bool { return !reached[account] }
	out := make([]mail.Outcome, len(e.Recipients))
	for i, r := range e.Recipients {
		out[i] = mail.Outcome{Recipient: r.Address, Status: mail.Delivered}
		if len(r.Accounts) == 0 || slices.ContainsFunc(r.Accounts, missed) {
			out[i].Status = mail.Deferred
		}
	}
	return out
}
