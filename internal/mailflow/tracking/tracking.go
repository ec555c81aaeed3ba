package tracking

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Limits.
const (
	MaxReport    = 1 << 20
	VerifyWithin = 5 * time.Second
	CopyWithin   = time.Hour   // after it was submitted a copy is taken for one
	Sweep        = time.Minute // how often what others have left is looked for
)

// Options are what a Tracking stands on.
type Options struct {
	Hostname    string // our name in events
	Tx          *tx.Store
	Bodies      *bodies.Store
	Mailbox     *mailbox.Store
	Contacts    *contacts.Store
	Submissions *submissions.Store
	Keys        dkim.Lookup // the keys of signatures
	Log         *slog.Logger
}

// Tracking is the step.
type Tracking struct {
	o      Options
	poked  chan struct{}
	ended  chan struct{} // nodes have ended
	mu     sync.Mutex
	wanted map[mail.AccountID]struct{} // accounts that have news
	busy   map[mail.AccountID]bool     // those that are told now, or were a moment ago
}

// New returns a Tracking. Nobody is told before Run.
func New(o Options) *Tracking {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Tracking{o: o, poked: make(chan struct{}, 1), ended: make(chan struct{}, 1), wanted: make(map[mail.AccountID]struct{}), busy: make(map[mail.AccountID]bool)}
}

// Delivered notes that a message has come to lie in a mailbox, in the commit that puts it there: that it was sent from here, and what it
// reports.
func (tr *Tracking) Delivered(t *tx.Tx, m *mailflow.Accepted, to mailflow.Local, email mail.EmailID) error {
	if sent := to.Sent; sent.Account != 0 {
		tr.o.Submissions.Expect(t, submissions.Receipt{Account: to.Account, Email: email,
			Sender: sent.Account, Submission: sent.Submission, Recipient: sent.Recipient, Author: m.Author().Address})
	}
	if m.Returned == nil {
		return nil
	}
	return tr.returned(t, to.Account, email, m.Returned)
}

// returned records what a report says that has come to an account, and that it has.
func (tr *Tracking) returned(t *tx.Tx, account mail.AccountID, email mail.EmailID, r *mailflow.Returned) error {
	subs, err := tr.submissions(t, account, r)
	if err != nil {
		return err
	}
	for _, sub := range subs {
		told := false
		for _, fate := range r.Fates {
			n, ok := recipientOf(sub, r.From, fate.Addresses)
			if !ok {
				continue
			}
			news, err := tr.o.Submissions.Report(t, submissions.Step{Account: account, Submission: sub.ID, Recipient: n, Event: fate.Event})
			if err != nil {
				return err
			}
			told = told || news || r.Ours
		}
		if !told {
			continue
		}
		if err := tr.o.Submissions.AddReturned(t, account, sub.ID, submissions.Returned{Email: email, Receipt: r.EnvID == ""}); err != nil {
			return err
		}
	}
	return nil
}

func (tr *Tracking) submissions(t *tx.Tx, account mail.AccountID, r *mailflow.Returned) ([]submissions.Submission, error) {
	if r.EnvID == "" {
		return tr.o.Submissions.ByMessage(t, account, r.MessageID)
	}
	sub, err := tr.o.Submissions.ByEnvelope(t, account, r.EnvID)
	if mail.Is(err, mail.NotFound) {
		return nil, nil
	}
	return []submissions.Submission{sub}, err
}

// recipientOf finds the recipient of a submission that one of some addresses is, and who wrote the report, where that is known.
func recipientOf(sub submissions.Submission, from mail.Address, addresses []mail.Address) (n int, ok bool) {
	for _, a := range addresses {
		if !from.IsNull() && !same(a, from) {
			continue
		}
		for i, r := range sub.Recipients {
			if same(r.Address, a) {
				return i, true
			}
		}
	}
	return 0, false
}

func same(a, b mail.Address) bool {
	return a.Domain == b.Domain && strings.EqualFold(a.Local, b.Local)
}

// Sent notes that an account has put a message into its mailbox Sent by itself, as many mail programs do: it is the copy of what was
// just submitted, if it bears the Message-ID of that.
func (tr *Tracking) Sent(t *tx.Tx, account mail.AccountID, messageID string, at mailbox.Appended) error {
	list, err := tr.o.Submissions.ByMessage(t, account, messageID)
	if err != nil {
		return err
	}
	for _, sub := range list { // the newest first
		if sub.Email == 0 && t.Now().Sub(sub.Created) < CopyWithin {
			return tr.o.Submissions.SetEmail(t, account, sub.ID, at.Email, at.Thread)
		}
	}
	return nil
}

// Seen notes that emails of an account have got \Seen, in the commit that sets it: they were displayed, and whose senders may know
// it learn it.
func (tr *Tracking) Seen(t *tx.Tx, account mail.AccountID, emails []mail.EmailID) error {
	list, err := tr.o.Submissions.Displayed(t, account, emails)
	if err != nil {
		return err
	}
	for _, r := range list {
		may := r.Sender == account
		if !may {
			if may, err = tr.o.Contacts.Shows(t, account, r.Author); err != nil {
				return err
			}
		}
		if !may {
			continue
		}
		step := submissions.Step{Account: r.Sender, Submission: r.Submission, Recipient: r.Recipient, Event: mail.Event{Kind: mail.EventDisplayed, By: tr.o.Hostname}}
		if err := tr.o.Submissions.Record(t, step); err != nil {
			return err
		}
	}
	return nil
}
