package imapserver

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// prepare brings the session up to date before a command that looks at messages: what another session was told is done must
// be seen here. Sequence numbers mean what they meant when the client wrote them, so only a command without them lets
// messages lose theirs.
func (s *session) prepare(c *command, r imap.Request) {
	if c.looks {
		s.refresh(!c.names(r))
	}
}

// report tells what has changed in the selected mailbox, at the end of a command. What the session has written there itself,
// and what a client polls for, is looked for in the store, whatever the bell says.
func (s *session) report(c *command, r imap.Request) {
	if !c.tellsAll {
		s.refresh(!c.holds || !c.names(r))
	}
}

// numbered reports whether a command would need sequence numbers.
func (c *command) numbered(r imap.Request) bool { return (c.looks || c.holds) && c.names(r) }

// names reports whether a command names messages by their numbers.
func (c *command) names(r imap.Request) bool {
	if c.byNumber != nil {
		return c.byNumber(r.Command)
	}
	return !strings.HasPrefix(r.Name, "UID ")
}

// refresh catches up if there is reason to: the bell says whether, without a question to the store.
func (s *session) refresh(expunges bool) {
	if !s.hears() {
		return
	}
	sel := s.selected
	news := s.listen()
	switch {
	case sel.touched:
		s.catchUp(0, expunges)
	case news || sel.stale || expunges && len(sel.ghosts) > 0:
		s.catchUp(s.newest(), expunges)
	}
}

// listen takes the newest notice about the account of the selected mailbox and reports whether there was one.
func (s *session) listen() bool {
	if s.selected.watch != nil {
		return notice(s.selected.watch, &s.selected.heard)
	}
	return s.listenOwn()
}

// listenOwn takes the newest notice about the session's own account.
func (s *session) listenOwn() bool { return notice(s.watch, &s.heard) }

// notice takes the notice that waits, if there is one.
func notice(w *realtime.Watch, heard *mail.ModSeq) bool {
	select {
	case c := <-w.C():
		*heard = c.State
		return true
	default:
		return false
	}
}

// newest is the newest number heard of the account of the selected mailbox.
func (s *session) newest() mail.ModSeq {
	if s.selected.watch != nil {
		return s.selected.heard
	}
	return s.heard
}

// catchUp moves the session to a view that holds everything up to state, or everything there is for 0, and tells the
// client what is different.
func (s *session) catchUp(state mail.ModSeq, expunges bool) {
	if err := s.advance(state, expunges, nil); err != nil {
		s.lost(err)
	}
}

// advance is catchUp for a command that tells the flags of its own messages itself. Where EXPUNGE cannot be sent, the
// messages that are gone stay as ghosts, under the numbers that the client knows.
func (s *session) advance(state mail.ModSeq, expunges bool, own imap.Set) error {
	sel := s.selected
	view, err := s.newView(state)
	if err != nil {
		sel.stale = true
		return err
	}
	sel.stale, sel.touched = false, false
	if view.Status().UIDValidity != sel.view.Status().UIDValidity {
		s.bye(imap.CodeUnavailable, "the mailbox was restored from a backup, select it again")
		return nil
	}
	diff := mailbox.Compare(sel.view, view)
	s.loseFound(diff.Expunged)
	sel.ghosts = nil
	if len(diff.Expunged) > 0 && !expunges {
		for _, p := range diff.Expunged {
			sel.ghosts.Add(uint32(p.UID))
		}
		view = view.Keeping(sel.view, diff)
		diff = mailbox.Compare(sel.view, view)
	}
	s.tell(diff, view, own)
	sel.view = view
	s.fetchNew(diff.Added)
	s.updateFound(diff)
	return nil
}

func (s *session) newView(state mail.ModSeq) (*mailbox.View, error) {
	if state == 0 {
		return s.o.Mailbox.View(s.ctx, s.selected.owner, s.selected.id)
	}
	return s.o.Mailbox.ViewSince(s.ctx, s.selected.owner, s.selected.id, state)
}

// behind reports whether the client has not been told of some messages that they are gone.
func (s *session) behind() bool { return s.selected != nil && len(s.selected.ghosts) > 0 }

// tellModSeq tells a client that knows MODSEQ up to where it has heard of everything, while it must not be told that
// messages are gone: what it sees of later mod-sequences would else make it believe that it has, and after a broken
// connection it would never ask (RFC 7162 3.2). When it has been told, it hears how far it is now.
func (s *session) tellModSeq() {
	if s.selected == nil || !s.condstore {
		return
	}
	if s.behind() || s.selected.held {
		s.out.Untagged(imap.OK, imap.CodeHighestModSeq(s.selected.view.Status().ModSeq), "highest mod-sequence")
	}
	s.selected.held = s.behind()
}

// lost handles a mailbox that cannot be read. A passing fault is met again, and told, by the next command that needs it.
func (s *session) lost(err error) {
	if mail.Is(err, mail.NotFound) {
		s.dropSelected()
		s.bye(imap.CodeNonExistent, "the mailbox was deleted")
		return
	}
	s.log.Warn("imap: cannot read the selected mailbox", "mailbox", s.selected.id, "err", err)
}

// tell sends what is different in view. The flags of own messages are told by the command that changed them.
func (s *session) tell(diff *mailbox.Diff, view *mailbox.View, own imap.Set) {
	s.tellExpunged(diff.Expunged)
	if len(diff.Added) > 0 {
		s.out.Exists(uint32(view.Len()))
		if !s.dialect.Rev2 {
			s.out.Recent(s.countRecent(view))
		}
	}
	s.tellNewKeywords(view)
	if s.notify != nil && s.notify.selected != 0 && s.notify.selected&imap.FlagChange == 0 {
		return
	}
	for _, p := range diff.Changed {
		if !own.Contains(uint32(p.UID)) {
			s.tellFlags(p.Seq, view.At(p.Seq), view)
		}
	}
}

// tellExpunged sends VANISHED to clients with QRESYNC (RFC 7162 3.2.10) or UIDONLY and EXPUNGE to others, and takes the messages
// out of the saved result (RFC 5182 2.1).
func (s *session) tellExpunged(expunged []mailbox.Position) {
	if len(expunged) == 0 {
		return
	}
	var gone imap.Set
	for _, p := range expunged {
		gone.Add(uint32(p.UID))
	}
	s.selected.saved = s.selected.saved.Subtract(gone)
	if s.qresync || s.dialect.UIDOnly { // RFC 9586 3.4
		s.out.Vanished(false, gone)
		return
	}
	// From the end, so that the numbers of those before it are still right.
	for _, p := range slices.Backward(expunged) {
		s.out.Expunge(uint32(p.Seq))
	}
}

// tellNewKeywords sends FLAGS when a keyword is in use that the client has not heard of (RFC 9051 7.3.5).
func (s *session) tellNewKeywords(view *mailbox.View) {
	if !slices.Equal(view.KeywordsInUse(), s.selected.view.KeywordsInUse()) {
		s.out.Flags(flagNames(view))
	}
}

// tellFlags sends the flags of a message that others have changed, with its UID for all that know more than RFC 3501
// (RFC 9051 7.5.2, RFC 7162 3.2.4, RFC 5465 5.1).
func (s *session) tellFlags(seq int, e mailbox.Entry, view *mailbox.View) {
	s.sendFlags(seq, e, view, s.condstore || s.dialect.Rev2 || s.notify != nil)
}

func (s *session) sendFlags(seq int, e mailbox.Entry, view *mailbox.View, withUID bool) {
	f := s.out.Fetch(uint32(seq), e.UID)
	if withUID && !s.dialect.UIDOnly {
		f.UID(e.UID)
	}
	f.Flags(view.FlagsOf(e).Names(), s.isRecent(e))
	if s.condstore {
		f.ModSeq(e.ModSeq)
	}
	f.End()
}

func (s *session) isRecent(e mailbox.Entry) bool {
	return !s.dialect.Rev2 && e.UID >= s.selected.recent
}

// understandModSeq notes that the client understands MODSEQ. RFC 7162 3.1: with the first command that shows it, it is
// told where the selected mailbox stands; what is held back from it is not counted.
func (s *session) understandModSeq() {
	if s.condstore {
		return
	}
	s.condstore = true
	s.tellHighestModSeq()
}

func (s *session) tellHighestModSeq() {
	if s.selected != nil {
		s.out.Untagged(imap.OK, imap.CodeHighestModSeq(s.selected.view.Status().ModSeq), "highest mod-sequence")
	}
}
