package provision

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
	"github.com/mailmesh/mailmesh/internal/store/identities"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/notifications"
	"github.com/mailmesh/mailmesh/internal/store/push"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/snooze"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/internal/store/vacation"
)

// Options are the rooms a Service works in.
type Options struct {
	Tx        *tx.Store
	Directory *directory.Store
	Auth      *auth.Store
	Bodies    *bodies.Store
	Mailboxes *mailbox.Store
	Index     *search.Index
	Keys      *dkimkeys.Store // nil: domains get none
	Logger    *slog.Logger    // nil discards
}

// Service is what an operator can do. It is safe for concurrent use.
type Service struct {
	tx         *tx.Store
	directory  *directory.Store
	auth       *auth.Store
	bodies     *bodies.Store
	mailboxes  *mailbox.Store
	index      *search.Index
	sent       *submissions.Store
	contacts   *contacts.Store
	identities *identities.Store
	responses  *vacation.Store
	pushes     *push.Store
	notify     *notifications.Store
	snoozed    *snooze.Store
	keys       *dkimkeys.Store
	spool      *spool.Store
	log        *slog.Logger
	keysGone   atomic.Bool // the key file holds keys that were destroyed
}

// New returns a Service.
func New(o Options) *Service {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{tx: o.Tx, directory: o.Directory, auth: o.Auth, bodies: o.Bodies, mailboxes: o.Mailboxes, index: o.Index,
		sent: submissions.New(), contacts: contacts.New(), identities: identities.New(), responses: vacation.New(), pushes: push.New(), notify: notifications.New(), snoozed: snooze.New(), keys: o.Keys, spool: spool.New(spool.Options{}), log: o.Logger}
}

// Bootstrap makes what a server needs before it takes mail: the home and key of the account that holds spooled bodies.
// It is called at every start.
func (s *Service) Bootstrap(ctx context.Context) error {
	return s.tx.Write(ctx, nil, func(t *tx.Tx) error {
		_, err := s.directory.QuotaState(t, mail.SpoolAccount)
		if !mail.Is(err, mail.NotFound) {
			return err
		}
		key, err := s.bodies.NewAccountKey(mail.SpoolAccount)
		if err != nil {
			return err
		}
		err = s.directory.AddHome(t, mail.SpoolAccount, key, directory.Quota{})
		if mail.Is(err, mail.Exists) {
			return nil // another node was faster
		}
		return err
	})
}

// Tidy finishes what stopped processes left half done, and drops destroyed keys from the key file. It is called at the
// start and every hour.
func (s *Service) Tidy(ctx context.Context) error {
	var nameless, closed []mail.AccountID
	err := s.tx.Read(ctx, func(t *tx.Tx) (err error) {
		if nameless, err = s.directory.NamelessHomes(t, 0); err == nil {
			closed, err = s.directory.ClosedHomes(t, 0)
		}
		return err
	})
	if err != nil {
		return err
	}
	var failures []error
	for _, id := range nameless {
		failures = append(failures, s.abandon(ctx, id))
	}
	for _, id := range closed {
		failures = append(failures, s.removeRows(ctx, id))
	}
	if s.keysGone.Load() || len(closed) > 0 {
		if err := s.bodies.RewriteKeys(ctx); err == nil {
			s.keysGone.Store(false)
		} else {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// read runs fn on a snapshot and returns its answer.
func read[T any](ctx context.Context, s *Service, fn func(*tx.Tx) (T, error)) (answer T, err error) {
	err = s.tx.Read(ctx, func(t *tx.Tx) (err error) { answer, err = fn(t); return err })
	return answer, err
}

// write runs fn in a commit that locks no account.
func (s *Service) write(ctx context.Context, fn func(*tx.Tx) error) error {
	return s.tx.Write(ctx, nil, fn)
}
