package imapserver

import (
	"github.com/mailmesh/mailmesh/internal/finding"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func multiSearchExtension() extension {
	byNumber := func(c imap.Command) bool { return usesSequenceNumbers(c.(imap.ESearch).Key) }
	return extension{
		capabilities: announced("MULTISEARCH"),
		commands:     map[string]command{"ESEARCH": {run: with((*session).multiSearch), looks: true, holds: true, byNumber: byNumber}},
	}
}

// costOfMailbox is what opening one costs a search, in octets of content.
const costOfMailbox = 16 << 10

// multiSearch searches mailbox after mailbox, and answers for each that holds something. All together may cost what one search
// may (RFC 7377 2.4), and what has been found until then has been told.
func (s *session) multiSearch(r imap.Request, c imap.ESearch) (reply, error) {
	q := question{tag: r.Tag, uid: true, wanted: c.Return, key: c.Key}
	if refused := s.checkSources(c); refused != "" {
		return bad(refused), nil
	}
	if usesModSeq(c.Key) {
		s.understandModSeq()
	}
	if s.selected != nil {
		if err := s.checkUpdate(q); err != nil {
			return reply{}, err
		}
	}
	effort := s.newEffort()
	if c.OnlySelected() {
		name, err := s.selectedName()
		if err != nil {
			return reply{}, err
		}
		return s.searchSelected(q, name, effort)
	}
	names, err := s.names()
	if err != nil {
		return reply{}, err
	}
	updated := false
	for _, n := range names {
		if n.mailbox == nil || !n.mailbox.rights.Has(mail.RightRead) || !s.isSource(c.In, &n) {
			continue
		}
		updated = updated || s.selected != nil && s.selected.id == n.mailbox.ID
		err := s.searchIn(n.mailbox, effort, func() error {
			_, err := s.searchSelected(q, n.path, effort)
			return err
		})
		// One that was deleted meanwhile, or may not be read any more, holds nothing.
		if err != nil && !mail.Is(err, mail.NotFound) && !mail.Is(err, mail.Denied) {
			return reply{}, err
		}
	}
	if q.wanted.Update && !updated { // RFC 7377 2.2: only the selected mailbox is
		s.refuseUpdate(q)
	}
	return ok("searched"), s.out.Err()
}

// checkSources returns what is wrong with the sources in this state of the session, if anything is.
func (s *session) checkSources(c imap.ESearch) string {
	selected := len(c.In) == 0 || slices.ContainsFunc(c.In, func(f imap.SearchSource) bool { return f.Filter == imap.FilterSelected })
	switch {
	case selected && s.selected == nil:
		return "no mailbox is selected"
	case c.Return.Update && s.selected == nil:
		return "UPDATE needs a selected mailbox"
	case c.Return.Save && !c.OnlySelected():
		return "SAVE is for the selected mailbox alone"
	}
	return ""
}

// searchSelected answers for the selected mailbox if it holds something (RFC 7377 2.1: else there is no response). Numbers above
// those of its messages are no error (RFC 7377 2).
func (s *session) searchSelected(q question, name string, effort *finding.Effort) (reply, error) {
	sel := s.selected
	found, err := s.look(q.key, looking{effort: effort, ranks: q.ranks()})
	if q.wanted.Save {
		sel.saved = nil
	}
	if err != nil {
		return reply{}, err
	}
	if q.wanted.Save {
		sel.saved = named(q.wanted, found.uids)
	}
	if len(found.uids) > 0 && !q.wanted.Silent() {
		q.mailbox = name
		s.answer(q, found)
	}
	if q.wanted.Update && !sel.borrowed {
		q.mailbox = name
		s.keepUpdated(q, found.uids)
	}
	return ok("searched"), nil
}

// searchIn lets do look at a mailbox as if it were selected; the one that is selected is looked at as the client knows it.
func (s *session) searchIn(m *access, effort *finding.Effort, do func() error) error {
	if s.selected != nil && s.selected.id == m.ID {
		return do()
	}
	if err := effort.Spend(costOfMailbox); err != nil {
		return err
	}
	end, err := s.takeTurn()
	if err != nil {
		return err
	}
	view, err := s.viewStill(m)
	end()
	if err != nil {
		return err
	}
	mine := s.selected
	defer func() { s.selected = mine }()
	s.selected = &selected{id: m.ID, owner: m.owner, rights: m.rights, readOnly: true, borrowed: true, view: view, recent: view.Status().RecentFrom}
	return do()
}

// viewStill is the view of a mailbox that may be read now: the mailboxes before it may have taken long.
func (s *session) viewStill(m *access) (*mailbox.View, error) {
	if s.foreign(m.owner) {
		err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
			rights, err := s.o.Mailbox.RightsOf(t, m.owner, m.ID, s.account)
			if err != nil {
				return err
			}
			return mailbox.CheckRights(rights, mail.RightLookup|mail.RightRead)
		})
		if err != nil {
			return nil, err
		}
	}
	return s.o.Mailbox.View(s.ctx, m.owner, m.ID)
}

// isSource reports whether a mailbox is one of those that a search names.
func (s *session) isSource(sources []imap.SearchSource, n *listed) bool {
	return slices.ContainsFunc(sources, func(f imap.SearchSource) bool {
		switch f.Filter {
		case imap.FilterSelected:
			return n.mailbox.ID == s.selected.id
		case imap.FilterInboxes: // mail is delivered to INBOX
			return n.path == mailbox.Inbox
		case imap.FilterPersonal:
			return !s.foreign(n.mailbox.owner)
		case imap.FilterSubscribed:
			return n.subscribed
		}
		return slices.ContainsFunc(f.Mailboxes, func(name string) bool {
			below, is := strings.CutPrefix(n.path, name+mailbox.Separator)
			return n.path == name || is && (f.Filter == imap.FilterSubtree || f.Filter == imap.FilterSubtreeOne && !strings.Contains(below, mailbox.Separator))
		})
	})
}

// selectedName is the name of the selected mailbox, which may have been renamed since.
func (s *session) selectedName() (string, error) {
	names, err := s.names()
	for _, n := range names {
		if n.mailbox != nil && n.mailbox.ID == s.selected.id {
			return n.path, nil
		}
	}
	return s.selected.path, err // of another account, readable and not listed
}
