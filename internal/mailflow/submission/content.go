package submission

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	netmail "net/mail"
	"net/netip"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Receive reads the content and accepts it for all recipients of the envelope.
func (sub *Submission) Receive(ctx context.Context, s smtp.Session, e *mail.Envelope, content io.Reader) ([]mail.Outcome, error) {
	if _, err := sub.Submit(ctx, s, e, content, Kept{}); err != nil {
		return nil, err
	}
	out := make([]mail.Outcome, len(e.Recipients))
	for i, r := range e.Recipients {
		out[i] = mail.Outcome{Recipient: r.Address, Status: mail.Delivered}
	}
	return out, nil
}

// Kept is what the sender has of a message already, and has said about it. The zero Kept is nothing.
type Kept struct {
	Email    mail.EmailID // of which no further copy is made
	Thread   mail.ThreadID
	Identity mail.IdentityID
	Envelope []byte // as the door shows it again
	NoCopy   bool   // no copy is made, whatever the account likes: it is a receipt
}

// Submit is Receive of a message that the sender may have already. It returns the submission's id.
func (sub *Submission) Submit(ctx context.Context, s smtp.Session, e *mail.Envelope, content io.Reader, kept Kept) (mail.SubmissionID, error) {
	l, err := sub.read(ctx, s, e, content)
	if err != nil {
		return 0, err
	}
	defer l.body.close(ctx, sub)
	if l.kept = kept; kept.Email != 0 || kept.NoCopy {
		l.like.SentCopy = false
	}
	if err := sub.store(ctx, e, l); err != nil {
		return 0, err
	}
	accepted, err := sub.commit(ctx, l)
	if err != nil {
		l.discard(ctx, sub)
		return 0, err
	}
	sub.o.Log.LogAttrs(ctx, slog.LevelInfo, "submission: accepted", slog.Any("submission", accepted.ID), slog.Any("account", l.account),
		slog.String("message-id", l.messageID()), slog.Any("object", l.sent.Body.Object), slog.Int("delivered", len(accepted.Delivered)),
		slog.Int("spooled", accepted.Spooled), slog.String("id", e.ID), slog.String("session", s.ID))
	return accepted.ID, nil
}

// letter is a message on its way in.
type letter struct {
	account mail.AccountID
	like    submissions.Sending
	kept    Kept
	head    head
	trace   string // Received and the signatures
	body    *body

	sent mailflow.Accepted  // as it goes out, behind a Return-Path for those who have it here
	skip int64              // the length of that
	copy *mailflow.Accepted // of the sender, where it is another than what goes out
}

func (l *letter) messageID() string {
	if ids := l.sent.Message.MessageIDs; len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// discard lets the bytes of a message go that was refused. Where that fails the collector does it.
func (l *letter) discard(ctx context.Context, sub *Submission) {
	for _, m := range []*mailflow.Accepted{&l.sent, l.copy} {
		if m != nil && m.Body != nil {
			sub.discard(ctx, m.Body)
		}
	}
}

func (sub *Submission) discard(ctx context.Context, b *bodies.Body) {
	if err := sub.o.Bodies.Discard(context.WithoutCancel(ctx), b); err != nil {
		sub.o.Log.WarnContext(ctx, "submission: bytes without a name are left to the collector", "object", b.Object, "err", err)
	}
}

// read takes the content: the header is decided on, the body kept and signed.
func (sub *Submission) read(ctx context.Context, s smtp.Session, e *mail.Envelope, content io.Reader) (*letter, error) {
	in := bufio.NewReaderSize(content, 32<<10)
	block, err := readHeader(in)
	if err != nil {
		return nil, err
	}
	fields, err := readFields(block)
	if err != nil {
		return nil, err
	}
	l := &letter{account: s.Account}
	var keys []dkim.Key
	err = sub.o.Tx.Read(ctx, func(t *tx.Tx) error { return sub.decide(t, l, fields, e, &keys) })
	if err != nil {
		return nil, err
	}
	signer, err := dkim.NewSigner(keys, l.head.block)
	if err != nil {
		return nil, unavailable(err)
	}
	l.body, err = sub.keep(ctx, io.TeeReader(in, signer))
	signatures, err2 := signer.Close() // always: it has what runs beside
	if err != nil {
		return nil, err
	}
	if err2 != nil {
		l.body.close(ctx, sub)
		return nil, unavailable(err2)
	}
	// What recipients learn of where the message came from is that it came from here.
	s.Hello, s.Remote = sub.o.Hostname, netip.AddrPort{}
	l.trace = smtp.Received(s, sub.o.Hostname, e, sub.o.Now()) + signatures
	return l, nil
}

// decide asks what the header claims, completes it, and finds what it is signed with.
func (sub *Submission) decide(t *tx.Tx, l *letter, fields *edit, e *mail.Envelope, keys *[]dkim.Key) error {
	account, err := sub.sender(t, l.account)
	if err != nil {
		return err
	}
	for _, c := range fields.claimed {
		own, err := sub.o.Directory.SendsAs(t, l.account, c.address)
		if err != nil {
			return err
		}
		if !own {
			return notYours(c.field, c.address)
		}
	}
	if l.like, err = sub.o.Submissions.Sending(t, l.account); err != nil {
		return err
	}
	from := netmail.Address{Name: account.Name, Address: account.Address.String()}
	if !e.ReversePath.IsNull() {
		from.Address = e.ReversePath.String()
	}
	l.head = fields.complete(from, sub.o.Now())
	if *keys, err = sub.o.Keys.Signing(t, l.head.author.Domain); err != nil {
		return unavailable(err)
	}
	return nil
}

// store writes the message as it goes out, and as its sender keeps it.
func (sub *Submission) store(ctx context.Context, e *mail.Envelope, l *letter) (err error) {
	returnPath := smtp.ReturnPath(e.ReversePath)
	l.skip = int64(len(returnPath))
	if l.sent, err = sub.put(ctx, e, l, returnPath, l.head.block); err != nil {
		return err
	}
	if sub.o.Tracking != nil {
		sub.o.Tracking.ReadOwn(ctx, &l.sent)
	}
	if !l.like.SentCopy || len(l.head.bcc) == 0 {
		return nil
	}
	withBcc, err := sub.put(ctx, e, l, "", append(bytes.Clone(l.head.bcc), l.head.block...))
	if err != nil {
		l.discard(ctx, sub)
		return err
	}
	l.copy = &withBcc
	return nil
}

// put stores a message that begins with some fields.
func (sub *Submission) put(ctx context.Context, e *mail.Envelope, l *letter, top string, block []byte) (mailflow.Accepted, error) {
	content, closeBody, err := l.body.open(ctx, sub)
	if err != nil {
		return mailflow.Accepted{}, unavailable(err)
	}
	defer closeBody()
	summary := message.NewSummarizer(message.Limits{})
	all := io.MultiReader(bytes.NewReader([]byte(top+l.trace)), bytes.NewReader(block), content)
	stored, err := sub.o.Bodies.Put(ctx, io.TeeReader(all, summary))
	if err != nil {
		return mailflow.Accepted{}, unavailable(err)
	}
	found := summary.Close()
	kept, err := mailbox.Summarized(found)
	if err != nil {
		sub.discard(ctx, stored)
		return mailflow.Accepted{}, unavailable(err)
	}
	return mailflow.Accepted{Envelope: e, Body: stored, Message: kept, Summary: found}, nil
}

// body is the body of a message while it is taken: in memory, or stored for a moment.
type body struct {
	small  []byte
	stored *bodies.Body
}

// keep reads a body to its end. An error of r is returned as it is.
func (sub *Submission) keep(ctx context.Context, r io.Reader) (*body, error) {
	var small bytes.Buffer
	if _, err := io.CopyN(&small, r, Spill+1); err == io.EOF {
		return &body{small: small.Bytes()}, nil
	} else if err != nil {
		return nil, err
	}
	rest := &faulty{from: r}
	stored, err := sub.o.Bodies.Put(ctx, io.MultiReader(&small, rest))
	if rest.err != nil {
		return nil, rest.err
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return &body{stored: stored}, nil
}

// faulty remembers why reading failed.
type faulty struct {
	from io.Reader
	err  error
}

func (f *faulty) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

func (b *body) open(ctx context.Context, sub *Submission) (r io.Reader, done func(), err error) {
	if b.stored == nil {
		return bytes.NewReader(b.small), func() {}, nil
	}
	opened, err := sub.o.Bodies.OpenBody(ctx, b.stored)
	if err != nil {
		return nil, nil, err
	}
	return io.NewSectionReader(opened, 0, opened.Size()), func() { opened.Close() }, nil
}

func (b *body) close(ctx context.Context, sub *Submission) {
	if b.stored != nil {
		sub.discard(ctx, b.stored)
	}
}
