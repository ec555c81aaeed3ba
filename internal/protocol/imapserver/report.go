package imapserver

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// report tells what has changed in the selected mailbox, at the end of a command.
func (s *session) report(request imap.Request) {
	var state mail.ModSeq // 0: ask the store, whatever the bell said
	expunges := true
	switch c := request.Command.(type) {
	case imap.Select: // has told everything just now
		return
	case imap.Fetch:
		// RFC 9051 7.5.1: no EXPUNGE while numbers of messages are in the air; with UIDs they are not.
		expunges = c.UID
	case imap.Store:
		expunges = c.UID
	case imap.Search:
		expunges = c.UID
	}
	switch request.Command.(type) {
	case imap.Noop, imap.Check, imap.Expunge, imap.Move, imap.Copy, *imap.Append: // what they did must be told now
	default:
		if state = s.heard(); state == 0 {
			return
		}
	}
	s.catchUp(state, expunges)
}

// heard is the number of the newest notice, 0 when there was none.
func (s *session) heard() mail.ModSeq {
	select {
	case c := <-s.watch.C():
		return c.State
	default:
		return 0
	}
}

// catchUp moves the session to a view that holds everything up to state, or everything there is for 0, and tells the
// client what is different.
func (s *session) catchUp(state mail.ModSeq, expunges bool) {
	if _, err := s.advance(state, expunges, nil); err != nil {
		s.lost(err)
	}
}

// advance is catchUp for a command that tells the flags of its own messages itself. It returns the newest view, which is
// not the session's where that would need an EXPUNGE that cannot be sent: then the numbers stay as they are, and all of
// it is told later.
func (s *session) advance(state mail.ModSeq, expunges bool, own imap.Set) (*mailbox.View, error) {
	sel := s.selected
	view, err := s.newView(state)
	if err != nil {
		return nil, err
	}
	if view.Status().UIDValidity != sel.view.Status().UIDValidity {
		s.bye(imap.CodeUnavailable, "the mailbox was restored, select it again")
		return sel.view, nil
	}
	if diff := mailbox.Compare(sel.view, view); len(diff.Expunged) == 0 || expunges {
		s.tell(diff, view, own)
		sel.view = view
	}
	return view, nil
}

func (s *session) newView(state mail.ModSeq) (*mailbox.View, error) {
	if state == 0 {
		return s.o.Mailbox.View(s.ctx, s.account, s.selected.id)
	}
	return s.o.Mailbox.ViewSince(s.ctx, s.account, s.selected.id, state)
}

// lost handles a mailbox that cannot be read. A passing fault is met again, and told, by the next command that needs it.
func (s *session) lost(err error) {
	if mail.Is(err, mail.NotFound) {
		s.selected = nil
		s.bye(imap.CodeNonExistent, "the mailbox was deleted")
		return
	}
	s.log.Warn("imap: cannot read the selected mailbox", "mailbox", s.selected.id, "err", err)
}

// tell sends what is different in view. The flags of own messages are told by the command that changed them.
func (s *session) tell(diff *mailbox.Diff, view *mailbox.View, own imap.Set) {
	if s.qresync {
		var gone imap.Set
		for _, p := range diff.Expunged {
			gone.Add(uint32(p.UID))
		}
		s.out.Vanished(false, gone)
	} else {
		// From the end, so that the numbers of those before it are still right.
		for _, p := range slices.Backward(diff.Expunged) {
			s.out.Expunge(uint32(p.Seq))
		}
	}
	if len(diff.Expunged) > 0 {
		s.forgetSaved(diff)
	}
	if len(diff.Added) > 0 {
		s.out.Exists(uint32(view.Len()))
		if !s.dialect.Rev2 {
			s.out.Recent(s.countRecent(view))
		}
	}
	s.tellNewKeywords(view)
	for _, p := range diff.Changed {
		if !own.Contains(uint32(p.UID)) {
			s.tellFlags(p.Seq, view.At(p.Seq), view)
		}
	}
}

// tellNewKeywords sends FLAGS when a keyword is in use that the client has not heard of (RFC 9051 7.3.5).
func (s *session) tellNewKeywords(view *mailbox.View) {
	if !slices.Equal(view.KeywordsInUse(), s.selected.view.KeywordsInUse()) {
		s.out.Flags(flagNames(view))
	}
}

// tellFlags sends the flags of a message whose flags have changed. Clients that know MODSEQ get it (RFC 7162 3.2), and
// those that have QRESYNC get the UID, by which they know the message.
func (s *session) tellFlags(seq int, e mailbox.Entry, view *mailbox.View) {
	f := s.out.Fetch(uint32(seq))
	if s.qresync || s.dialect.Rev2 {
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

// forgetSaved takes expunged messages out of the saved result (RFC 5182 2.1).
func (s *session) forgetSaved(diff *mailbox.Diff) {
	if len(s.selected.saved) == 0 {
		return
	}
	var gone imap.Set
	for _, p := range diff.Expunged {
		gone.Add(uint32(p.UID))
	}
	s.selected.saved = s.selected.saved.Subtract(gone)
}

// idle reports at once until the client says DONE (RFC 2177). Another goroutine waits for the client meanwhile; the writing
// side stays here.
func (s *session) idle() (reply, error) {
	s.out.Continue("idling")
	if err := s.out.Flush(); err != nil {
		return reply{}, errConnection
	}
	if s.selected != nil {
		s.catchUp(0, true) // what came between the last report and now rang already
	}
	s.wire.beforeWait = nil
	done := make(chan error, 1)
	go func() { done <- s.in.ReadDone() }()
	defer func() { s.wire.beforeWait = s.out.Flush }()
	for {
		if s.out.Flush() != nil || s.over {
			s.wire.close() // wakes the other goroutine
			<-done
			return reply{}, errConnection
		}
		select {
		case err := <-done:
			if err != nil {
				return s.idleEnded(err)
			}
			return ok("idled"), nil
		case c := <-s.watch.C():
			if s.selected != nil {
				s.catchUp(c.State, true)
			}
		}
	}
}

func (s *session) idleEnded(err error) (reply, error) {
	s.cannotRead(err)
	return reply{}, nil
}
