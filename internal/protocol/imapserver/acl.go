package imapserver

import (
	"errors"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Identifiers are addresses of accounts, and "anyone", which only mailboxes of shared accounts can be opened to: else every
// account would put names into the lists of all others. With "-" before it, rights are taken from an identifier.
const anyone = "anyone"

func aclExtension() extension {
	return extension{
		// RFC 4314 5.1.1: RIGHTS= names what RFC 2086 has not.
		capabilities: append(announced("ACL", "LIST-MYRIGHTS"), capability{name: "RIGHTS", value: func(*Options) string { return "kxte" }}),
		commands: map[string]command{
			"SETACL":     {run: on((*session).setACL)},
			"DELETEACL":  {run: on((*session).deleteACL)},
			"GETACL":     {run: on((*session).getACL)},
			"LISTRIGHTS": {run: on((*session).listRights)},
			"MYRIGHTS":   {run: on((*session).myRights)},
		},
		listReturns: []listReturn{listMyRights},
	}
}

// grantee is who an identifier means.
type grantee struct {
	id       mail.AccountID
	negative bool
}

// identifyIn finds who an identifier means for a mailbox. An identifier that begins with "-" is negative, whatever addresses
// there are.
func (s *session) identifyIn(t *tx.Tx, m *access, identifier string) (g grantee, err error) {
	const op = "imapserver.acl"
	identifier, g.negative = strings.CutPrefix(identifier, "-")
	if strings.EqualFold(identifier, anyone) {
		owner, err := s.o.Directory.Account(t, m.owner)
		if err == nil && !owner.Shared {
			err = mail.E(op, mail.Denied, errors.New("only the mailboxes of a shared account can be opened to anyone: name addresses"))
		}
		return grantee{mailbox.Anyone, g.negative}, err
	}
	unknown := mail.E(op, mail.Invalid, errors.New("an identifier is the address of an account of this server, or anyone; with - before it, rights are taken away"))
	address, err := directory.ParseAddress(identifier)
	if err != nil {
		return g, unknown
	}
	account, err := s.o.Directory.ByAddress(t, address)
	if mail.Is(err, mail.NotFound) {
		return g, unknown
	}
	g.id = account.ID
	return g, err
}

// granteeIn is identifyIn for a change, which may take away what was given to anyone, or taken, while the account was shared.
func (s *session) granteeIn(t *tx.Tx, m *access, identifier string, gives bool) (grantee, error) {
	g, err := s.identifyIn(t, m, identifier)
	if mail.Is(err, mail.Denied) && !gives {
		err = nil
	}
	return g, err
}

func (s *session) setACL(c imap.SetACL) (reply, error) {
	ops := map[imap.RightsAction]mailbox.RightsOp{imap.RightsReplace: mailbox.SetRights, imap.RightsAdd: mailbox.AddRights, imap.RightsRemove: mailbox.RemoveRights}
	return s.changeACL(c.Mailbox, c.Identifier, ops[c.Action], c.Rights)
}

func (s *session) deleteACL(c imap.DeleteACL) (reply, error) {
	return s.changeACL(c.Mailbox, c.Identifier, mailbox.SetRights, 0)
}

func (s *session) changeACL(path, identifier string, op mailbox.RightsOp, rights mail.Rights) (reply, error) {
	var m access
	var g grantee
	gives := op != mailbox.RemoveRights && rights != 0
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
		if m, err = s.reach(t, path); err == nil {
			err = m.check(mail.RightAdminister)
		}
		if err == nil {
			g, err = s.granteeIn(t, &m, identifier, gives)
		}
		return err
	})
	if err != nil {
		return reply{}, err
	}
	accounts := only(m.owner)
	if g.id != mailbox.Anyone && g.id != m.owner {
		accounts = append(accounts, g.id)
	}
	err = s.o.Tx.Write(s.ctx, accounts, func(t *tx.Tx) error {
		if _, err := s.granteeIn(t, &m, identifier, gives); err != nil { // it may be a shared account no more
			return err
		}
		return s.o.Mailbox.As(s.account).Grant(t, m.owner, m.ID, op, mailbox.Grant{Grantee: g.id, Negative: g.negative, Rights: rights})
	})
	if err != nil {
		return reply{}, err
	}
	s.log.Info("imap: rights changed", "mailbox", m.ID, "owner", m.owner, "grantee", g.id, "negative", g.negative, "rights", rights.String())
	return ok("the rights are changed"), nil
}

func (s *session) getACL(c imap.GetACL) (reply, error) {
	var m access
	var entries []imap.ACLEntry
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
		if m, err = s.reach(t, c.Mailbox); err == nil {
			err = m.check(mail.RightAdminister)
		}
		if err == nil {
			entries, err = s.entriesOf(t, &m)
		}
		return err
	})
	if err != nil {
		return reply{}, err
	}
	s.out.ACL(m.Path, entries)
	return ok("these are the rights"), nil
}

// entriesOf lists who has rights to a mailbox, its owner first.
func (s *session) entriesOf(t *tx.Tx, m *access) ([]imap.ACLEntry, error) {
	owner, err := s.o.Directory.Account(t, m.owner)
	if err != nil {
		return nil, err
	}
	grants, err := s.o.Mailbox.Grants(t, m.owner, m.ID)
	if err != nil {
		return nil, err
	}
	entries := []imap.ACLEntry{{Identifier: owner.Address.String(), Rights: mail.AllRights}}
	for _, g := range grants {
		name := anyone
		if g.Grantee != mailbox.Anyone {
			account, err := s.o.Directory.Account(t, g.Grantee)
			if mail.Is(err, mail.NotFound) {
				continue // it is being removed
			}
			if err != nil {
				return nil, err
			}
			name = account.Address.String()
		}
		if g.Negative {
			name = "-" + name
		}
		entries = append(entries, imap.ACLEntry{Identifier: name, Rights: g.Rights})
	}
	return entries, nil
}

func (s *session) listRights(c imap.ListRights) (reply, error) {
	var m access
	var required, optional mail.Rights
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
		if m, err = s.reach(t, c.Mailbox); err == nil {
			err = m.check(mail.RightAdminister)
		}
		if err != nil {
			return err
		}
		g, err := s.identifyIn(t, &m, c.Identifier)
		switch required, optional = 0, mail.AllRights; {
		case mail.Is(err, mail.Denied): // anyone, which gets nothing here
			optional, err = 0, nil
		case err == nil && g.id == m.owner && g.negative:
			optional = 0
		case err == nil && g.id == m.owner:
			required, optional = mail.AllRights, 0
		}
		return err
	})
	if err != nil {
		return reply{}, err
	}
	s.out.ListRights(m.Path, c.Identifier, required, optional) // RFC 4314 3.4: the identifier as it was given
	return ok("these rights can be granted"), nil
}

func (s *session) myRights(c imap.MyRights) (reply, error) {
	// RFC 4314 4: one of these is enough.
	const some = mail.RightLookup | mail.RightRead | mail.RightInsert | mail.RightCreate | mail.RightDelete | mail.RightAdminister
	var m access
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
		if m, err = s.reach(t, c.Mailbox); err == nil && !m.rights.HasAny(some) {
			err = errNotThere
		}
		return err
	})
	if err != nil {
		return reply{}, err
	}
	s.out.MyRights(m.Path, m.rights)
	return ok("these are your rights"), nil
}

// listMyRights is the return option MYRIGHTS (RFC 8440).
func listMyRights(s *session, c imap.List, _ []*access) (func(*access) error, error) {
	if !c.Return.MyRights {
		return nil, nil
	}
	return func(m *access) error { s.out.MyRights(m.Path, m.rights); return nil }, nil
}
