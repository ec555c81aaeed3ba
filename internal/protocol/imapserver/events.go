package imapserver

import (
	"errors"
	"maps"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// events is what a session tells of its account beside the selected mailbox: what NOTIFY and ENABLE METADATA ask for. All of it
// is found in one pass over the change log from the number that was told last, however many mailboxes are watched.
type events struct {
	groups []eventGroup
	told   mail.ModSeq // everything up to here
	names  *nameTable  // of the mailboxes as the client knows them; nil without groups
	own    []tx.Numbers
	due    bool // look, whatever the bell has said
}

// maxOwn is how many runs of own numbers are remembered; of others the client is told as if they were not its own.
const maxOwn = 1000

// errOverflow ends NOTIFY: more has happened than can be told (RFC 5465 5.8).
var errOverflow = errors.New("too much has changed to be told")

// noteOwn remembers which changes are the session's own: RFC 5465 5 wants the client not to be told of them.
func (s *session) noteOwn(n tx.Numbers) {
	e := s.events
	if e == nil || n.Account != s.account {
		return
	}
	if last := len(e.own) - 1; last >= 0 && e.own[last].Last+1 == n.First {
		e.own[last].Last = n.Last
		return
	}
	if len(e.own) == maxOwn {
		e.own = e.own[1:]
	}
	e.own = append(e.own, n)
}

func (s *session) isOwn(n mail.ModSeq) bool {
	return s.events != nil && slices.ContainsFunc(s.events.own, func(o tx.Numbers) bool { return o.First <= n && n <= o.Last })
}

// tellEvents tells what has happened since it was called last.
func (s *session) tellEvents() {
	s.tellOwnEvents()
	s.tellOthers()
}

func (s *session) tellOwnEvents() {
	e := s.events
	if e == nil || s.over {
		return
	}
	if s.listenOwn() && s.selected != nil {
		s.selected.stale = true // that notice is of the selected mailbox, too
	}
	if !e.due && s.heard <= e.told {
		return
	}
	p, err := s.pass()
	switch {
	case errors.Is(err, errOverflow), mail.Is(err, mail.Gone):
		s.overflow()
	case err != nil:
		s.log.Warn("imap: cannot follow the change log", "err", err)
		e.due = true
	default:
		s.tellPass(p)
		e.due, e.told = false, p.now
		if e.names != nil {
			e.names = p.names
		}
		e.own = slices.DeleteFunc(e.own, func(n tx.Numbers) bool { return n.Last <= p.now })
		if p.settings {
			s.followGrants()
		}
	}
}

// overflow gives NOTIFY up. Annotations, which are named without it, go on.
func (s *session) overflow() {
	if s.notify != nil {
		s.out.Untagged(imap.OK, imap.CodeNotificationOverflow, "too much has changed at once: look again, and ask again")
		s.notify = &notify{}
	}
	s.events = nil
	s.leaveOthers()
	if s.metadata {
		if err := s.watchEvents(nil); err != nil {
			s.log.Warn("imap: cannot follow the change log", "err", err)
		}
	}
}

// pass is what one look at the change log has found.
type pass struct {
	now     mail.ModSeq
	names   *nameTable
	boxes   map[mail.MailboxID]imap.Events // what others have done with messages
	numbers []mailbox.Mailbox              // of those of boxes that are watched

	lines     int
	renamed   mail.ModSeq             // the last number under which a mailbox or a subscription changed
	others    bool                    // others have done so
	settings  bool                    // subscriptions, or what others give to the account
	ownNames  map[mail.MailboxID]bool // mailboxes that only this session has changed
	changes   []*change               // of names
	annotated bool
	entries   []mailbox.Annotation // that others have set or removed
}

func (s *session) pass() (p *pass, err error) {
	e := s.events
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		p = &pass{names: e.names, boxes: map[mail.MailboxID]imap.Events{}, ownNames: map[mail.MailboxID]bool{}}
		if p.now, _, err = t.State(s.account); err != nil || p.now == e.told {
			return err
		}
		if p.now < e.told {
			return errOverflow // a backup was restored
		}
		err := t.Changes(s.account, e.told, func(c tx.Change) bool {
			p.note(c, s.isOwn(c.ModSeq))
			return p.lines <= s.o.Limits.EventLines
		})
		switch {
		case err != nil:
			return err
		case p.lines > s.o.Limits.EventLines:
			return errOverflow
		}
		return s.lookUp(t, p)
	})
	return p, err
}

var messageEvents = map[tx.Op]imap.Events{tx.Created: imap.MessageNew, tx.Updated: imap.FlagChange, tx.Destroyed: imap.MessageExpunge}

func (p *pass) note(c tx.Change, own bool) {
	p.lines++
	switch c.Kind {
	case tx.KindMembership:
		if !own {
			p.boxes[c.Mailbox] |= messageEvents[c.Op]
		}
	case tx.KindMailbox:
		id := mail.MailboxID(c.Object)
		only, known := p.ownNames[id]
		p.ownNames[id] = own && (only || !known)
		p.renamed, p.others = c.ModSeq, p.others || !own
	case tx.KindSettings:
		p.renamed, p.others, p.settings = c.ModSeq, p.others || !own, true
	case tx.KindAnnotation:
		p.annotated = p.annotated || !own
	}
}

// lookUp reads what is to be told of what a pass has found.
func (s *session) lookUp(t *tx.Tx, p *pass) (err error) {
	e := s.events
	if e.names != nil && p.renamed > e.names.at {
		if p.names, err = s.share.namesAt(t, s.o.Mailbox, s.account, p.renamed, p.now); err != nil {
			return err
		}
	}
	if p.annotated {
		if p.entries, err = s.o.Mailbox.AnnotationsSince(t, s.account, s.account, e.told, s.o.Limits.EventLines+1); err != nil {
			return err
		}
		if len(p.entries) > s.o.Limits.EventLines {
			return errOverflow
		}
	}
	if e.names == nil { // a session that sleeps until its next command keeps no old table
		if len(p.entries) > 0 {
			p.names, err = s.share.namesAt(t, s.o.Mailbox, s.account, p.now, p.now)
		}
		return err
	}
	if p.names != e.names {
		p.changes = p.names.changesSince(e.names, p.ownNames)
		for _, c := range p.changes {
			if c.anew || c.before == nil && !c.own {
				p.boxes[c.now.id] |= imap.MessageEvents // a new mailbox is told with its numbers
			}
		}
	}
	var watched []mail.MailboxID
	for _, id := range slices.Sorted(maps.Keys(p.boxes)) {
		if n := p.names.find(id); n != nil && e.wants(n)&p.boxes[id] != 0 && (s.selected == nil || s.selected.id != id) {
			watched = append(watched, id)
		}
	}
	p.numbers, err = s.o.Mailbox.ByIDs(t, s.account, watched)
	return err
}

func (s *session) tellPass(p *pass) {
	e := s.events
	if e.names != nil && p.names != e.names && p.others {
		s.tellNames(e.names, p)
	}
	for i := range p.numbers {
		m := &p.numbers[i]
		n := p.names.find(m.ID)
		m.Path = n.path
		s.tellNumbers(s.mine(m), e.wants(n))
	}
	s.tellEntries(p)
}

// tellNumbers sends the numbers of a mailbox (RFC 5465 3.1, 5.1 to 5.3): all that one of the events asks for.
func (s *session) tellNumbers(m *access, wanted imap.Events) {
	items := []imap.StatusItem{imap.StatusMessages, imap.StatusUIDNext, imap.StatusUIDValidity, imap.StatusUnseen}
	if s.condstore || wanted&imap.FlagChange != 0 {
		items = append(items, imap.StatusHighestModSeq)
	}
	s.out.Status(m.Path, items, s.statusData(m, items))
}

// tellEntries names the annotations that others have changed (RFC 5464 4.4.2, RFC 5465 5.6 and 5.7).
func (s *session) tellEntries(p *pass) {
	var of mail.MailboxID
	var entries []string
	flush := func() {
		if len(entries) == 0 {
			return
		}
		if n := p.names.find(of); n != nil {
			s.out.MetadataChanged(n.path, entries)
		} else if of == mailbox.OfServer {
			s.out.MetadataChanged("", entries)
		}
		entries = entries[:0]
	}
	for _, a := range p.entries {
		if a.Mailbox != of {
			flush()
			of = a.Mailbox
		}
		if !s.isOwn(a.ModSeq) && s.wantsEntries(a.Mailbox, p.names) {
			entries = append(entries, a.Entry)
		}
	}
	flush()
}

func (s *session) wantsEntries(id mail.MailboxID, known *nameTable) bool {
	switch n := known.find(id); {
	case s.metadata:
		return true
	case id == mailbox.OfServer:
		return slices.ContainsFunc(s.events.groups, func(g eventGroup) bool { return g.events&imap.ServerMetadataChange != 0 })
	default:
		return n != nil && s.events.wants(n)&imap.MailboxMetadataChange != 0
	}
}
