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
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Receive reads the content and accepts it for all recipients of the envelope.
func (in *Inbound) Receive(ctx context.Context, s smtp.Session, e *mail.Envelope, content io.Reader) ([]mail.Outcome, error) {
	if !s.LMTP {
		// RFC 5321 4.4: at final delivery there is one Return-Path, ours. What a mail server beside us hands over is its
		// own affair, and stays byte for byte.
		content = header.Without(content, "Return-Path")
	}
	m, err := in.read(ctx, e, smtp.Received(s, in.o.Hostname, e, in.o.Now()), content)
	if err != nil {
		return nil, err
	}
	in.log(ctx, s.ID, e, "stored", slog.Any("object", m.Body.Object), slog.Int64("stored-size", m.Body.Size), slog.String("message-id", messageID(m.Message)))
	return in.accept(ctx, s, m)
}

// accept makes the message true for all whom its header does not keep it from.
func (in *Inbound) accept(ctx context.Context, s smtp.Session, m mailflow.Accepted) ([]mail.Outcome, error) {
	e := m.Envelope
	refused := in.o.Forwarding.Refuse(m)
	if reply, all := allRefused(refused); all {
		in.discard(ctx, m)
		return nil, reply
	}
	// RFC 5321 4.2.5: who has heard 250 is answered by mail. LMTP has a reply for each.
	if err := in.makeReports(ctx, &m, fates(e, refused, !s.LMTP)); err != nil {
		in.discard(ctx, m)
		return nil, unavailable(err)
	}
	skip := func(i int) bool { return refused[i] != mail.Reply{} }
	to, accounts := locals(e, skip)
	delivered, err := in.commit(ctx, step{key: tx.NewKey()}, m, to, accounts, skip)
	if err != nil {
		in.discard(ctx, m)
		return nil, err
	}
	for _, d := range delivered {
		in.log(ctx, s.ID, e, "delivered", slog.String("to", addressOf(e, d.Account)), slog.Any("account", d.Account), slog.Any("mailbox", d.Mailbox), slog.Any("uid", d.UID))
	}
	for i, r := range e.Recipients {
		if len(r.Elsewhere)+len(r.Groups) > 0 && !skip(i) {
			in.log(ctx, s.ID, e, "forwarded", slog.String("to", r.Address.String()), slog.Int("addresses", len(r.Elsewhere)), slog.Int("groups", len(r.Groups)))
		}
	}
	return outcomes(e, delivered, refused), nil
}

// allRefused returns the reply where there is nobody left to take the message for.
func allRefused(refused []mail.Reply) (first mail.Reply, all bool) {
	for _, reply := range refused {
		if reply == (mail.Reply{}) {
			return mail.Reply{}, false
		}
	}
	if len(refused) == 0 {
		return mail.Reply{}, false
	}
	return refused[0], true
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
func (in *Inbound) log(ctx context.Context, session string, e *mail.Envelope, step string, facts ...slog.Attr) {
	in.o.Log.LogAttrs(ctx, slog.LevelInfo, "inbound: "+step, append(facts, slog.String("id", e.ID), slog.String("session", session))...)
}

func messageID(m mailbox.Message) string {
	if len(m.MessageIDs) == 0 {
		return ""
	}
	return m.MessageIDs[0]
}

// discard lets the bytes of a message go that was refused, and of what was made with it. Where that fails the collector does it.
func (in *Inbound) discard(ctx context.Context, m mailflow.Accepted) {
	in.discardBody(ctx, m.Envelope, m.Body)
	in.discardGenerated(ctx, m)
}

func (in *Inbound) discardGenerated(ctx context.Context, m mailflow.Accepted) {
	for _, g := range m.Generated {
		in.discardBody(ctx, m.Envelope, g.Body)
	}
}

func (in *Inbound) discardBody(ctx context.Context, e *mail.Envelope, b *bodies.Body) {
	if err := in.o.Bodies.Discard(context.WithoutCancel(ctx), b); err != nil {
		in.o.Log.WarnContext(ctx, "inbound: bytes of a refused message are left to the collector", "id", e.ID, "object", b.Object, "err", err)
	}
}

// read takes the content in one pass: it is sealed, stored and summed up as it comes. received is our trace field, if there is one
// to be added.
func (in *Inbound) read(ctx context.Context, e *mail.Envelope, received string, content io.Reader) (mailflow.Accepted, error) {
	returnPath := smtp.ReturnPath(e.ReversePath)
	c := &checked{from: io.MultiReader(strings.NewReader(returnPath+received), content), summary: message.NewSummarizer(message.Limits{}), keep: mailflow.NeedsHead(e) || in.o.Answers != nil && in.o.Answers.Wants(ctx, e)}
	body, err := in.o.Bodies.Put(ctx, c)
	switch {
	case c.err != nil && c.err != io.EOF:
		return mailflow.Accepted{}, c.err
	case err != nil:
		return mailflow.Accepted{}, unavailable(err)
	}
	summary := c.summary.Close()
	m := mailflow.Accepted{Envelope: e, Body: body, Summary: summary, ReturnPath: int64(len(returnPath))}
	if summary.Received-min(len(received), 1) > MaxReceived { // ours is one of them
		in.discard(ctx, m)
		return mailflow.Accepted{}, loops
	}
	if m.Message, err = mailbox.Summarized(summary); err != nil {
		in.discard(ctx, m)
		return mailflow.Accepted{}, unavailable(err)
	}
	m.Head = c.head[min(len(returnPath), len(c.head)):]
	if in.o.Tracking != nil {
		in.o.Tracking.Read(ctx, &m)
	}
	return m, nil
}

// traceFields is how many fields we put above the content.
const traceFields = 2

// checked sums up what is read through it, and ends reading where the header is too large.
type checked struct {
	from    io.Reader
	summary *message.Summarizer
	keep    bool   // the header
	head    []byte // a little more than the header
	err     error  // of from, longHeader or manyFields
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if _, complete := c.summary.HeaderLength(); c.keep && !complete {
		c.head = append(c.head, p[:n]...)
	}
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

// step is what keeps a commit from being made twice.
type step struct {
	key    tx.Key
	longer time.Duration // than other answers the key is known
}

// commit makes the message true for those it is for, all at once.
func (in *Inbound) commit(ctx context.Context, s step, m mailflow.Accepted, to []mailflow.Local, accounts []mail.AccountID, skip func(i int) bool) ([]mailflow.Delivered, error) {
	if in.o.Answers != nil {
		m = in.o.Answers.Prepare(ctx, m, m.Head, to)
		defer in.o.Answers.Discard(ctx, m)
	}
	deliver := func(t *tx.Tx) ([]mailflow.Delivered, error) {
		t.KeepAnswer(s.longer)
		if err := in.o.Forwarding.Add(t, m, skip); err != nil {
			return nil, err
		}
		return in.o.Delivery.Deliver(t, m, to)
	}
	var delivered []mailflow.Delivered
	var err error
	if len(accounts) == 1 {
		delivered, err = tx.OnceShared(ctx, in.o.Tx, s.key, accounts[0], deliver)
	} else {
		delivered, err = tx.Once(ctx, in.o.Tx, s.key, accounts, deliver)
	}
	switch {
	case err == nil:
		return delivered, nil
	case mail.Is(err, mail.Gone):
		return nil, fmt.Errorf("%w: %w", moved, err)
	}
	return nil, unavailable(err)
}

// locals lists who gets the message, and the accounts to lock.
func locals(e *mail.Envelope, skip func(i int) bool) (to []mailflow.Local, accounts []mail.AccountID) {
	for i, r := range e.Recipients {
		if skip(i) {
			continue
		}
		for _, account := range r.Accounts {
			to = append(to, mailflow.Local{Address: r.Address, Account: account, Detail: r.Detail})
			accounts = append(accounts, account)
		}
	}
	return to, accounts
}

// outcomes answers for each recipient of the envelope, in order. Deferred stands for what cannot be: a recipient whom the
// commit passed over is not told that the message is there.
func outcomes(e *mail.Envelope, delivered []mailflow.Delivered, refused []mail.Reply) []mail.Outcome {
	reached := make(map[mail.AccountID]bool, len(delivered))
	for _, d := range delivered {
		reached[d.Account] = true
	}
	missed := func(account mail.AccountID) bool { return !reached[account] }
	out := make([]mail.Outcome, len(e.Recipients))
	for i, r := range e.Recipients {
		out[i] = mail.Outcome{Recipient: r.Address, Status: mail.Delivered}
		switch {
		case refused[i] != mail.Reply{}:
			out[i].Status, out[i].Reply = mail.Refused, refused[i]
		case r.Targets() == 0 || slices.ContainsFunc(r.Accounts, missed):
			out[i].Status = mail.Deferred
		}
	}
	return out
}
