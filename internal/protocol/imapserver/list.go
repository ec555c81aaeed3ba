package imapserver

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// listed is a name as LIST sees it: a mailbox, a subscription without one, or a level above one of them.
type listed struct {
	path       string
	mailbox    *mailbox.Mailbox // nil: there is none of that name
	subscribed bool
	children   bool // it has a child that is a mailbox

	// What RECURSIVEMATCH looks for, among all below.
	subscribedBelow, specialBelow bool
}

// names returns everything LIST can show, by path.
func (s *session) names() ([]listed, error) {
	var list []mailbox.Mailbox
	var subscriptions []string
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) (err error) {
		if list, err = s.o.Mailbox.List(t, s.account); err != nil {
			return err
		}
		subscriptions, err = s.o.Mailbox.Subscriptions(t, s.account)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]listed, 0, len(list)+len(subscriptions))
	for i := range list {
		out = append(out, listed{path: list[i].Path, mailbox: &list[i], subscribed: list[i].Subscribed})
	}
	for _, path := range subscriptions {
		out = append(out, listed{path: path, subscribed: true})
	}
	relate(out)
	return out, nil
}

// relate fills in what each name knows of those below it.
func relate(names []listed) {
	at := make(map[string]int, len(names))
	for i, n := range names {
		at[n.path] = i
	}
	for _, n := range names {
		for above, parent := parentOf(n.path), true; above != ""; above, parent = parentOf(above), false {
			i, ok := at[above]
			if !ok {
				continue
			}
			names[i].children = names[i].children || parent && n.mailbox != nil
			names[i].subscribedBelow = names[i].subscribedBelow || n.subscribed
			names[i].specialBelow = names[i].specialBelow || n.special() != ""
		}
	}
}

func parentOf(path string) string {
	i := strings.LastIndex(path, mailbox.Separator)
	return path[:max(i, 0)]
}

// special is the special-use attribute, "" for none.
func (n *listed) special() string {
	if n.mailbox == nil {
		return ""
	}
	return attributes[n.mailbox.Role]
}

func (s *session) list(c imap.List) (reply, error) {
	if !c.Extended && len(c.Patterns) == 1 && c.Patterns[0] == "" {
		// RFC 9051 6.3.9: an empty pattern asks for the delimiter and the root of the reference.
		s.out.List(imap.ListEntry{Attributes: []string{`\Noselect`}, Delimiter: delimiter})
		return ok("this is the delimiter"), nil
	}
	names, err := s.names()
	if err != nil {
		return reply{}, err
	}
	patterns := make([]imap.Pattern, len(c.Patterns))
	for i, p := range c.Patterns {
		patterns[i] = imap.NewPattern(c.Reference, p, delimiter)
	}
	if c.Select.Subscribed {
		c.Return.Subscribed = true // RFC 5258 3.1: SUBSCRIBED as selection implies it as return option
	}
	s.noteModSeqItem(c.Return.Status)
	for i := range names {
		n := &names[i]
		if !slices.ContainsFunc(patterns, func(p imap.Pattern) bool { return p.Match(n.path) }) {
			continue
		}
		if info, show := selects(c.Select, n); show {
			s.out.List(imap.ListEntry{Attributes: s.listAttributes(c, n), Delimiter: delimiter, Name: n.path, ChildInfo: info})
			// RFC 5819 2: STATUS follows its LIST, and is left out where there is nothing to select.
			if len(c.Return.Status) > 0 && n.mailbox != nil {
				d, err := s.statusData(*n.mailbox, c.Return.Status)
				if err != nil {
					return reply{}, err
				}
				s.out.Status(n.path, c.Return.Status, d)
			}
		}
	}
	return ok("that is all"), nil
}

// selects decides whether the selection options show a name, and with which CHILDINFO (RFC 5258 3.5).
func selects(o imap.ListSelect, n *listed) (info []string, show bool) {
	if !o.Subscribed && !o.SpecialUse {
		return nil, n.mailbox != nil
	}
	show = (!o.Subscribed || n.subscribed) && (!o.SpecialUse || n.special() != "")
	if !o.RecursiveMatch {
		return nil, show
	}
	if o.Subscribed && n.subscribedBelow {
		info = append(info, "SUBSCRIBED")
	}
	if o.SpecialUse && n.specialBelow {
		info = append(info, "SPECIAL-USE")
	}
	return info, show || len(info) > 0
}

func (s *session) listAttributes(c imap.List, n *listed) []string {
	var out []string
	switch {
	case n.mailbox == nil:
		out = append(out, `\NonExistent`) // RFC 5258 3: implies \Noselect
	case n.children:
		out = append(out, `\HasChildren`)
	default:
		out = append(out, `\HasNoChildren`)
	}
	if n.mailbox == nil && n.children {
		out = append(out, `\HasChildren`)
	}
	if use := n.special(); use != "" {
		out = append(out, use)
	}
	if c.Return.Subscribed && n.subscribed {
		out = append(out, `\Subscribed`)
	}
	return out
}

// lsub lists subscribed names (RFC 3501 6.3.9). With "%", a name above a subscribed one that does not itself match is shown
// as \Noselect.
func (s *session) lsub(c imap.Lsub) (reply, error) {
	names, err := s.names()
	if err != nil {
		return reply{}, err
	}
	pattern := imap.NewPattern(c.Reference, c.Pattern, delimiter)
	shown := map[string]bool{}
	for _, n := range names {
		if !n.subscribed {
			continue
		}
		if pattern.Match(n.path) {
			shown[n.path] = true
			s.out.Lsub(imap.ListEntry{Delimiter: delimiter, Name: n.path})
		}
	}
	if !strings.HasSuffix(c.Pattern, "%") {
		return ok("that is all"), nil
	}
	for _, n := range names {
		if above := parentOf(n.path); n.subscribed && above != "" && !shown[above] && pattern.Match(above) {
			shown[above] = true
			s.out.Lsub(imap.ListEntry{Attributes: []string{`\Noselect`}, Delimiter: delimiter, Name: above})
		}
	}
	return ok("that is all"), nil
}
