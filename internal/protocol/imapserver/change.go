package imapserver

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

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
	seqs, err := s.seqs(c.Numbers)
	if err != nil {
		return reply{}, err
	}
	change := mailbox.FlagChange{Op: flagOps[c.Action], Flags: flags}
	if c.UnchangedSince != nil {
		s.condstore = true // RFC 7162 3.1
		change.Conditional, change.UnchangedSince = true, *c.UnchangedSince
	}
	uids := sel.view.UIDs(seqs)
	done, storeErr := s.o.Mailbox.StoreFlags(s.ctx, s.account, sel.id, uids, change)
	own := uids.Subtract(done.Modified)
	latest, err := s.advance(done.ModSeq, c.UID, own)
	if err != nil {
		return reply{}, err
	}
	s.tellStored(c, own, latest)
	if storeErr != nil {
		return reply{}, storeErr
	}
	if len(done.Modified) > 0 {
		modified := done.Modified
		if !c.UID {
			modified = s.selected.view.Seqs(modified)
		}
		return reply{imap.OK, imap.CodeModified(modified), "some messages were changed by others meanwhile"}, nil
	}
	return ok("stored"), nil
}

// tellStored sends the flags of the messages that were to be changed. Without .SILENT all of them (RFC 9051 6.4.6); with it
// nothing, but for clients that know MODSEQ, which must hear the new ones (RFC 7162 3.1.3).
func (s *session) tellStored(c imap.Store, own imap.Set, latest *mailbox.View) {
	if c.Silent && !s.condstore {
		return
	}
	for _, p := range s.positions(s.selected.view.Seqs(own)) {
		e, found := latest.Find(p.entry.UID)
		if found == 0 {
			continue // expunged by another session meanwhile
		}
		if !c.Silent {
			s.tellOwn(c.UID, p.seq, e, latest)
			continue
		}
		f := s.out.Fetch(p.seq)
		f.UID(e.UID)
		f.ModSeq(e.ModSeq)
		f.End()
	}
}

// tellOwn is tellFlags for an answer to a command, which has the UID when the command named UIDs.
func (s *session) tellOwn(uid bool, seq uint32, e mailbox.Entry, view *mailbox.View) {
	f := s.out.Fetch(seq)
	if uid || s.qresync {
		f.UID(e.UID)
	}
	f.Flags(view.FlagsOf(e).Names(), s.isRecent(e))
	if s.condstore {
		f.ModSeq(e.ModSeq)
	}
	f.End()
}

func (s *session) copy(c imap.Copy) (reply, error) {
	uids, err := s.uids(c.Numbers)
	if err != nil {
		return reply{}, err
	}
	to, r, err := s.target(c.Mailbox)
	if err != nil || r != nil {
		return orEmpty(r), err
	}
	copied, err := s.o.Mailbox.Copy(s.ctx, s.account, s.selected.id, to.ID, uids)
	if err != nil {
		return reply{}, err
	}
	if len(copied.Source) == 0 {
		return ok("there was nothing to copy"), nil
	}
	return reply{imap.OK, imap.CodeCopyUID(copied.UIDValidity, copied.Source, copied.Target), "copied"}, nil
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
	uids, err := s.uids(c.Numbers)
	if err != nil {
		return reply{}, err
	}
	to, r, err := s.target(c.Mailbox)
	if err != nil || r != nil {
		return orEmpty(r), err
	}
	moved, err := s.o.Mailbox.Move(s.ctx, s.account, s.selected.id, to.ID, uids)
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
	latest, err := s.advance(0, true, nil)
	if err != nil {
		return reply{}, err
	}
	uids := latest.Flagged(mail.Deleted)
	if c.UIDs != nil {
		named, err := s.uids(*c.UIDs)
		if err != nil {
			return reply{}, err
		}
		uids = uids.Intersect(named)
	}
	if len(uids) > 0 {
		if _, err := s.o.Mailbox.Expunge(s.ctx, s.account, sel.id, uids); err != nil {
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
