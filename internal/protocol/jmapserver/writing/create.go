package writing

import (
	"context"
	"errors"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// arrival is a message whose bytes are durable and which is to become an email.
type arrival struct {
	key      string       // creation id
	original mail.EmailID // that it is a copy of, 0 for none
	places   []mail.MailboxID
	message  mailbox.Message
	size     int64
	hold     func(*tx.Tx) (mail.BlobID, error) // names the body for the account
	body     *bodies.Body                      // to be discarded where nothing names it; nil: the account has it
}

// appendRows is how many rows an email changes at most: body, email, threads, log, counters; and each of its memberships.
const (
	appendRows = 20
	placeRows  = 3
	stepRows   = 900
)

// made is an email as it was created, or why it was not.
type made struct {
	Failed *method.Error
	Email  mail.EmailID
	Blob   mail.BlobID
	Thread mail.ThreadID
}

// created is what a client is told of it (RFC 8621 4.6).
func (m made) created(a method.Access, size int64) any {
	return struct {
		ID     string `json:"id"`
		Blob   string `json:"blobId"`
		Thread string `json:"threadId"`
		Size   int64  `json:"size"`
	}{m.Email.String(), method.BlobRef{Blob: m.Blob}.In(a, m.Email).String(), m.Thread.String(), size}
}

// draft writes the message of an Email object.
func (s *setting) draft(ctx context.Context, object ijson.Value) (a arrival, err error) {
	d := draft{resolve: s.call.Resolve, open: func(id string) (opened, error) { return s.blob(ctx, id) }}
	if err := d.read(object); err != nil {
		return a, err
	}
	m, err := d.message(s.o.Now(), s.o.Hostname)
	if err != nil {
		return a, err
	}
	r, err := m.Reader()
	if mail.Is(err, mail.Invalid) {
		err = method.Bad(mail.Explain(err), "bodyStructure")
	}
	if err != nil {
		return a, err
	}
	defer r.Close() // it was read to its end, or the error is told
	if a, err = s.put(ctx, r); err != nil {
		return a, err
	}
	a.places, a.message.Flags, a.message.Received = d.places, d.flags, d.received
	return a, nil
}

// blob finds a blob, which is opened when it is read.
func (s *setting) blob(ctx context.Context, id string) (opened, error) {
	c, err := s.o.Blobs.Open(ctx, s.access, id)
	if err != nil {
		return opened{}, err
	}
	if err := s.call.Work(c.Work()); err != nil {
		return opened{}, errors.Join(err, c.Close())
	}
	open := func() (io.ReadCloser, error) { return s.o.Blobs.Open(ctx, s.access, id) }
	return opened{c.Size, open}, c.Close()
}

// put writes a message as a new body.
func (s *setting) put(ctx context.Context, r io.Reader) (a arrival, err error) {
	in := &bounded{from: r, left: s.o.MaxMessage}
	summarizer := message.NewSummarizer(message.Limits{})
	if a.body, err = s.o.Bodies.Put(ctx, io.TeeReader(in, summarizer)); err != nil {
		if in.left < 0 {
			err = tooLarge(s.o.MaxMessage, "a message has")
		}
		return arrival{}, err
	}
	body := a.body
	a.size = body.Size
	a.hold = func(t *tx.Tx) (mail.BlobID, error) { return s.o.Bodies.Hold(t, s.access.Owner, body) }
	a.message, err = mailbox.Summarized(summarizer.Close())
	return a, err
}

// bounded reads so many bytes at most. More is an error, with left below zero.
type bounded struct {
	from io.Reader
	left int64
}

var errTooLong = errors.New("the message is too large")

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

// keep makes emails of messages, in as many commits as they need.
func (s *setting) keep(ctx context.Context, ready []arrival) error {
	for len(ready) > 0 {
		n, rows := 0, 0
		for n < len(ready) && (n == 0 || rows+ready[n].rows() <= stepRows) {
			rows += ready[n].rows()
			n++
		}
		done, err := commit(ctx, s, func(t *tx.Tx) ([]made, mail.ModSeq, error) { return s.accept(t, ready[:n]) })
		if err != nil {
			s.discard(ctx, ready)
			return err
		}
		for i, m := range done {
			a := &ready[i]
			if m.Failed != nil {
				s.response.NotCreated[a.key] = m.Failed
				s.discard(ctx, ready[i:i+1])
				continue
			}
			s.response.Created[a.key] = m.created(s.access, a.size)
			s.call.Created(a.key, m.Email.String())
			s.originals[a.original] = true
		}
		ready = ready[n:]
	}
	return nil
}

func (a *arrival) rows() int { return appendRows + placeRows*len(a.places) }

// accept makes emails in one commit. One that is refused leaves nothing.
func (s *setting) accept(t *tx.Tx, list []arrival) (out []made, last mail.ModSeq, err error) {
	for i := range list {
		m, modseq, err := s.acceptOne(t, &list[i])
		if refused, ok := refusal(err); err != nil && ok {
			m.Failed = refused
		} else if err != nil {
			return nil, 0, err
		}
		last = max(last, modseq)
		out = append(out, m)
	}
	return out, last, nil
}

func (s *setting) acceptOne(t *tx.Tx, a *arrival) (m made, last mail.ModSeq, err error) {
	owner := s.access.Owner
	if err := s.o.Mailbox.CheckQuota(t, owner, 1, a.size); err != nil {
		return m, 0, err
	}
	if m.Blob, err = a.hold(t); err != nil {
		return m, 0, err
	}
	put := a.message
	put.Blob = m.Blob
	at, err := s.o.Mailbox.As(s.access.Who).AppendInto(t, owner, a.places, put)
	if err != nil {
		if failed := s.o.Bodies.Release(t, owner, m.Blob); failed != nil {
			err = failed
		}
		return m, 0, err
	}
	m.Email, m.Thread = at.Email, at.Thread
	return m, at.ModSeq, nil
}

// discard lets the bytes go of what became no email. Where that fails the collector does it.
func (s *setting) discard(ctx context.Context, list []arrival) {
	for _, a := range list {
		if a.body == nil {
			continue
		}
		if err := s.o.Bodies.Discard(context.WithoutCancel(ctx), a.body); err != nil {
			s.o.Log.WarnContext(ctx, "jmap: bytes without a name are left to the collector", "object", a.body.Object, "err", err)
		}
	}
}
