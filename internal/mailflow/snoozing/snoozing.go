// Package snoozing takes mail out of sight and brings it back when its time has come.
//
// Snoozed mail lies in the mailbox with the role snoozed, which is made when it is first needed, so that every mail program sees
// where it is. At its time it comes back, unread, to the mailboxes it was taken from, or to INBOX where there is none of them any more, and
// is notified as new mail is. Who takes it out of that mailbox by himself, or deletes it, has woken it: nothing more happens.
//
// # What it promises
//
// Mail comes back within a second of its time while Run does, and once: the row that says so goes in the commit that moves it. In a
// cluster one node runs it (infra/cluster/leases), which hears over the bus of what others put out of sight, and looks every
// LookEvery for what it has not heard of.
package snoozing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster"
	"github.com/mailmesh/mailmesh/internal/infra/cluster/inprocess"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/snooze"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// RoleSnoozed is the role of the mailbox in which mail is out of sight, and Name its name where it is made.
const (
	RoleSnoozed = mailbox.Role("snoozed")
	Name        = "Snoozed"
)

// MaxAhead is how far off the time may be.
const MaxAhead = 5 * 366 * 24 * time.Hour

// Notifier hears of mail that is there again, in the commit that brings it.
type Notifier interface {
	Delivered(t *tx.Tx, account mail.AccountID, email mail.EmailID)
}

// Options are what a Snoozing stands on.
type Options struct {
	Tx       *tx.Store
	Mailbox  *mailbox.Store
	Snoozed  *snooze.Store
	Notifier Notifier    // nil: nobody is notified
	Bus      cluster.Bus // nil: no other node snoozes
	Log      *slog.Logger
}

// Snoozing is the step.
type Snoozing struct{ o Options }

// subject is where nodes say that something was snoozed.
const subject = "snooze"

// New returns a Snoozing. Nothing comes back before Run.
func New(o Options) *Snoozing {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Bus == nil {
		o.Bus = inprocess.New()
	}
	return &Snoozing{o}
}

// Snooze takes an email out of sight until a time, in a commit of the caller's, whose account is locked.
func (s *Snoozing) Snooze(t *tx.Tx, account mail.AccountID, email mail.EmailID, until time.Time) error {
	const op = "snoozing.Snooze"
	if now := t.Now(); !until.After(now) || until.Sub(now) > MaxAhead {
		return mail.E(op, mail.Invalid, fmt.Errorf("mail is snoozed until a time to come, within %d days", MaxAhead/(24*time.Hour)))
	}
	places, err := s.places(t, account, email)
	if err != nil {
		return err
	}
	if len(places) == 0 {
		return mail.E(op, mail.NotFound, errors.New("there is no such email"))
	}
	box, err := s.box(t, account)
	if err != nil {
		return err
	}
	origin := slices.DeleteFunc(slices.Clone(places), func(id mail.MailboxID) bool { return id == box })
	if err := s.o.Snoozed.Set(t, snooze.Snoozed{Account: account, Email: email, Until: until, Origin: origin}); err != nil {
		return err
	}
	t.AfterCommit(func() { s.o.Bus.Publish(subject, nil) })
	return s.move(t, account, mailbox.EmailChange{Email: email, Into: []mail.MailboxID{box}, OutOf: origin})
}

// Wake brings an email back now. mail.NotFound where it is not snoozed. The account is locked.
func (s *Snoozing) Wake(t *tx.Tx, account mail.AccountID, email mail.EmailID) error {
	one, ok, err := s.o.Snoozed.Email(t, account, email)
	if err != nil {
		return err
	}
	if !ok {
		return mail.E("snoozing.Wake", mail.NotFound, errors.New("the email is not snoozed"))
	}
	_, err = s.bring(t, one, mail.Flags{})
	return err
}

// box is the mailbox of what is out of sight.
func (s *Snoozing) box(t *tx.Tx, account mail.AccountID) (mail.MailboxID, error) {
	box, err := s.o.Mailbox.ByRole(t, account, RoleSnoozed)
	if !mail.Is(err, mail.NotFound) {
		return box.ID, err
	}
	for _, name := range []string{Name, Name + " mail"} { // somebody may have a mailbox of that name
		if box, err = s.o.Mailbox.Create(t, account, name, RoleSnoozed); !mail.Is(err, mail.Exists) {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	// Many mail programs show only what is subscribed to; mail that is snoozed must not seem to be lost there.
	return box.ID, s.o.Mailbox.SetSubscribed(t, account, box.Path, true)
}

// places are the mailboxes that an email is in, and not deleted from.
func (s *Snoozing) places(t *tx.Tx, account mail.AccountID, email mail.EmailID) (ids []mail.MailboxID, err error) {
	err = s.o.Mailbox.Located(t, account, []mail.EmailID{email}, func(l *mailbox.Located) {
		if l.Flags.Bits&mail.Deleted == 0 {
			ids = append(ids, l.Mailbox)
		}
	})
	return ids, err
}

// move changes an email. A refusal fails it.
func (s *Snoozing) move(t *tx.Tx, account mail.AccountID, c mailbox.EmailChange) error {
	done, err := s.o.Mailbox.As(account).ChangeEmails(t, account, []mailbox.EmailChange{c})
	if err == nil && len(done.Refused) > 0 {
		err = done.Refused[0]
	}
	return err
}

// bring brings an email back, where it still lies where it was put, without some of its flags.
func (s *Snoozing) bring(t *tx.Tx, one snooze.Snoozed, without mail.Flags) (came bool, err error) {
	s.o.Snoozed.Clear(t, one.Account, one.Email)
	box, err := s.o.Mailbox.ByRole(t, one.Account, RoleSnoozed)
	if mail.Is(err, mail.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	places, err := s.places(t, one.Account, one.Email)
	if err != nil || !slices.Contains(places, box.ID) {
		return false, err
	}
	var into []mail.MailboxID
	for _, id := range one.Origin {
		if _, err := s.o.Mailbox.ByID(t, one.Account, id); err == nil {
			into = append(into, id)
		} else if !mail.Is(err, mail.NotFound) {
			return false, err
		}
	}
	if len(into) == 0 {
		inbox, err := s.o.Mailbox.ByRole(t, one.Account, mailbox.RoleInbox)
		if err != nil {
			return false, err
		}
		into = []mail.MailboxID{inbox.ID}
	}
	return true, s.move(t, one.Account, mailbox.EmailChange{Email: one.Email, Into: into, OutOf: []mail.MailboxID{box.ID}, Remove: without})
}

// LookEvery is how late mail can come back whose snoozing was not heard of.
const LookEvery = 15 * time.Second

// Run brings mail back, until ctx ends. Nobody else does meanwhile.
func (s *Snoozing) Run(ctx context.Context) {
	poked := make(chan struct{}, 1)
	defer s.o.Bus.Subscribe(subject, func([]byte) {
		select {
		case poked <- struct{}{}:
		default:
		}
	})()
	for s.resume(ctx) != nil {
		if !wait(ctx, nil, pauseAfterFault) {
			return
		}
	}
	for wait(ctx, poked, min(s.Step(ctx), LookEvery)) {
	}
}

// wait waits for a poke, or so long, and reports whether ctx goes on.
func wait(ctx context.Context, poked <-chan struct{}, most time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-poked:
	case <-time.After(most):
	}
	return true
}

// resume takes over what another was bringing back.
func (s *Snoozing) resume(ctx context.Context) error {
	err := s.o.Tx.Write(ctx, nil, func(t *tx.Tx) error { s.o.Snoozed.Resume(t); return nil })
	if err != nil && ctx.Err() == nil {
		s.o.Log.Warn("snoozing: cannot begin", "err", err)
	}
	return err
}

// pauseAfterFault is how long Step waits when the database does not answer.
const pauseAfterFault = 5 * time.Second

// Step brings back what is due, and says when it is to be called again.
func (s *Snoozing) Step(ctx context.Context) (next time.Duration) {
	var due []snooze.Snoozed
	err := s.o.Tx.Write(ctx, nil, func(t *tx.Tx) (err error) { due, next, err = s.o.Snoozed.Take(t); return err })
	if err != nil {
		if ctx.Err() == nil {
			s.o.Log.Warn("snoozing: cannot look for what is due", "err", err)
		}
		return pauseAfterFault
	}
	for _, one := range due {
		if err := s.due(ctx, one); err != nil && ctx.Err() == nil && !mail.Is(err, mail.Gone) { // Gone: it is being moved or removed
			s.o.Log.Warn("snoozing: mail comes back later", "account", one.Account, "email", one.Email, "err", err)
		}
	}
	if len(due) == snooze.MaxDue {
		return 0
	}
	return next
}

// due brings one email back, if it is still to come then: its time may have been changed meanwhile.
func (s *Snoozing) due(ctx context.Context, one snooze.Snoozed) error {
	return s.o.Tx.Write(ctx, []mail.AccountID{one.Account}, func(t *tx.Tx) error {
		row, ok, err := s.o.Snoozed.Email(t, one.Account, one.Email)
		if err != nil || !ok || row.Until.After(t.Now()) {
			return err
		}
		came, err := s.bring(t, row, mail.Flags{Bits: mail.Seen})
		if err == nil && came && s.o.Notifier != nil {
			s.o.Notifier.Delivered(t, one.Account, one.Email)
		}
		return err
	})
}
