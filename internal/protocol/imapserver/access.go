package imapserver

import (
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The mailboxes of others are seen as "Other Users/ADDRESS/PATH", those of accounts that the operator has marked as shared as
// "Shared Folders/ADDRESS/PATH". Whose a mailbox is, is decided here; all that follows asks the store for that account.

// access is a mailbox that a command names: whose it is, and what the session may do with it. Its path is the one that the
// client sees. The use and the subscription of a mailbox of another account are its owner's, and not told.
type access struct {
	mailbox.Mailbox
	owner  mail.AccountID
	rights mail.Rights
}

// place is where a path leads, whether there is a mailbox or not.
type place struct {
	owner  mail.AccountID
	prefix string // of the client's name
	path   string // the owner's name
}

var errNotThere = mailbox.CheckRights(0, mail.RightLookup)

// locate finds whose mailbox a path is. An account that is not there gives nothing, as one that shares nothing.
func (s *session) locate(t *tx.Tx, path string) (place, error) {
	if !mailbox.Foreign(path) {
		return place{owner: s.account, path: path}, nil
	}
	levels := strings.SplitN(path, mailbox.Separator, 3)
	if len(levels) < 3 {
		return place{}, errNotThere
	}
	address, err := directory.ParseAddress(unescapeAddress.Replace(levels[1]))
	if err != nil {
		return place{}, errNotThere
	}
	owner, err := s.o.Directory.ByAddress(t, address)
	switch {
	case mail.Is(err, mail.NotFound):
		return place{}, errNotThere
	case err != nil:
		return place{}, err
	case owner.ID == s.account, owner.Shared != (levels[0] == mailbox.SharedFolders):
		return place{}, errNotThere
	}
	return place{owner: owner.ID, prefix: prefixOf(owner), path: levels[2]}, nil
}

// unescapeAddress undoes what mailbox.ForeignPrefix does to an address.
var unescapeAddress = strings.NewReplacer("%25", "%", "%2F", mailbox.Separator, "%2f", mailbox.Separator)

// prefixOf is what stands before the paths of an account's mailboxes where others see them.
func prefixOf(owner directory.Account) string {
	return mailbox.ForeignPrefix(owner.Address, owner.Shared)
}

// reach returns the mailbox of a path with the rights to it, whatever these are.
func (s *session) reach(t *tx.Tx, path string) (access, error) {
	at, err := s.locate(t, path)
	if err != nil {
		return access{}, err
	}
	m, err := s.o.Mailbox.ByPath(t, at.owner, at.path)
	if err != nil {
		if at.owner != s.account {
			err = hide(err)
		}
		return access{}, err
	}
	rights, err := s.o.Mailbox.RightsOf(t, at.owner, m.ID, s.account)
	return s.accessTo(m, at.owner, at.prefix, rights), err
}

// hide lets a name that cannot be look like one that is not.
func hide(err error) error {
	if mail.Is(err, mail.Invalid) || mail.Is(err, mail.Limit) {
		return errNotThere
	}
	return err
}

func (s *session) accessTo(m mailbox.Mailbox, owner mail.AccountID, prefix string, rights mail.Rights) access {
	if owner != s.account {
		m.Path, m.Role, m.Subscribed = prefix+m.Path, "", false
	}
	return access{Mailbox: m, owner: owner, rights: rights}
}

// mine is accessTo for a mailbox of the session's own account.
func (s *session) mine(m *mailbox.Mailbox) *access {
	return &access{Mailbox: *m, owner: s.account, rights: mail.AllRights}
}

// foreign reports whether a mailbox is another account's.
func (s *session) foreign(owner mail.AccountID) bool { return owner != s.account }

// find returns the mailbox of a path to which the session has the rights that a command needs.
func (s *session) find(path string, need mail.Rights) (a access, err error) {
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		if a, err = s.reach(t, path); err == nil {
			err = a.check(need)
		}
		return err
	})
	return a, err
}

// check answers whether the rights are there that a command needs.
func (a *access) check(need mail.Rights) error { return mailbox.CheckRights(a.rights, need) }

// needs is check for the mailbox that is open: that it is there is no secret.
func (sel *selected) needs(rights mail.Rights) error {
	if sel.rights.Has(rights) {
		return nil
	}
	return mailbox.MissingRights(sel.rights, rights)
}

// whereTo is locate in a reading of its own, for a new name. One that no mailbox of others can have is taken for the session's
// own: the room says what is wrong with it.
func (s *session) whereTo(path string) (at place, err error) {
	if levels := strings.SplitN(path, mailbox.Separator, 3); len(levels) < 3 || levels[2] == "" {
		return place{owner: s.account, path: path}, nil
	}
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		at, err = s.locate(t, path)
		return err
	})
	return at, err
}

// sharedNames returns the mailboxes of others that LIST may show.
func (s *session) sharedNames(t *tx.Tx) (all []access, err error) {
	owners, err := s.o.Mailbox.Sharers(t, s.account)
	if err != nil {
		return nil, err
	}
	for _, id := range owners {
		owner, err := s.o.Directory.Account(t, id)
		if mail.Is(err, mail.NotFound) {
			continue // it is being removed
		}
		if err != nil {
			return nil, err
		}
		shared, err := s.o.Mailbox.SharedBy(t, id, s.account)
		if err != nil {
			return nil, err
		}
		for _, m := range shared {
			if m.Rights.Has(mail.RightLookup) {
				all = append(all, s.accessTo(m.Mailbox, id, prefixOf(owner), m.Rights))
			}
		}
	}
	return all, nil
}

// reconsider looks whether the session may still do what it could with the mailbox of another account that it has open. It
// ends where the client may not read it any more (RFC 4314 5.1.1), since there is no state in IMAP for that.
func (s *session) reconsider() error {
	sel := s.selected
	if sel == nil || !s.foreign(sel.owner) {
		return nil
	}
	var rights mail.Rights
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
		rights, err = s.o.Mailbox.RightsOf(t, sel.owner, sel.id, s.account)
		return err
	})
	switch {
	case err != nil:
		return err
	case !rights.Has(mail.RightRead):
		code := imap.CodeNoPerm
		if !rights.Has(mail.RightLookup) {
			code = imap.CodeNonExistent
		}
		s.dropSelected()
		s.bye(code, "you may not read this mailbox any more")
	case rights != sel.rights:
		s.tellRights(rights)
	}
	return nil
}

// tellRights tells a client that has a mailbox open what it can change in it now (RFC 4314 5.1.1).
func (s *session) tellRights(rights mail.Rights) {
	sel := s.selected
	was := sel.readOnly
	sel.rights = rights
	sel.readOnly = sel.examined || !rights.HasAny(changingRights)
	s.tellPermanentFlags()
	switch {
	case sel.readOnly && !was:
		s.out.Untagged(imap.OK, imap.CodeReadOnly, "nothing can be changed here any more")
	case was && !sel.readOnly:
		s.out.Untagged(imap.OK, imap.CodeReadWrite, "something can be changed here now")
	}
}

// changingRights are those with which something can be changed in a mailbox that is selected.
const changingRights = mail.RightSeen | mail.RightWrite | mail.RightDeleteMessages | mail.RightExpunge

// dropSelected forgets the selected mailbox without a word to the store.
func (s *session) dropSelected() {
	if s.selected.watch != nil {
		s.selected.watch.Close()
	}
	s.selected = nil
}
