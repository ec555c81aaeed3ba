package imapserver

import (
	"math"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// selected is the mailbox a session has open.
type selected struct {
	id       mail.MailboxID
	readOnly bool
	view     *mailbox.View // what the client knows
	recent   mail.UID      // messages from here on are \Recent in this session
	saved    imap.Set      // UIDs that SEARCH RETURN (SAVE) kept (RFC 5182)
}

func (s *session) selectMailbox(c imap.Select) (reply, error) {
	if s.selected != nil {
		s.unselect()
		s.out.Untagged(imap.OK, imap.CodeClosed, "the mailbox before is closed") // RFC 9051 6.3.2, RFC 7162 3.2.11
	}
	if c.QResync != nil && !s.qresync {
		return bad("QRESYNC needs ENABLE QRESYNC first"), nil // RFC 7162 3.2.5
	}
	s.condstore = s.condstore || c.Condstore || c.QResync != nil
	m, err := s.find(c.Mailbox)
	if err != nil {
		return reply{}, err
	}
	view, err := s.o.Mailbox.View(s.ctx, s.account, m.ID)
	if err != nil {
		return reply{}, err
	}
	recent, err := s.takeRecent(m.ID, view, c.ReadOnly)
	if err != nil {
		return reply{}, err
	}
	s.selected = &selected{id: m.ID, readOnly: c.ReadOnly, view: view, recent: recent}
	s.describe(m)
	if c.QResync != nil {
		if err := s.resync(*c.QResync); err != nil {
			s.selected = nil
			return reply{}, err
		}
	}
	if c.ReadOnly {
		return reply{imap.OK, imap.CodeReadOnly, "selected, to look only"}, nil
	}
	return reply{imap.OK, imap.CodeReadWrite, "selected"}, nil
}

// describe sends what RFC 9051 6.3.2 wants of a mailbox that is opened.
func (s *session) describe(m mailbox.Mailbox) {
	sel := s.selected
	st := sel.view.Status()
	flags := flagNames(sel.view)
	s.out.Flags(flags)
	s.out.Exists(uint32(sel.view.Len()))
	if !s.dialect.Rev2 {
		s.out.Recent(s.countRecent(sel.view))
		if first := firstUnseen(sel.view); first > 0 {
			s.out.Untagged(imap.OK, imap.CodeUnseen(uint32(first)), "first unseen message")
		}
	}
	if sel.readOnly {
		s.out.Untagged(imap.OK, imap.CodePermanentFlags(nil, false), "nothing can be changed")
	} else {
		s.out.Untagged(imap.OK, imap.CodePermanentFlags(flags, true), "these flags and new ones are kept")
	}
	s.out.Untagged(imap.OK, imap.CodeUIDNext(st.UIDNext), "next UID")
	s.out.Untagged(imap.OK, imap.CodeUIDValidity(st.UIDValidity), "UIDs are valid")
	s.out.Untagged(imap.OK, imap.CodeHighestModSeq(st.ModSeq), "highest mod-sequence")
	s.out.Untagged(imap.OK, imap.CodeMailboxID(m.ID.String()), "mailbox id") // RFC 8474 4.2
	// RFC 9051 6.3.2: LIST tells the name in the form the server keeps it.
	entry := imap.ListEntry{Delimiter: delimiter, Name: m.Path}
	if use := attributes[m.Role]; use != "" {
		entry.Attributes = []string{use}
	}
	s.out.List(entry)
}

// flagNames lists the system flags, the keywords with a bit, and those in use.
func flagNames(v *mailbox.View) []string {
	all := mail.Flags{Bits: math.MaxUint32}.Names()
	return append(slices.Clip(all), v.KeywordsInUse()...)
}

func firstUnseen(v *mailbox.View) int {
	for seq, e := range v.All() {
		if e.Flags&mail.Seen == 0 {
			return seq
		}
	}
	return 0
}

// takeRecent returns from which UID on messages are \Recent here, and, unless the mailbox is opened to look only, sees to it
// that the next session does not call them so (RFC 3501 2.3.2). It writes only where there is a recent message.
func (s *session) takeRecent(id mail.MailboxID, v *mailbox.View, readOnly bool) (mail.UID, error) {
	st := v.Status()
	if s.dialect.Rev2 || readOnly || st.RecentFrom >= st.UIDNext {
		return st.RecentFrom, nil
	}
	return s.o.Mailbox.TakeRecent(s.ctx, s.account, id)
}

func (s *session) countRecent(v *mailbox.View) uint32 {
	return uint32(v.Len() - v.Seq(s.selected.recent) + 1)
}

// unselect leaves the mailbox. What came while it was open was \Recent here and is no longer.
func (s *session) unselect() {
	sel := s.selected
	s.selected = nil
	if !sel.readOnly && !s.dialect.Rev2 && sel.view.Status().UIDNext > sel.recent {
		if _, err := s.takeRecent(sel.id, sel.view, false); err != nil && !mail.Is(err, mail.NotFound) {
			s.log.Warn("imap: messages stay \\Recent", "err", err)
		}
	}
}

func (s *session) closeMailbox() (reply, error) {
	sel := s.selected
	if !sel.readOnly { // RFC 9051 6.4.1: CLOSE expunges without telling, EXAMINE protects
		view, err := s.o.Mailbox.View(s.ctx, s.account, sel.id)
		if err != nil {
			return reply{}, err
		}
		if deleted := view.Flagged(mail.Deleted); len(deleted) > 0 {
			if _, err := s.o.Mailbox.Expunge(s.ctx, s.account, sel.id, deleted); err != nil {
				return reply{}, err
			}
		}
	}
	s.unselect()
	return ok("closed"), nil
}

// resync tells a client that comes back what it has missed (RFC 7162 3.2.5). Where UIDVALIDITY is another, it has nothing
// of this mailbox and is told nothing.
func (s *session) resync(q imap.QResync) error {
	sel := s.selected
	if q.UIDValidity != sel.view.Status().UIDValidity {
		return nil
	}
	known := q.Known
	if known == nil {
		known = imap.Set{{Start: 1, Stop: max(uint32(sel.view.Status().UIDNext), 2) - 1}}
	}
	known = known.Resolve(uint32(sel.view.Status().UIDNext))
	known = known.Subtract(s.stillThere(q))
	gone, err := s.vanished(q.ModSeq, known)
	if err != nil {
		return err
	}
	s.out.Vanished(true, gone)
	for seq, e := range sel.view.All() {
		if e.ModSeq > q.ModSeq && (q.Known == nil || q.Known.Contains(uint32(e.UID))) {
			s.tellFlags(seq, e, sel.view)
		}
	}
	return nil
}

// stillThere is the part of the client's UIDs that need not be looked at: up to the highest pair of number and UID that
// is still right, nothing was expunged (RFC 7162 3.2.5.2).
func (s *session) stillThere(q imap.QResync) imap.Set {
	var last uint32
	uids := slices.Collect(q.MatchUIDs.All())
	i := 0
	for seq := range q.MatchSeqs.All() {
		if s.selected.view.At(int(seq)).UID != mail.UID(uids[i]) {
			break
		}
		last = uids[i]
		i++
	}
	if last == 0 {
		return nil
	}
	return imap.Set{{Start: 1, Stop: last}}
}

// vanished returns which of the client's UIDs were expunged since a mod-sequence and are not in the view.
func (s *session) vanished(since mail.ModSeq, known imap.Set) (gone imap.Set, err error) {
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		gone, err = s.o.Mailbox.Vanished(t, s.account, s.selected.id, since, known)
		return err
	})
	return gone, err
}
