package imapserver

import (
	"errors"
	"maps"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// others is what NOTIFY asks for of mailboxes of other accounts, beside the one that is selected: events of messages. When the
// bell of an owner rings, the numbers of his mailboxes are compared with those that were told last; what the session may not
// read at that moment is not told.
type others struct {
	ring   chan struct{} // one of the owners has changed something
	owners map[mail.AccountID]*watchedOwner
}

type watchedOwner struct {
	watch *realtime.Watch
	heard mail.ModSeq
	known map[mail.MailboxID]mailbox.Status // of what is watched, as it was told last
}

// watchOthers begins to follow what groups ask for of other accounts, and tells the numbers of all that is watched where status
// is wanted (RFC 5465 3.1).
func (s *session) watchOthers(groups []eventGroup, status bool) error {
	s.leaveOthers()
	if !slices.ContainsFunc(groups, eventGroup.reachesOthers) {
		return nil
	}
	s.others = &others{ring: make(chan struct{}, 1), owners: map[mail.AccountID]*watchedOwner{}}
	return s.findOthers(true, status)
}

// reachesOthers reports whether mailboxes of other accounts may be in the group.
func (g eventGroup) reachesOthers() bool {
	return g.events&imap.MessageEvents != 0 && (g.filter == imap.FilterSubscribed || slices.ContainsFunc(slices.Collect(maps.Keys(g.paths)), mailbox.Foreign))
}

func (s *session) leaveOthers() {
	if s.others == nil {
		return
	}
	for _, o := range s.others.owners {
		o.watch.Close()
	}
	s.others = nil
}

// othersNews is where it is heard that there is something for tellOthers; nil where nothing is watched.
func (s *session) othersNews() <-chan struct{} {
	if s.others == nil {
		return nil
	}
	return s.others.ring
}

// findOthers watches the accounts that give the session something that is wanted. first is true with NOTIFY itself.
func (s *session) findOthers(first, status bool) error {
	var ids []mail.AccountID
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
		ids, err = s.o.Mailbox.Sharers(t, s.account)
		return err
	})
	if err != nil {
		return err
	}
	all := s.others.owners
	for _, id := range ids {
		if all[id] == nil { // watched before it is read
			all[id] = &watchedOwner{watch: s.o.Realtime.WatchInto(id, s.others.ring)}
		}
	}
	boxes := 0
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if err := s.lookAtOwner(id, first, status || !first); err != nil {
			return err
		}
		if boxes += len(all[id].known); boxes > s.o.Limits.Others {
			return errOverflow
		}
		if len(all[id].known) == 0 {
			all[id].watch.Close()
			delete(all, id)
		}
	}
	return nil
}

// tellOthers tells what has happened in the mailboxes of others.
func (s *session) tellOthers() {
	if s.others == nil || s.over {
		return
	}
	select {
	case <-s.others.ring:
	default: // it was taken by who waited for it, or there is nothing
	}
	boxes := 0
	for _, id := range slices.Sorted(maps.Keys(s.others.owners)) {
		o := s.others.owners[id]
		if notice(o.watch, &o.heard) {
			if err := s.lookAtOwner(id, false, true); err != nil {
				s.log.Warn("imap: cannot follow a mailbox of another account", "owner", id, "err", err)
			}
		}
		boxes += len(o.known)
	}
	if boxes > s.o.Limits.Others {
		s.overflow()
	}
}

// lookAtOwner finds the mailboxes of an account that are watched now, and tells their numbers where they have changed, or where
// fresh is true and they were not watched before (RFC 5465 5.9).
func (s *session) lookAtOwner(id mail.AccountID, first, fresh bool) error {
	boxes, err := s.readable(id, first)
	if err != nil {
		return err
	}
	o := s.others.owners[id]
	known := make(map[mail.MailboxID]mailbox.Status, len(boxes))
	for i := range boxes {
		m := &boxes[i]
		now := m.Status
		was, before := o.known[m.ID]
		known[m.ID] = now
		open := s.selected != nil && s.selected.owner == id && s.selected.id == m.ID
		if !open && (!before && fresh || before && m.wanted&happened(was, now) != 0) {
			s.tellNumbers(&m.access, m.wanted)
		}
	}
	o.known = known
	return nil
}

// happened is what must have been done with messages between two states of a mailbox.
func happened(was, now mailbox.Status) (e imap.Events) {
	if now.UIDNext > was.UIDNext {
		e |= imap.MessageNew
	}
	if now.Messages-was.Messages < int64(now.UIDNext)-int64(was.UIDNext) {
		e |= imap.MessageExpunge
	}
	if now.ModSeq > was.ModSeq {
		e |= imap.FlagChange
	}
	return e
}

// wantedBox is a mailbox of another account with the events that are asked for.
type wantedBox struct {
	access
	wanted imap.Events
}

// readable returns those mailboxes of an account that are asked for and may be read, by path. Of one that may be looked up only,
// the client is told when it asks for it by name (RFC 5465 3.1).
func (s *session) readable(id mail.AccountID, first bool) (boxes []wantedBox, err error) {
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		boxes = nil
		owner, err := s.o.Directory.Account(t, id)
		if mail.Is(err, mail.NotFound) {
			return nil // it is being removed
		}
		if err != nil {
			return err
		}
		shared, err := s.o.Mailbox.SharedBy(t, id, s.account)
		if err != nil {
			return err
		}
		subscribed, err := s.o.Mailbox.Subscriptions(t, s.account)
		if err != nil {
			return err
		}
		for _, m := range shared {
			box := wantedBox{access: s.accessTo(m.Mailbox, id, prefixOf(owner), m.Rights)}
			box.wanted = imap.MessageEvents & s.events.wants(&bearer{id: m.ID, path: box.Path, subscribed: slices.Contains(subscribed, box.Path)})
			if box.wanted != 0 && m.Rights.Has(mail.RightLookup) {
				boxes = append(boxes, box)
			}
		}
		return nil
	})
	return slices.DeleteFunc(boxes, func(m wantedBox) bool {
		if m.rights.Has(mail.RightRead) {
			return false
		}
		if first {
			s.out.List(imap.ListEntry{Attributes: []string{`\NoAccess`}, Delimiter: delimiter, Name: m.Path})
		}
		return true
	}), err
}

// followGrants looks again for what is watched of others, after rights or subscriptions of the session's account have changed.
func (s *session) followGrants() {
	if s.others == nil {
		return
	}
	switch err := s.findOthers(false, false); {
	case errors.Is(err, errOverflow):
		s.overflow()
	case err != nil:
		s.log.Warn("imap: cannot find the mailboxes of others", "err", err)
	}
}
