package imapserver

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

func changeExtension() extension {
	return extension{
		capabilities: announced("UIDPLUS", "MOVE"),
		commands: map[string]command{
			// STORE does not look: flags told before it did its work would be taken for its outcome.
			"STORE":       {run: on((*session).store), holds: true},
			"UID STORE":   {run: on((*session).store), holds: true},
			"COPY":        {run: on((*session).copy), looks: true},
			"UID COPY":    {run: on((*session).copy), looks: true},
			"MOVE":        {run: on((*session).move), looks: true},
			"UID MOVE":    {run: on((*session).move), looks: true},
			"EXPUNGE":     {run: on((*session).expunge)},
			"UID EXPUNGE": {run: on((*session).expunge)},
		},
	}
}

var flagOps = map[imap.StoreAction]mailbox.FlagOp{
	imap.StoreReplace: mailbox.SetFlags, imap.StoreAdd: mailbox.AddFlags, imap.StoreRemove: mailbox.RemoveFlags,
}

// parseFlags leaves out \Recent, which clients send back though it is not theirs to change (RFC 3501 2.3.2).
func parseFlags(names []string) (mail.Flags, error) {
	return mail.ParseFlags(slices.DeleteFunc(slices.Clone(names), func(n string) bool { return strings.EqualFold(n, `\Recent`) }))
}

func (s *session) store(c imap.Store) (reply, error) {
	sel := s.selected
	if sel.readOnly {
		return reply{}, errReadOnly
	}
	flags, err := parseFlags(c.Flags)
	if err != nil {
		return reply{}, err
	}
	uids, err := s.uids(c.Numbers)
	if err != nil {
		return reply{}, err
	}
	asked := mailbox.FlagChange{Op: flagOps[c.Action], Flags: flags}
	change, err := asked.Under(sel.rights)
	if err != nil {
		return reply{}, err
	}
	if c.UnchangedSince != nil {
		s.understandModSeq() // RFC 7162 3.1
		change.Conditional, change.UnchangedSince = true, *c.UnchangedSince
	}
	known := sel.view
	modified, storeErr, err := s.storeFlags(uids, change, c.UID)
	if err != nil {
		return reply{}, err
	}
	if !s.over {
		s.tellStored(stored{c, asked, known, modified}, uids)
	}
	if storeErr != nil {
		return reply{}, storeErr
	}
	if len(modified) > 0 {
		if !c.UID {
			modified = sel.view.Seqs(modified)
		}
		return reply{imap.OK, imap.CodeModified(modified), "some messages were changed by others meanwhile"}, nil
	}
	return ok("stored"), nil
}

// storeFlags changes flags and brings the session up to date. It returns the messages that the condition has left alone:
// not those whose mod-sequence is higher only because of flags that this change is not about, which are changed at a second
// go (RFC 7162 3.1.12).
func (s *session) storeFlags(uids imap.Set, c mailbox.FlagChange, expunges bool) (modified imap.Set, storeErr, err error) {
	known := s.selected.view
	done, storeErr := s.o.Mailbox.As(s.account).StoreFlags(s.working(uids), s.selected.owner, s.selected.id, uids, c)
	modified = done.Modified
	if err := s.advance(done.ModSeq, expunges, uids); err != nil || storeErr != nil || s.over {
		return modified, storeErr, err
	}
	spared, upTo := unconcerned(c, known, s.selected.view, modified)
	if len(spared) == 0 {
		return modified, nil, nil
	}
	c.UnchangedSince = upTo
	done, storeErr = s.o.Mailbox.As(s.account).StoreFlags(s.working(spared), s.selected.owner, s.selected.id, spared, c)
	modified = append(modified.Subtract(spared), done.Modified...).Resolve(0)
	return modified, storeErr, s.advance(done.ModSeq, expunges, uids)
}

// unconcerned are the messages in which the flags of the change are as the client must think: what it knew was before the
// mod-sequence that it gave. With 0 it asks for messages that do not have a keyword (RFC 7162 3.1.3). No mod-sequence of
// theirs is above upTo.
func unconcerned(c mailbox.FlagChange, known, now *mailbox.View, uids imap.Set) (out imap.Set, upTo mail.ModSeq) {
	if c.Op == mailbox.SetFlags {
		return nil, 0
	}
	ofChange := func(f mail.Flags) mail.Flags { return c.Flags.Remove(c.Flags.Remove(f)) }
	for seq := range now.Seqs(uids).All() {
		e := now.At(int(seq))
		has := ofChange(now.FlagsOf(e))
		was, at := known.Find(e.UID)
		switch {
		case c.UnchangedSince == 0 && c.Flags.Bits&mail.SystemFlags == 0 && has.Equal(mail.Flags{}),
			at > 0 && was.ModSeq <= c.UnchangedSince && has.Equal(ofChange(known.FlagsOf(was))):
			out.Add(uint32(e.UID))
			upTo = max(upTo, e.ModSeq)
		}
	}
	return out, upTo
}

// stored is a STORE that was carried out.
type stored struct {
	imap.Store
	change   mailbox.FlagChange
	known    *mailbox.View // what the client knew before
	modified imap.Set      // UIDs that were left alone
}

// tellStored sends the flags of the messages that were to be changed: without .SILENT of all of them (RFC 9051 6.4.6), with
// it of those that have others than the client must think. Of the rest, a client that knows MODSEQ must hear the new ones
// (RFC 7162 3.1.3). A message that is gone keeps the flags it had until the client may be told: where it would think
// otherwise, those are sent.
func (s *session) tellStored(c stored, uids imap.Set) {
	view := s.selected.view
	for p := range s.positions(view.Seqs(uids)) {
		gone := s.selected.ghosts.Contains(uint32(p.entry.UID))
		switch {
		case gone && !c.Silent: // no answer says that nothing was changed
		case !c.Silent, c.surprises(p.entry, view):
			s.sendFlags(int(p.seq), p.entry, view, c.UID || s.condstore || s.dialect.Rev2)
		case s.condstore && !gone:
			f := s.out.Fetch(p.seq, p.entry.UID)
			if !s.dialect.UIDOnly {
				f.UID(p.entry.UID)
			}
			f.ModSeq(p.entry.ModSeq)
			f.End()
		}
	}
}

// surprises reports whether a message has other flags than the client, who knows its command only, must think.
func (c *stored) surprises(e mailbox.Entry, view *mailbox.View) bool {
	was, _ := c.known.Find(e.UID)
	want := c.known.FlagsOf(was)
	switch c.change.Op {
	case mailbox.SetFlags:
		want = c.change.Flags
	case mailbox.AddFlags:
		want = want.Add(c.change.Flags)
	case mailbox.RemoveFlags:
		want = want.Remove(c.change.Flags)
	}
	return c.modified.Contains(uint32(e.UID)) || !view.FlagsOf(e).Equal(want)
}

func (s *session) copy(c imap.Copy) (reply, error) {
	uids, err := s.uids(c.Numbers)
	if err != nil {
		return reply{}, err
	}
	if err := s.mayCopy(uids); err != nil {
		return reply{}, err
	}
	to, r, err := s.target(c.Mailbox)
	if err != nil || r != nil {
		return orEmpty(r), err
	}
	s.touch(to.ID)
	copied, err := s.o.Mailbox.As(s.account).Copy(s.working(uids), s.routeTo(&to), uids)
	if err != nil {
		return reply{}, err
	}
	if len(copied.Source) == 0 {
		return ok("there was nothing to copy"), nil
	}
	return reply{imap.OK, imap.CodeCopyUID(copied.UIDValidity, copied.Source, copied.Target), "copied"}, nil
}

// routeTo is the way from the selected mailbox to another.
func (s *session) routeTo(to *access) mailbox.Route {
	return mailbox.Route{From: s.selected.owner, Source: s.selected.id, To: to.owner, Target: to.ID}
}

// touch notes that the session writes to a mailbox, which may be the one that it has open.
func (s *session) touch(id mail.MailboxID) {
	if s.selected != nil && s.selected.id == id {
		s.selected.touched = true
	}
}

func orEmpty(r *reply) reply {
	if r == nil {
		return reply{}
	}
	return *r
}

func (s *session) move(c imap.Move) (reply, error) {
	if s.selected.readOnly {
		return reply{}, errReadOnly
	}
	// RFC 6851 3.3: what COPY, STORE \Deleted and EXPUNGE need.
	if err := s.selected.needs(mail.RightDeleteMessages | mail.RightExpunge); err != nil {
		return reply{}, err
	}
	uids, err := s.uids(c.Numbers)
	if err != nil {
		return reply{}, err
	}
	to, r, err := s.target(c.Mailbox)
	if err != nil || r != nil {
		return orEmpty(r), err
	}
	s.selected.touched = true
	moved, err := s.o.Mailbox.As(s.account).Move(s.working(uids), s.routeTo(&to), uids)
	if len(moved.Source) > 0 {
		// RFC 9051 6.4.8: COPYUID goes before the EXPUNGEs, which say which messages are meant.
		s.out.Untagged(imap.OK, imap.CodeCopyUID(moved.UIDValidity, moved.Source, moved.Target), "moved")
	}
	if err != nil {
		return reply{}, err // what was moved stays moved and is told all the same
	}
	return s.expunged("moved"), nil
}

func (s *session) expunge(c imap.Expunge) (reply, error) {
	sel := s.selected
	if sel.readOnly {
		return reply{}, errReadOnly
	}
	if err := sel.needs(mail.RightExpunge); err != nil {
		return reply{}, err
	}
	if err := s.advance(0, true, nil); err != nil {
		return reply{}, err
	}
	uids := sel.view.Flagged(mail.Deleted)
	if c.UIDs != nil {
		named, err := s.uids(*c.UIDs)
		if err != nil {
			return reply{}, err
		}
		uids = uids.Intersect(named)
	}
	if len(uids) > 0 {
		sel.touched = true
		if _, err := s.o.Mailbox.As(s.account).Expunge(s.working(uids), sel.owner, sel.id, uids); err != nil {
			return reply{}, err
		}
	}
	return s.expunged("expunged"), nil
}

// expunged tells what is gone now. RFC 7162 3.2.7: a client with QRESYNC gets the new HIGHESTMODSEQ with it.
func (s *session) expunged(text string) reply {
	before := s.selected.view.Status().ModSeq
	s.catchUp(0, true)
	if s.selected == nil || !s.qresync || s.selected.view.Status().ModSeq == before {
		return ok(text)
	}
	return reply{imap.OK, imap.CodeHighestModSeq(s.selected.view.Status().ModSeq), text}
}
