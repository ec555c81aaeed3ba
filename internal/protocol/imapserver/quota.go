package imapserver

import (
	"errors"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// An account's mailboxes have one quota root: its address. Everybody sees his own, and that of a mailbox of others that he
// may read; an admin sees and sets all.

func quotaExtension() extension {
	return extension{
		capabilities: append(announced("QUOTA", "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE", "QUOTA=RES-MAILBOX"),
			capability{name: "QUOTASET", offered: (*session).isAdmin}),
		commands: map[string]command{
			"GETQUOTA":     {run: on((*session).getQuota)},
			"GETQUOTAROOT": {run: on((*session).getQuotaRoot)},
			"SETQUOTA":     {run: on((*session).setQuota)},
		},
		statusItems: map[imap.StatusItem]statusItem{imap.StatusDeletedStorage: statusDeletedStorage},
	}
}

// storageUnit is what STORAGE counts in (RFC 9208 5.1).
const storageUnit = 1024

// isAdmin reports whether the account is an admin at this moment, so that who is none any more is offered nothing.
func (s *session) isAdmin() (admin bool) {
	if s.account == 0 {
		return false
	}
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
		admin, err = s.adminIn(t)
		return err
	})
	return err == nil && admin
}

func (s *session) adminIn(t *tx.Tx) (bool, error) {
	a, err := s.o.Directory.Account(t, s.account)
	return a.Admin, err
}

// onlyAdmin refuses SETQUOTA to others.
func (s *session) onlyAdmin(t *tx.Tx) error {
	admin, err := s.adminIn(t)
	if err == nil && !admin {
		err = mail.E("imapserver.setQuota", mail.Denied, errors.New("only an admin sets quotas"))
	}
	return err
}

// quota is what a quota root says.
type quota struct {
	root string
	uses []imap.ResourceUse
}

func (s *session) tellQuota(q quota) { s.out.Quota(q.root, q.uses) }

func (s *session) getQuota(c imap.GetQuota) (reply, error) {
	var q quota
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		owner, err := s.rootIn(t, c.Root)
		if err != nil {
			return err
		}
		q, err = s.quotaOf(t, owner)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	s.tellQuota(q)
	return ok("this is the quota"), nil
}

// getQuotaRoot answers for names that no mailbox bears, too: it is the root that they would have (RFC 9208 4.1.2).
func (s *session) getQuotaRoot(c imap.GetQuotaRoot) (reply, error) {
	var q quota
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		id := s.account
		if mailbox.Foreign(c.Mailbox) {
			m, err := s.reach(t, c.Mailbox)
			if err == nil {
				err = m.check(mail.RightRead)
			}
			if err != nil {
				return err
			}
			id = m.owner
		}
		owner, err := s.o.Directory.Account(t, id)
		if err != nil {
			return err
		}
		q, err = s.quotaOf(t, owner)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	s.out.QuotaRoot(c.Mailbox, q.root)
	s.tellQuota(q)
	return ok("this is the quota"), nil
}

// setQuota replaces all limits of a quota root: what the command does not name is not limited any more (RFC 9208 4.1.3).
func (s *session) setQuota(c imap.SetQuota) (reply, error) {
	limits, err := limitsOf(c)
	if err != nil {
		return reply{}, err
	}
	var owner directory.Account
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		if err := s.onlyAdmin(t); err != nil {
			return err
		}
		owner, err = s.rootIn(t, c.Root)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	var q quota
	err = s.o.Tx.Write(s.ctx, []mail.AccountID{owner.ID}, func(t *tx.Tx) error {
		if err := s.onlyAdmin(t); err != nil { // who was one may not be any more
			return err
		}
		if err := s.o.Directory.SetQuota(t, owner.ID, limits); err != nil {
			return err
		}
		q, err = s.quotaOf(t, owner)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	s.log.Info("imap: quota set", "root", q.root, "bytes", limits.Bytes, "messages", limits.Messages, "mailboxes", limits.Mailboxes)
	s.tellQuota(q)
	return ok("the quota is set"), nil
}

// limitsOf reads the limits of a SETQUOTA. 0 would be no limit for the directory, and nothing at all for the client: it is
// refused.
func limitsOf(c imap.SetQuota) (q directory.Quota, err error) {
	into := map[imap.Resource]struct {
		limit *int64
		unit  int64
	}{imap.ResourceStorage: {&q.Bytes, storageUnit}, imap.ResourceMessage: {&q.Messages, 1}, imap.ResourceMailbox: {&q.Mailboxes, 1}}
	const op, most = "imapserver.setQuota", 1<<63 - 1
	for _, l := range c.Limits {
		to, known := into[l.Resource]
		switch {
		case !known:
			return q, mail.E(op, mail.Invalid, fmt.Errorf("%.40s is not limited here: STORAGE, MESSAGE and MAILBOX are", l.Resource))
		case l.Limit == 0 || l.Limit > most/to.unit:
			return q, mail.E(op, mail.Invalid, fmt.Errorf("a limit of %s is a number from 1 to %d; leave it out for none", l.Resource, most/to.unit))
		}
		*to.limit = l.Limit * to.unit
	}
	return q, nil
}

// rootIn returns the account whose quota root has a name, if the session may know of it.
func (s *session) rootIn(t *tx.Tx, root string) (directory.Account, error) {
	none := mail.E("imapserver.quota", mail.NotFound, errors.New("there is no such quota root: it is the address of an account"))
	address, err := directory.ParseAddress(root)
	if err != nil {
		return directory.Account{}, none
	}
	owner, err := s.o.Directory.ByAddress(t, address)
	if err != nil && !mail.Is(err, mail.NotFound) {
		return owner, err
	}
	if err == nil && owner.ID == s.account {
		return owner, nil
	}
	// What is not there, and what is nobody else's business, look the same.
	admin, adminErr := s.adminIn(t)
	if err != nil || !admin {
		return owner, errors.Join(adminErr, none)
	}
	return owner, nil
}

// quotaOf reads what is limited for an account. The number of mailboxes always is.
func (s *session) quotaOf(t *tx.Tx, owner directory.Account) (quota, error) {
	state, err := s.o.Directory.QuotaState(t, owner.ID)
	if err != nil {
		return quota{}, err
	}
	mailboxes, err := s.o.Mailbox.Count(t, owner.ID)
	if err != nil {
		return quota{}, err
	}
	q := quota{root: owner.Address.String()}
	if state.Bytes > 0 {
		q.uses = append(q.uses, imap.ResourceUse{Resource: imap.ResourceStorage, Usage: storageUnits(state.UsedBytes), Limit: storageUnits(state.Bytes)})
	}
	if state.Messages > 0 {
		q.uses = append(q.uses, imap.ResourceUse{Resource: imap.ResourceMessage, Usage: state.UsedMessages, Limit: state.Messages})
	}
	most := int64(mailbox.MaxMailboxes)
	if state.Mailboxes > 0 {
		most = min(most, state.Mailboxes)
	}
	q.uses = append(q.uses, imap.ResourceUse{Resource: imap.ResourceMailbox, Usage: mailboxes, Limit: most})
	return q, nil
}

// storageUnits rounds up, so that something is never nothing.
func storageUnits(bytes int64) int64 { return bytes/storageUnit + min(bytes%storageUnit, 1) }

func statusDeletedStorage(s *session, t *tx.Tx, owner mail.AccountID, list []mailbox.Mailbox) (func(mail.MailboxID, *imap.StatusData), error) {
	bytes, err := s.o.Mailbox.DeletedBytes(t, owner, list)
	return func(id mail.MailboxID, d *imap.StatusData) { d.DeletedStorage = bytes[id] }, err
}
