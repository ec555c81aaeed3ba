package imapserver

import (
	"errors"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// delimiter is the room's separator as IMAP wants it.
const delimiter = '/' // mailbox.Separator; a test holds them equal

func mailboxExtension() extension {
	return extension{
		capabilities: announced("NAMESPACE", "CHILDREN", "SPECIAL-USE", "CREATE-SPECIAL-USE", "STATUS=SIZE", "OBJECTID"),
		commands: map[string]command{
			"CREATE":      {run: with((*session).create)},
			"DELETE":      {run: with((*session).delete)},
			"RENAME":      {run: with((*session).rename)},
			"SUBSCRIBE":   {run: on(func(s *session, c imap.Subscribe) (reply, error) { return s.subscribe(c.Mailbox, true) })},
			"UNSUBSCRIBE": {run: on(func(s *session, c imap.Unsubscribe) (reply, error) { return s.subscribe(c.Mailbox, false) })},
			"NAMESPACE":   {run: on((*session).namespace)},
			"STATUS":      {run: on((*session).status)},
		},
		statusItems: map[imap.StatusItem]statusItem{imap.StatusRecent: statusRecent},
	}
}

func (s *session) namespace(imap.Namespace) (reply, error) {
	s.out.Namespace([]imap.NamespaceEntry{{Prefix: "", Delimiter: delimiter}},
		[]imap.NamespaceEntry{{Prefix: mailbox.OtherUsers + mailbox.Separator, Delimiter: delimiter}},
		[]imap.NamespaceEntry{{Prefix: mailbox.SharedFolders + mailbox.Separator, Delimiter: delimiter}})
	return ok("these are the namespaces"), nil
}

func only(account mail.AccountID) []mail.AccountID { return []mail.AccountID{account} }

func (s *session) create(r imap.Request, c imap.Create) (reply, error) {
	role, err := roleFor(c.Use)
	if err == nil && role != "" && mailbox.Foreign(c.Mailbox) { // whether there is such an account or not
		err = errOthersUse
	}
	if err != nil {
		return reply{}, err
	}
	at, err := s.whereTo(c.Mailbox)
	if err != nil {
		return reply{}, err
	}
	made, err := tx.Once(s.ctx, s.o.Tx, tx.NewKey(), only(at.owner), func(t *tx.Tx) (mailbox.Mailbox, error) {
		if err := s.roleIsFree(t, 0, role); err != nil {
			return mailbox.Mailbox{}, err
		}
		return s.o.Mailbox.As(s.account).Create(t, at.owner, at.path, role)
	})
	if err != nil {
		return reply{}, err
	}
	s.tellCanonical(r.Canonical, s.entryOf(s.accessTo(made, at.owner, at.prefix, 0).Mailbox, nil))
	return reply{imap.OK, imap.CodeMailboxID(made.ID.String()), "created"}, nil // RFC 8474 4.1
}

func (s *session) delete(r imap.Request, c imap.Delete) (reply, error) {
	m, err := s.find(c.Mailbox, mail.RightDelete)
	if err != nil {
		return reply{}, err
	}
	err = s.o.Mailbox.As(s.account).Delete(s.ctx, m.owner, m.ID)
	if errors.Is(err, mailbox.ErrHasChildren) {
		return no(imap.CodeHasChildren, cause(err)), nil // RFC 9051 6.3.5
	}
	if err != nil {
		return reply{}, err
	}
	if s.selected != nil && s.selected.id == m.ID {
		s.leave()
	}
	s.tellCanonical(r.Canonical, imap.ListEntry{Attributes: []string{`\NonExistent`}, Delimiter: delimiter, Name: m.Path})
	return ok("deleted"), nil
}

func (s *session) rename(r imap.Request, c imap.Rename) (reply, error) {
	m, err := s.find(c.From, mail.RightDelete)
	if err != nil {
		return reply{}, err
	}
	to, err := s.whereTo(c.To)
	if mail.Is(err, mail.NotFound) || err == nil && m.owner != to.owner { // which of them, is not told
		return no(imap.CodeCannot, "a mailbox stays with its account: move the messages"), nil
	}
	if err != nil {
		return reply{}, err
	}
	var renamed mailbox.Mailbox
	if m.Role == mailbox.RoleInbox {
		// RFC 9051 6.3.6: the messages move to a new mailbox, and INBOX stays.
		s.touch(m.ID)
		renamed, err = s.o.Mailbox.RenameInbox(s.ctx, s.account, c.To)
	} else {
		err = s.o.Tx.Write(s.ctx, only(to.owner), func(t *tx.Tx) (err error) {
			renamed, err = s.o.Mailbox.As(s.account).Rename(t, to.owner, m.ID, to.path)
			return err
		})
	}
	if err != nil {
		return reply{}, err
	}
	s.tellRenamed(r.Canonical, c, s.accessTo(renamed, to.owner, to.prefix, 0).Mailbox)
	return ok("renamed"), nil
}

// tellRenamed tells the new name with the old one as the client has written it, where it has written one of them differently
// (RFC 9051 6.3.6). INBOX has not lost its name: of it only the name that its messages have got is told.
func (s *session) tellRenamed(given []imap.CanonicalName, c imap.Rename, m mailbox.Mailbox) {
	e := s.entryOf(m, nil)
	if c.From == mailbox.Inbox {
		s.tellCanonical(given, e)
		return
	}
	if !s.dialect.Rev2 || len(given) == 0 {
		return
	}
	e.OldName = c.From
	for _, g := range given {
		if g.Name == c.From {
			e.OldName = g.Given
		}
	}
	s.out.List(e)
}

// entryOf is how LIST tells of a mailbox that a command names, with the name the client gave where that was not the
// mailbox's (RFC 9051 6.3.9.7).
func (s *session) entryOf(m mailbox.Mailbox, given []imap.CanonicalName) imap.ListEntry {
	e := imap.ListEntry{Delimiter: delimiter, Name: m.Path}
	if use := attributes[m.Role]; use != "" {
		e.Attributes = []string{use}
	}
	if m.Subscribed {
		e.Attributes = append(e.Attributes, `\Subscribed`) // RFC 9051 6.3.2, 6.3.6
	}
	for _, g := range given {
		if g.Name == m.Path {
			e.OldName = g.Given
		}
	}
	return e
}

// tellCanonical tells the name of a mailbox where the client has written it differently. Clients of RFC 3501 do not know
// OLDNAME.
func (s *session) tellCanonical(given []imap.CanonicalName, e imap.ListEntry) {
	for _, g := range given {
		if s.dialect.Rev2 && strings.TrimSuffix(g.Name, mailbox.Separator) == e.Name {
			e.OldName = g.Given
			s.out.List(e)
			return
		}
	}
}

func (s *session) subscribe(path string, subscribed bool) (reply, error) {
	err := s.o.Tx.Write(s.ctx, only(s.account), func(t *tx.Tx) error {
		return s.o.Mailbox.SetSubscribed(t, s.account, path, subscribed)
	})
	if err != nil {
		return reply{}, err
	}
	return ok("done"), nil
}

var tryCreate = no(imap.CodeTryCreate, "there is no such mailbox: create it first")

// target is find for a mailbox that messages go to: RFC 9051 6.3.12 and 6.4.7 want TRYCREATE where it could be made.
func (s *session) target(path string) (access, *reply, error) {
	m, err := s.find(path, mail.RightInsert)
	if mail.Is(err, mail.NotFound) && !mailbox.Foreign(path) {
		return m, &tryCreate, nil
	}
	return m, nil, err
}

func (s *session) status(c imap.Status) (reply, error) {
	m, err := s.find(c.Mailbox, mail.RightRead)
	if err != nil {
		return reply{}, err
	}
	s.noteModSeqItem(c.Items)
	numbers, err := s.statusOf([]*access{&m}, c.Items)
	if err != nil {
		return reply{}, err
	}
	s.out.Status(m.Path, c.Items, numbers(&m))
	return ok("these are its numbers"), nil
}

// noteModSeqItem: who asks for HIGHESTMODSEQ understands MODSEQ (RFC 7162 3.1).
func (s *session) noteModSeqItem(items []imap.StatusItem) {
	if slices.Contains(items, imap.StatusHighestModSeq) {
		s.understandModSeq()
	}
}

// statusData is what the row of a mailbox says of it.
func (s *session) statusData(m *access, items []imap.StatusItem) imap.StatusData {
	if slices.Contains(items, imap.StatusHighestModSeq) {
		s.touch(m.ID) // RFC 7162 3.2: who is told the number must have heard of everything up to there
	}
	return imap.StatusData{
		Messages: uint32(m.Messages), Unseen: uint32(m.Unseen), Deleted: uint32(m.Deleted),
		UIDNext: m.UIDNext, UIDValidity: m.UIDValidity, Size: m.Bytes, HighestModSeq: m.ModSeq,
		AppendLimit: s.o.Limits.MessageSize, MailboxID: m.ID.String(),
	}
}

// statusItem reads a number that the rows of mailboxes do not have, for some mailboxes of an account together, and returns what
// fills it in for one of them.
type statusItem func(s *session, t *tx.Tx, owner mail.AccountID, list []mailbox.Mailbox) (func(mail.MailboxID, *imap.StatusData), error)

func statusRecent(s *session, t *tx.Tx, owner mail.AccountID, list []mailbox.Mailbox) (func(mail.MailboxID, *imap.StatusData), error) {
	numbers, err := s.o.Mailbox.Recent(t, owner, list)
	return func(id mail.MailboxID, d *imap.StatusData) { d.Recent = uint32(numbers[id]) }, err
}

// statusOf reads what STATUS items want of some mailboxes together, and returns what gives it for one of them.
func (s *session) statusOf(batch []*access, items []imap.StatusItem) (func(*access) imap.StatusData, error) {
	type filling struct {
		owner mail.AccountID
		fill  func(mail.MailboxID, *imap.StatusData)
	}
	var fills []filling
	read := func(t *tx.Tx) error {
		fills = nil
		for rest := batch; len(rest) > 0; {
			owner, list := sameOwner(rest)
			rest = rest[len(list):]
			for _, i := range items {
				item := s.server.offers.statusItems[i]
				if item == nil {
					continue
				}
				fill, err := item(s, t, owner, list)
				if err != nil {
					return err
				}
				fills = append(fills, filling{owner, fill})
			}
		}
		return nil
	}
	var err error
	if slices.ContainsFunc(items, func(i imap.StatusItem) bool { return s.server.offers.statusItems[i] != nil }) {
		err = s.o.Tx.Read(s.ctx, read)
	}
	return func(m *access) imap.StatusData {
		d := s.statusData(m, items)
		for _, f := range fills {
			if f.owner == m.owner {
				f.fill(m.ID, &d)
			}
		}
		return d
	}, err
}

// sameOwner returns those mailboxes at the beginning of some that belong to the same account.
func sameOwner(batch []*access) (owner mail.AccountID, list []mailbox.Mailbox) {
	owner = batch[0].owner
	for _, m := range batch {
		if m.owner != owner {
			break
		}
		list = append(list, m.Mailbox)
	}
	return owner, list
}
