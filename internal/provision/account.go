package provision

import (
	"context"
	"errors"
	"log/slog"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Account is an account with what it may keep and does.
type Account struct {
	directory.Account
	Quota   directory.QuotaState
	Sending submissions.Sending
}

// Request asks for an account.
type Request struct {
	Address  mail.Address
	Name     string
	Password string // "": none, so that nobody signs in until there is one or an app password
	Quota    directory.Quota
}

// mailboxes are what an account begins with besides INBOX. All are subscribed to: clients show only those.
var mailboxes = []struct {
	name string
	role mailbox.Role
}{
	{"INBOX", ""}, // the room gives it its role
	{"Drafts", mailbox.RoleDrafts},
	{"Sent", mailbox.RoleSent},
	{"Junk", mailbox.RoleJunk},
	{"Trash", mailbox.RoleTrash},
	{"Archive", mailbox.RoleArchive},
}

// homeTries is how many homes AddAccount makes, should Tidy on another node take one for left over.
const homeTries = 3

// AddAccount makes an account.
func (s *Service) AddAccount(ctx context.Context, r Request) (Account, error) {
	var hash auth.Hash
	if r.Password != "" {
		var err error
		if hash, err = s.auth.HashPassword(ctx, r.Password); err != nil {
			return Account{}, err
		}
	}
	for try := 1; ; try++ {
		id, err := s.addHome(ctx, r.Quota)
		if err != nil {
			return Account{}, err
		}
		account, err := tx.Once(ctx, s.tx, tx.NewKey(), []mail.AccountID{id}, func(t *tx.Tx) (directory.Account, error) {
			return s.fill(t, id, r, hash)
		})
		switch {
		case err == nil:
			return Account{Account: account, Quota: directory.QuotaState{Quota: r.Quota}}, nil
		case mail.Is(err, mail.Gone) && try < homeTries:
			continue
		case !mail.Is(err, mail.Unavailable): // then the commit may have happened, or cleaning up would fail as well
			if e := s.abandon(context.WithoutCancel(ctx), id); e != nil {
				s.log.WarnContext(ctx, "the home of an account that was not made is left to be tidied up", "account", id, "error", e)
			}
		}
		return Account{}, err
	}
}

func (s *Service) addHome(ctx context.Context, q directory.Quota) (id mail.AccountID, err error) {
	err = s.write(ctx, func(t *tx.Tx) error {
		n, err := t.NewID()
		if err != nil {
			return err
		}
		id = mail.AccountID(n)
		key, err := s.bodies.NewAccountKey(id)
		if err != nil {
			return err
		}
		return s.directory.AddHome(t, id, key, q)
	})
	return id, err
}

// fill makes a home an account.
func (s *Service) fill(t *tx.Tx, id mail.AccountID, r Request, hash auth.Hash) (directory.Account, error) {
	account, err := s.directory.AddAccount(t, directory.Account{ID: id, Address: r.Address, Name: r.Name})
	if err != nil {
		return account, err
	}
	if hash != "" {
		if err := s.auth.SetPassword(t, id, hash); err != nil {
			return account, err
		}
	}
	for _, m := range mailboxes {
		made, err := s.mailboxes.Create(t, id, m.name, m.role)
		if err == nil && !made.Subscribed {
			err = s.mailboxes.SetSubscribed(t, id, m.name, true)
		}
		if err != nil {
			return account, err
		}
	}
	return account, nil
}

// abandon removes a home that never was an account.
func (s *Service) abandon(ctx context.Context, id mail.AccountID) error {
	err := s.tx.Write(ctx, []mail.AccountID{id}, func(t *tx.Tx) error {
		_, err := s.directory.Account(t, id)
		if !mail.Is(err, mail.NotFound) {
			return err // it has become one: its home is not left over
		}
		return s.directory.CloseHome(t, id)
	})
	if err != nil && !mail.Is(err, mail.Gone) {
		return err
	}
	return s.removeRowsIfClosed(ctx, id)
}

// Account returns the account with this address of its own.
func (s *Service) Account(ctx context.Context, a mail.Address) (Account, error) {
	return read(ctx, s, func(t *tx.Tx) (Account, error) {
		found, err := s.directory.ByAddress(t, a)
		if err != nil {
			return Account{}, err
		}
		return s.withQuota(t, found)
	})
}

func (s *Service) withQuota(t *tx.Tx, a directory.Account) (Account, error) {
	q, err := s.directory.QuotaState(t, a.ID)
	if err != nil {
		return Account{}, err
	}
	sending, err := s.sent.Sending(t, a.ID)
	return Account{a, q, sending}, err
}

// Accounts lists the accounts after a primary address, at most limit of them; with a domain, those of it. A domain
// that is none of this server's is mail.NotFound.
func (s *Service) Accounts(ctx context.Context, domain string, after mail.Address, limit int) ([]Account, error) {
	return read(ctx, s, func(t *tx.Tx) ([]Account, error) {
		found, err := s.directory.Accounts(t, domain, after, limit)
		if err == nil && len(found) == 0 {
			err = s.knows(t, domain)
		}
		if err != nil {
			return nil, err
		}
		out := make([]Account, len(found))
		for i, a := range found {
			if out[i], err = s.withQuota(t, a); err != nil {
				return nil, err
			}
		}
		return out, nil
	})
}

// AccountChange says what is to be different about an account; nil: as it is.
type AccountChange struct {
	Name           *string
	Disabled       *bool
	Admin          *bool
	Shared         *bool
	QuotaBytes     *int64
	QuotaMessages  *int64
	QuotaMailboxes *int64

	MaxRecipients *int64 // to whom it may write in a day; 0: as the server has it, submissions.NoLimit
	MaxStrangers  *int64 // of them such as it never wrote to before
	SentCopy      *bool  // what it submits is put into its mailbox Sent
	UndoSeconds   *int64 // for how long it is held, and can be taken back
}

// ChangeAccount makes all of a change or nothing.
func (s *Service) ChangeAccount(ctx context.Context, a mail.Address, c AccountChange) (Account, error) {
	return s.onAccount(ctx, a, func(t *tx.Tx, id mail.AccountID) error {
		var err error
		if c.Name != nil {
			err = s.directory.SetName(t, id, *c.Name)
		}
		if c.Disabled != nil && err == nil {
			ringSessions(t, id)
			err = s.directory.SetDisabled(t, id, *c.Disabled)
		}
		if c.Admin != nil && err == nil {
			err = s.directory.SetAdmin(t, id, *c.Admin)
		}
		if c.Shared != nil && err == nil {
			err = s.directory.SetShared(t, id, *c.Shared)
			if err == nil && !*c.Shared { // only shared accounts are open to anyone
				err = s.mailboxes.CloseToAnyone(t, id)
			}
		}
		if (c.QuotaBytes != nil || c.QuotaMessages != nil || c.QuotaMailboxes != nil) && err == nil {
			err = s.changeQuota(t, id, c)
		}
		if (c.MaxRecipients != nil || c.MaxStrangers != nil || c.SentCopy != nil || c.UndoSeconds != nil) && err == nil {
			err = s.changeSending(t, id, c)
		}
		return err
	})
}

func (s *Service) changeQuota(t *tx.Tx, id mail.AccountID, c AccountChange) error {
	q, err := s.directory.QuotaState(t, id)
	if err != nil {
		return err
	}
	if c.QuotaBytes != nil {
		q.Bytes = *c.QuotaBytes
	}
	if c.QuotaMessages != nil {
		q.Messages = *c.QuotaMessages
	}
	if c.QuotaMailboxes != nil {
		q.Mailboxes = *c.QuotaMailboxes
	}
	return s.directory.SetQuota(t, id, q.Quota)
}

// onAccount runs fn in a commit that locks the account, and returns the account as it is then.
func (s *Service) onAccount(ctx context.Context, a mail.Address, fn func(*tx.Tx, mail.AccountID) error) (out Account, err error) {
	account, err := s.Account(ctx, a)
	if err != nil {
		return Account{}, err
	}
	err = s.tx.Write(ctx, []mail.AccountID{account.ID}, func(t *tx.Tx) error {
		if err := fn(t, account.ID); err != nil {
			return err
		}
		found, err := s.directory.Account(t, account.ID)
		if err == nil {
			out, err = s.withQuota(t, found)
		}
		return err
	})
	return out, err
}

// ringSessions has the doors look at once whether the account's open sessions may go on (auth.Recheck). They also look now
// and then by themselves, which is all that is done when a domain is switched off.
func ringSessions(t *tx.Tx, id mail.AccountID) {
	t.Changed(tx.Change{Account: id, Kind: tx.KindSettings, Op: tx.Updated})
}

// SetPassword gives an account its password. App passwords stay, as do sessions that were signed in with one.
func (s *Service) SetPassword(ctx context.Context, a mail.Address, password string) error {
	if _, err := s.Account(ctx, a); err != nil {
		return err // before the time that hashing takes
	}
	hash, err := s.auth.HashPassword(ctx, password)
	if err != nil {
		return err
	}
	_, err = s.onAccount(ctx, a, func(t *tx.Tx, id mail.AccountID) error {
		ringSessions(t, id)
		return s.auth.SetPassword(t, id, hash)
	})
	return err
}

// AddAppPassword makes an app password. shown is its only copy.
func (s *Service) AddAppPassword(ctx context.Context, a mail.Address, name string) (made auth.AppPassword, shown string, err error) {
	account, err := s.Account(ctx, a)
	if err != nil {
		return auth.AppPassword{}, "", err
	}
	secret, err := s.auth.NewSecret(account.ID)
	if err != nil {
		return auth.AppPassword{}, "", err
	}
	made, err = tx.Once(ctx, s.tx, tx.NewKey(), []mail.AccountID{account.ID}, func(t *tx.Tx) (auth.AppPassword, error) {
		return s.auth.AddAppPassword(t, account.ID, name, secret)
	})
	if err != nil {
		return auth.AppPassword{}, "", err
	}
	return made, secret.Shown, nil
}

// AppPasswords lists the app passwords of an account.
func (s *Service) AppPasswords(ctx context.Context, a mail.Address) ([]auth.AppPassword, error) {
	return read(ctx, s, func(t *tx.Tx) ([]auth.AppPassword, error) {
		account, err := s.directory.ByAddress(t, a)
		if err != nil {
			return nil, err
		}
		return s.auth.AppPasswords(t, account.ID)
	})
}

// RevokeAppPassword removes an app password of an account.
func (s *Service) RevokeAppPassword(ctx context.Context, a mail.Address, id int64) error {
	_, err := s.onAccount(ctx, a, func(t *tx.Tx, account mail.AccountID) error {
		ringSessions(t, account)
		return s.auth.RevokeAppPassword(t, account, id)
	})
	return err
}

// Sessions lists the programs that an account has let in.
func (s *Service) Sessions(ctx context.Context, a mail.Address) ([]auth.Session, error) {
	return read(ctx, s, func(t *tx.Tx) ([]auth.Session, error) {
		account, err := s.directory.ByAddress(t, a)
		if err != nil {
			return nil, err
		}
		return s.auth.Sessions(t, account.ID)
	})
}

// RevokeSession ends a session of an account, 0 all of them.
func (s *Service) RevokeSession(ctx context.Context, a mail.Address, id int64) error {
	_, err := s.onAccount(ctx, a, func(t *tx.Tx, account mail.AccountID) error {
		if id == 0 {
			return s.auth.EndSessions(t, account)
		}
		return s.auth.RevokeSession(t, account, id)
	})
	return err
}

// RemoveAccount removes an account and its mail. When it returns nil the account is gone for good; if the last of its
// rows could not be removed, Tidy will.
func (s *Service) RemoveAccount(ctx context.Context, a mail.Address) error {
	account, err := s.Account(ctx, a)
	if err != nil {
		return err
	}
	id := account.ID
	err = s.tx.Write(ctx, []mail.AccountID{id}, func(t *tx.Tx) error {
		t.Changed(tx.Change{Account: id, Kind: tx.KindSettings, Op: tx.Destroyed}) // rings the bell for open sessions
		return errors.Join(s.directory.RemoveAccount(t, id), s.auth.RemoveAccount(t, id), s.directory.CloseHome(t, id))
	})
	if err != nil && !mail.Is(err, mail.Gone) { // Gone: another call removed it, or this one, before its answer was lost
		return err
	}
	s.keysGone.Store(true)
	s.bodies.Forget(id)
	if err := s.removeRows(ctx, id); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "rows of a removed account are left to be tidied up", slog.Any("account", id), slog.Any("error", err))
	}
	return nil
}

// RebuildSearch makes the text index of an account anew, beside service.
func (s *Service) RebuildSearch(ctx context.Context, a mail.Address) error {
	account, err := s.Account(ctx, a)
	if err != nil {
		return err
	}
	return s.index.Rebuild(ctx, account.ID)
}

func (s *Service) removeRowsIfClosed(ctx context.Context, id mail.AccountID) error {
	closed, err := read(ctx, s, func(t *tx.Tx) (bool, error) {
		_, err := s.directory.QuotaState(t, id)
		if mail.Is(err, mail.NotFound) {
			return true, nil
		}
		return false, err
	})
	if err != nil || !closed {
		return err
	}
	return s.removeRows(ctx, id)
}

// removeRows removes all rows of a closed account, its home last, in commits that can be repeated.
func (s *Service) removeRows(ctx context.Context, id mail.AccountID) error {
	for _, room := range []func(*tx.Tx, mail.AccountID) (bool, error){s.mailboxes.PurgeGrants, s.mailboxes.Purge, s.index.Purge, s.sent.Purge, s.contacts.Purge, s.pushes.Purge, s.identities.Purge, s.responses.Purge, s.notify.Purge, s.snoozed.Purge, s.bodies.ReleaseAll} {
		for more := true; more; {
			err := s.write(ctx, func(t *tx.Tx) (err error) { more, err = room(t, id); return err })
			if err != nil {
				return err
			}
		}
	}
	return s.write(ctx, func(t *tx.Tx) error { return s.directory.RemoveHome(t, id) })
}
