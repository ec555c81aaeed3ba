package mailflowtest

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/mailflow/inbound"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Outgoing are the rooms for mail from accounts here.
type Outgoing struct {
	Auth        *auth.Store
	Spool       *spool.Store
	Submissions *submissions.Store
	Contacts    *contacts.Store
	Keys        *dkimkeys.Store
	Submission  *submission.Submission
}

func (r *Rooms) openOutgoing(deliver inbound.Delivery, onward submission.Forwarding, answers mailflow.Answers, log *slog.Logger) {
	r.Must(r.Provision.Bootstrap(r.T.Context()))
	r.Submission = submission.New(submission.Options{Hostname: Hostname, Tx: r.Tx, Directory: r.Directory, Mailbox: r.Mailbox, Bodies: r.Bodies,
		Spool: r.Spool, Submissions: r.Submissions, Contacts: r.Contacts, Keys: r.Keys, Delivery: deliver, Forwarding: onward, Answers: answers, Tracking: r.Tracking, Log: log, Now: func() time.Time { return Now }})
}

// SignedIn is what the door knows of an account that has signed in.
func (r *Rooms) SignedIn(account mail.AccountID) smtp.Session {
	s := r.Session()
	s.Account = account
	return s
}

// Submit has a message accepted from an account: each step as the door takes them.
func (r *Rooms) Submit(account mail.AccountID, e *mail.Envelope, content io.Reader, to ...string) error {
	r.T.Helper()
	ctx, s := context.WithoutCancel(r.T.Context()), r.SignedIn(account)
	if err := r.Submission.Sender(ctx, s, e); err != nil {
		return err
	}
	for _, address := range to {
		known, err := r.Submission.Recipient(ctx, s, e, mail.Recipient{Address: Address(address)})
		if err != nil {
			return err
		}
		e.Recipients = append(e.Recipients, known)
	}
	outcomes, err := r.Submission.Receive(ctx, s, e, content)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		if o.Status != mail.Delivered || o.Recipient != e.Recipients[i].Address || len(outcomes) != len(to) {
			r.T.Fatalf("outcome %d of %d is %+v", i, len(outcomes), o)
		}
	}
	return nil
}

// Owed is a message in the spool.
type Owed struct {
	spool.Message
	Content string // as it is sent
}

// Owing reads the spool.
func (r *Rooms) Owing() (out []Owed) {
	r.T.Helper()
	ctx := context.WithoutCancel(r.T.Context())
	r.Must(r.Tx.Read(ctx, func(t *tx.Tx) error {
		out = nil
		ids, err := r.Spool.Messages(t, 0, 0)
		for _, id := range ids {
			m, err := r.Spool.Message(t, id)
			if err != nil {
				return err
			}
			out = append(out, Owed{Message: m})
		}
		return err
	}))
	for i := range out {
		body, err := r.Bodies.Open(ctx, mail.SpoolAccount, out[i].Blob)
		r.Must(err)
		content, err := io.ReadAll(out[i].Message.Content(body))
		r.Must(err)
		r.Must(body.Close())
		out[i].Content = string(content)
	}
	return out
}

// Sent reads the mailbox Sent of an account.
func (r *Rooms) Sent(account mail.AccountID) []Kept {
	r.T.Helper()
	return r.read(account, mailbox.RoleSent)
}

// Submitted reads the submissions of an account, the newest first, with what became of each recipient.
func (r *Rooms) Submitted(account mail.AccountID) (list []submissions.Submission, events [][][]mail.Event) {
	r.T.Helper()
	r.Must(r.Tx.Read(context.WithoutCancel(r.T.Context()), func(t *tx.Tx) (err error) {
		events = nil
		if list, err = r.Submissions.List(t, account, submissions.Submission{}, 0); err != nil {
			return err
		}
		for _, s := range list {
			e, err := r.Submissions.Events(t, account, s.ID)
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		return nil
	}))
	return list, events
}
