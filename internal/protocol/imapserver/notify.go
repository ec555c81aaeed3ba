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

// notifyExtension is NOTIFY (RFC 5465). What is told of the mailboxes of other accounts is in notifyothers.go.
func notifyExtension() extension {
	return extension{
		capabilities: announced("NOTIFY"),
		commands:     map[string]command{"NOTIFY": {run: on((*session).setNotify)}},
	}
}

// notify is what NOTIFY has asked for of the selected mailbox; nil where NOTIFY was never given: then the client hears what
// RFC 9051 has it hear, and when.
type notify struct {
	selected imap.Events
	delayed  bool // EXPUNGE waits for a command that allows it
	fetch    []imap.FetchItem
}

// eventGroup is an imap.EventGroup of mailboxes that are not selected, made fit for many of them.
type eventGroup struct {
	filter imap.MailboxFilter
	paths  map[string]bool
	events imap.Events
}

// matches reports whether a mailbox is one of the group. All personal mailboxes are inboxes: users have programs that put
// mail into any of them (RFC 5465 6.3).
func (g *eventGroup) matches(n *bearer) bool {
	switch g.filter {
	case imap.FilterPersonal, imap.FilterInboxes:
		return !mailbox.Foreign(n.path)
	case imap.FilterSubscribed:
		return n.subscribed
	case imap.FilterMailboxes:
		return g.paths[n.path]
	case imap.FilterSubtree:
		for path := n.path; path != ""; path = parentOf(path) {
			if g.paths[path] {
				return true
			}
		}
	}
	return false
}

// wants returns the events of a mailbox that some group asks for.
func (e *events) wants(n *bearer) (wanted imap.Events) {
	for i := range e.groups {
		if g := &e.groups[i]; wanted|g.events != wanted && g.matches(n) {
			wanted |= g.events
		}
	}
	return wanted
}

// hears reports whether the session tells its client of the selected mailbox.
func (s *session) hears() bool {
	return s.selected != nil && (s.notify == nil || s.notify.selected != 0)
}

// setNotify replaces what the client is told. RFC 5465 3.1: it hears before of all that has happened to the selected mailbox.
func (s *session) setNotify(c imap.Notify) (reply, error) {
	next := &notify{}
	var groups []eventGroup
	for _, g := range c.Groups {
		if g.Selected() {
			next.selected, next.delayed, next.fetch = g.Events, g.Filter == imap.FilterSelectedDelayed, g.Fetch
			continue
		}
		one := eventGroup{filter: g.Filter, events: g.Events, paths: make(map[string]bool, len(g.Mailboxes))}
		for _, path := range g.Mailboxes {
			one.paths[strings.TrimSuffix(path, mailbox.Separator)] = true
		}
		if one.events != 0 {
			groups = append(groups, one)
		}
	}
	if f, err := s.newFetching(imap.Fetch{Items: next.fetch}); err != nil {
		return reply{}, err
	} else if f.contents > s.o.Limits.ContentItems {
		return no(imap.CodeLimit, "too many items are made from the content of messages"), nil
	}
	if s.selected != nil {
		s.catchUp(0, true)
	}
	if s.over {
		return reply{}, nil
	}
	s.tellEvents()
	s.notify, s.events = next, nil
	s.leaveOthers()
	if len(groups) == 0 && !s.metadata {
		return ok("noted"), nil
	}
	if err := s.watchEvents(groups); err != nil {
		s.notify = &notify{}
		return reply{}, err
	}
	if c.Status {
		if err := s.tellAllNumbers(); err != nil {
			return reply{}, err
		}
	}
	switch err := s.watchOthers(groups, c.Status); {
	case errors.Is(err, errOverflow):
		s.overflow()
	case err != nil:
		s.leaveOthers()
		return reply{}, err
	}
	return ok("noted"), nil
}

// watchEvents begins to follow the change log from where it is now.
func (s *session) watchEvents(groups []eventGroup) error {
	return s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		now, _, err := t.State(s.account)
		if err != nil {
			return err
		}
		next := &events{groups: groups, told: now}
		if len(groups) > 0 {
			next.names, err = s.share.namesAt(t, s.o.Mailbox, s.account, now, now)
		}
		if err == nil {
			s.events = next
		}
		return err
	})
}

// watchMetadata is what ENABLE METADATA begins.
func (s *session) watchMetadata() {
	if s.events != nil {
		return
	}
	if err := s.watchEvents(nil); err != nil {
		s.events, s.metadata = nil, false
		s.log.Warn("imap: cannot follow the change log", "err", err)
	}
}

// tellAllNumbers sends the numbers of all mailboxes of which events of messages are wanted (RFC 5465 3.1). They may be newer
// than what is followed from; then they are told again.
func (s *session) tellAllNumbers() error {
	e := s.events
	var watched []mail.MailboxID
	for i := range e.names.boxes {
		n := &e.names.boxes[i]
		if e.wants(n)&imap.MessageEvents != 0 && (s.selected == nil || s.selected.id != n.id) {
			watched = append(watched, n.id)
		}
	}
	for ids := range slices.Chunk(watched, batchSize) {
		var list []mailbox.Mailbox
		err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
			list, err = s.o.Mailbox.ByIDs(t, s.account, ids)
			return err
		})
		if err != nil {
			return err
		}
		for i := range list {
			n := e.names.find(list[i].ID)
			list[i].Path = n.path
			s.tellNumbers(s.mine(&list[i]), e.wants(n))
		}
	}
	return nil
}

// fetchNew sends what the client wants to know of new messages in the selected mailbox (RFC 5465 5.2), other than its own.
func (s *session) fetchNew(added []mailbox.Position) {
	if s.notify == nil || len(s.notify.fetch) == 0 || len(added) == 0 {
		return
	}
	var seqs imap.Set
	for _, p := range added {
		if s.foreign(s.selected.owner) || !s.isOwn(s.selected.view.At(p.Seq).ModSeq) {
			seqs.Add(uint32(p.Seq))
		}
	}
	f, err := s.newFetching(imap.Fetch{Items: s.notify.fetch})
	if err == nil {
		err = f.sendAll(seqs)
	}
	if err != nil && s.out.Err() == nil {
		s.log.Warn("imap: new messages are told without what was asked for", "err", err)
	}
}
