package imapserver

import (
	"math"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// selected is the mailbox a session has open.
type selected struct {
	id       mail.MailboxID
	owner    mail.AccountID
	rights   mail.Rights
	path     string          // when it was selected, as the client sees it
	examined bool            // opened to look only
	readOnly bool            // for that, or for want of rights
	watch    *realtime.Watch // of the owner, where that is another account
	heard    mail.ModSeq     // the newest number that watch gave
	view     *mailbox.View   // what the client knows
	ghosts   imap.Set        // UIDs in view of messages that are gone, of which the client cannot be told yet
	saved    imap.Set        // UIDs that SEARCH RETURN (SAVE) kept (RFC 5182)
	recent   mail.UID        // messages from here on are \Recent in this session
	taken    mail.UID        // and those below are \Recent in no other session

	updated  []*updating // searches whose changes the client is told
	borrowed bool        // it is not selected: an ESEARCH looks at it

	stale   bool // the last look at the store failed
	touched bool // a command of this session has written here
	held    bool // the client was told of a HIGHESTMODSEQ before that of messages that are gone
}

func selectExtension() extension {
	return extension{
		capabilities: announced("UNSELECT"),
		commands: map[string]command{
			"SELECT":   {run: with((*session).selectMailbox), tellsAll: true},
			"EXAMINE":  {run: with((*session).selectMailbox), tellsAll: true},
			"CHECK":    {run: on(func(s *session, _ imap.Check) (reply, error) { return s.poll() })},
			"CLOSE":    {run: on((*session).closeMailbox)},
			"UNSELECT": {run: on((*session).unselectMailbox)},
		},
	}
}

// poll is for a client that asks whether there is news: the store is looked at, whatever the bell says.
func (s *session) poll() (reply, error) {
	if s.selected != nil {
		s.selected.touched = true
	}
	if s.events != nil {
		s.events.due = true
	}
	return ok("done"), nil
}

func (s *session) selectMailbox(r imap.Request, c imap.Select) (reply, error) {
	if c.QResync != nil && !s.qresync {
		return bad("QRESYNC needs ENABLE QRESYNC first"), nil // RFC 7162 3.2.5
	}
	if c.QResync != nil && len(c.QResync.MatchSeqs) > 0 && s.dialect.UIDOnly {
		return uidRequired, nil // RFC 9586 3.5
	}
	if s.selected != nil {
		s.leave()
	}
	s.condstore = s.condstore || c.Condstore || c.QResync != nil // HIGHESTMODSEQ follows in any case
	m, err := s.find(c.Mailbox, mail.RightRead)
	if err != nil {
		return reply{}, err
	}
	sel, err := s.openMailbox(&m, c.ReadOnly)
	if err != nil {
		return reply{}, err
	}
	sel.path = m.Path
	s.selected = sel
	s.describe(m.Mailbox, r.Canonical)
	if c.QResync != nil {
		if err := s.resync(*c.QResync); err != nil {
			s.dropSelected()
			return reply{}, err
		}
	}
	if sel.readOnly {
		return reply{imap.OK, imap.CodeReadOnly, "selected, to look only"}, nil
	}
	return reply{imap.OK, imap.CodeReadWrite, "selected"}, nil
}

func (s *session) openMailbox(m *access, examine bool) (*selected, error) {
	sel := &selected{id: m.ID, owner: m.owner, rights: m.rights, examined: examine}
	sel.readOnly = examine || !m.rights.HasAny(changingRights)
	if s.foreign(m.owner) {
		sel.watch = s.o.Realtime.Watch(m.owner) // before the view is read
	}
	view, err := s.o.Mailbox.View(s.ctx, m.owner, m.ID)
	if err != nil {
		if sel.watch != nil {
			sel.watch.Close()
		}
		return nil, err
	}
	st := view.Status()
	sel.view, sel.recent, sel.taken = view, st.RecentFrom, st.RecentFrom
	if s.takesRecent(sel) {
		// RFC 3501 2.3.2: the next session must not call these \Recent. It is written only where there are any, and a store
		// that cannot write can still be read.
		if from, err := s.takeRecent(m.ID); err == nil {
			sel.recent, sel.taken = from, st.UIDNext
		}
	}
	return sel, nil
}

func (s *session) takeRecent(id mail.MailboxID) (from mail.UID, err error) {
	from, err = s.o.Mailbox.TakeRecent(s.ctx, s.account, id)
	if err != nil && !mail.Is(err, mail.NotFound) && s.ctx.Err() == nil {
		s.log.Warn("imap: messages stay \\Recent", "mailbox", id, "err", err)
	}
	return from, err
}

// takesRecent reports whether there are messages whose being \Recent this session takes from all others. One that opens a
// mailbox to look only, or that of another account, takes nothing, and IMAP4rev2 knows no \Recent.
func (s *session) takesRecent(sel *selected) bool {
	return !s.dialect.Rev2 && !sel.readOnly && !s.foreign(sel.owner) && sel.taken < sel.view.Status().UIDNext
}

// describe sends what RFC 9051 6.3.2, and to others RFC 3501 6.3.1, wants of a mailbox that is opened.
func (s *session) describe(m mailbox.Mailbox, given []imap.CanonicalName) {
	sel := s.selected
	st := sel.view.Status()
	flags := flagNames(sel.view)
	s.out.Flags(flags)
	s.out.Exists(uint32(sel.view.Len()))
	if s.dialect.Rev2 {
		s.out.List(s.entryOf(m, given))
	} else {
		s.out.Recent(s.countRecent(sel.view))
		if first := firstUnseen(sel.view); first > 0 && !s.dialect.UIDOnly {
			s.out.Untagged(imap.OK, imap.CodeUnseen(uint32(first)), "first unseen message")
		}
	}
	s.tellPermanentFlags()
	s.out.Untagged(imap.OK, imap.CodeUIDNext(st.UIDNext), "next UID")
	s.out.Untagged(imap.OK, imap.CodeUIDValidity(st.UIDValidity), "UIDs are valid")
	s.out.Untagged(imap.OK, imap.CodeHighestModSeq(st.ModSeq), "highest mod-sequence")
	s.out.Untagged(imap.OK, imap.CodeMailboxID(m.ID.String()), "mailbox id") // RFC 8474 4.2
}

// tellPermanentFlags tells which flags the client can change (RFC 4314 5.1.1: by its rights).
func (s *session) tellPermanentFlags() {
	sel := s.selected
	if sel.readOnly {
		s.out.Untagged(imap.OK, imap.CodePermanentFlags(nil, false), "nothing can be changed")
		return
	}
	bits, keywords := sel.rights.Flags()
	names := mail.Flags{Bits: bits}.Names()
	if keywords {
		names = append(names, sel.view.KeywordsInUse()...)
	}
	s.out.Untagged(imap.OK, imap.CodePermanentFlags(names, keywords), "these flags are kept")
}

// flagNames lists the system flags, the keywords with a bit, and those in use.
func flagNames(v *mailbox.View) []string {
	all := mail.Flags{Bits: math.MaxUint32}.Names()
	return append(slices.Clip(all), v.KeywordsInUse()...)
}

// firstUnseen is the number of the first message without \Seen, 0 when there is none.
func firstUnseen(v *mailbox.View) int {
	if v.Status().Unseen == 0 {
		return 0
	}
	for seq, e := range v.All() {
		if e.Flags&mail.Seen == 0 {
			return seq
		}
	}
	return 0
}

func (s *session) countRecent(v *mailbox.View) uint32 {
	return uint32(v.Len() - v.Seq(s.selected.recent) + 1)
}

func (s *session) unselectMailbox(imap.Unselect) (reply, error) {
	s.unselect()
	return ok("no mailbox is selected"), nil
}

// unselect leaves the mailbox. What came while it was open was \Recent here and is no longer.
func (s *session) unselect() {
	sel := s.selected
	s.dropSelected()
	if s.takesRecent(sel) {
		s.takeRecent(sel.id) // nothing depends on it
	}
}

// leave is unselect for a mailbox that the client has not asked to close (RFC 9051 7.1, CLOSED; RFC 7162 3.2.11): what
// follows is not about it any more.
func (s *session) leave() {
	s.unselect()
	s.out.Untagged(imap.OK, imap.CodeClosed, "the mailbox before is closed")
}

// closeMailbox expunges without telling, unless the mailbox was opened to look only (RFC 9051 6.4.1).
func (s *session) closeMailbox(imap.Close) (reply, error) {
	sel := s.selected
	if !sel.readOnly && sel.rights.Has(mail.RightExpunge) { // RFC 4314 4: without it, CLOSE expunges nothing and is OK
		if err := s.expungeDeleted(sel.id); err != nil && !mail.Is(err, mail.NotFound) && !mail.Is(err, mail.Denied) {
			return reply{}, err
		}
	}
	s.unselect()
	return ok("closed"), nil
}

func (s *session) expungeDeleted(id mail.MailboxID) error {
	view, err := s.o.Mailbox.View(s.ctx, s.selected.owner, id)
	if err != nil {
		return err
	}
	deleted := view.Flagged(mail.Deleted)
	if len(deleted) > 0 {
		_, err = s.o.Mailbox.As(s.account).Expunge(s.ctx, s.selected.owner, id, deleted)
	}
	return err
}
