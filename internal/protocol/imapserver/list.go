package imapserver

import (
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

func listExtension() extension {
	return extension{
		capabilities: announced("LIST-EXTENDED", "LIST-STATUS"),
		commands: map[string]command{
			"LIST": {run: listing(on((*session).list))},
			"LSUB": {run: listing(on((*session).lsub))},
		},
		listReturns: []listReturn{listStatus},
	}
}

// listReturn returns what sends what a return option wants to be said of a mailbox behind its LIST response, for each of some
// mailboxes in their order; nil where the command does not have it.
type listReturn func(s *session, c imap.List, batch []*access) (tell func(*access) error, err error)

func (s *session) list(c imap.List) (reply, error) {
	if !c.Extended && len(c.Patterns) == 1 && c.Patterns[0] == "" {
		// RFC 9051 6.3.9: an empty pattern asks for the delimiter and the root of the reference.
		s.out.List(imap.ListEntry{Attributes: []string{`\Noselect`}, Delimiter: delimiter})
		return ok("this is the delimiter"), nil
	}
	if s.tooLong(c.Reference, c.Patterns...) {
		return patternsTooLong, nil
	}
	names, err := s.names()
	if err != nil {
		return reply{}, err
	}
	if c.Select.Subscribed {
		c.Return.Subscribed = true // RFC 5258 3.1: SUBSCRIBED as selection implies it as return option
	}
	s.noteModSeqItem(c.Return.Status)
	choices := choose(names, c)
	for begin := 0; begin < len(names); begin += batchSize {
		end := min(begin+batchSize, len(names))
		if err := s.listBatch(c, names[begin:end], choices[begin:end]); err != nil {
			return reply{}, err
		}
	}
	return ok("that is all"), nil
}

// listBatch tells of some names. What the return options need is read for all of them together.
func (s *session) listBatch(c imap.List, names []listed, choices []choice) error {
	var batch []*access
	for i := range names {
		if names[i].told(choices[i]) {
			batch = append(batch, names[i].mailbox)
		}
	}
	var tells []func(*access) error
	for _, prepare := range s.server.offers.listReturns {
		tell, err := prepare(s, c, batch)
		if err != nil {
			return err
		}
		if tell != nil {
			tells = append(tells, tell)
		}
	}
	for i, f := range choices {
		n := &names[i]
		if f.shown() {
			s.out.List(imap.ListEntry{Attributes: n.attributes(c.Return, f), Delimiter: delimiter, Name: n.path, ChildInfo: f.childInfo})
		}
		if !n.told(f) {
			continue
		}
		for _, tell := range tells {
			if err := tell(n.mailbox); err != nil {
				return err
			}
		}
	}
	return nil
}

// told reports whether return options say something of a name: RFC 5819 2 and 3: not where there is nothing to select, or the
// name is listed for its children only.
func (n *listed) told(f choice) bool { return f.selected && n.mailbox != nil }

// patternsTooLong: RFC 9051 6.3.9: a pattern that is not accepted, for whatever reason, matches nothing, and the reply is OK.
var patternsTooLong = ok("the patterns are too long together, so that nothing matches: list in steps")

func (s *session) tooLong(reference string, patterns ...string) bool {
	octets := 0
	for _, p := range patterns {
		octets += len(reference) + len(p)
	}
	return octets > s.o.Limits.Patterns
}

// listStatus is the return option STATUS (RFC 5819).
func listStatus(s *session, c imap.List, batch []*access) (func(*access) error, error) {
	if len(c.Return.Status) == 0 {
		return nil, nil
	}
	readable := slices.DeleteFunc(slices.Clone(batch), func(m *access) bool { return !m.rights.Has(mail.RightRead) })
	numbers, err := s.statusOf(readable, c.Return.Status)
	return func(m *access) error {
		if m.rights.Has(mail.RightRead) {
			s.out.Status(m.Path, c.Return.Status, numbers(m))
		}
		return nil
	}, err
}

// choice is what LIST decides about a name.
type choice struct {
	selected  bool     // it matches pattern and selection options
	childInfo []string // selection options that names below it match, for RECURSIVEMATCH (RFC 5258 3.5)
}

func (f choice) shown() bool { return f.selected || len(f.childInfo) > 0 }

// choose decides about all names.
func choose(names []listed, c imap.List) []choice {
	patterns := make([]imap.Pattern, len(c.Patterns))
	for i, p := range c.Patterns {
		patterns[i] = imap.NewPattern(c.Reference, p, delimiter)
	}
	out := make([]choice, len(names))
	for i := range names {
		n := &names[i]
		if !slices.ContainsFunc(patterns, func(p imap.Pattern) bool { return p.Match(n.path) }) {
			n.hidden = true
			continue
		}
		out[i].selected = selects(c.Select, n) || n.level && reaches(c, patterns, n)
	}
	if c.Select.RecursiveMatch {
		lookBelow(names, out, c.Select)
	}
	return out
}

// reaches decides whether a level above the mailboxes of others is shown: RFC 9051 6.3.9 wants that of a pattern that ends
// with "%".
func reaches(c imap.List, patterns []imap.Pattern, n *listed) bool {
	if c.Select.Subscribed || c.Select.SpecialUse {
		return false
	}
	for i, p := range patterns {
		if strings.HasSuffix(c.Patterns[i], "%") && p.Match(n.path) {
			return true
		}
	}
	return false
}

// selects decides whether the selection options alone choose a name.
func selects(o imap.ListSelect, n *listed) bool {
	if !o.Subscribed && !o.SpecialUse {
		return n.mailbox != nil
	}
	return (!o.Subscribed || n.subscribed) && (!o.SpecialUse || n.special() != "")
}

// lookBelow fills in CHILDINFO. A name that is not chosen itself is not shown for children that are all shown (RFC 9051
// 6.3.9.6 asks to leave such out).
func lookBelow(names []listed, out []choice, o imap.ListSelect) {
	type below struct{ subscribed, special, unseen bool }
	found := make([]below, len(names))
	for i := range names {
		n := &names[i]
		if !selects(o, n) {
			continue
		}
		for above := n.parent; above >= 0; above = names[above].parent {
			f := &found[above]
			f.subscribed = f.subscribed || o.Subscribed
			f.special = f.special || o.SpecialUse
			f.unseen = f.unseen || n.hidden
		}
	}
	for i, f := range found {
		if names[i].hidden || !out[i].selected && !f.unseen {
			continue
		}
		if f.subscribed {
			out[i].childInfo = append(out[i].childInfo, "SUBSCRIBED")
		}
		if f.special {
			out[i].childInfo = append(out[i].childInfo, "SPECIAL-USE")
		}
	}
}

// attributes are those of LIST (RFC 9051 7.3.1, RFC 6154 2).
func (n *listed) attributes(r imap.ListReturn, f choice) []string {
	var out []string
	if n.mailbox == nil {
		out = append(out, `\NonExistent`) // which implies \Noselect
	}
	if n.level {
		out = append(out, `\Noselect`) // for clients that do not know what that implies
	}
	switch {
	case n.children || n.mailbox == nil && len(f.childInfo) > 0:
		out = append(out, `\HasChildren`)
	case n.mailbox != nil || r.Children: // RFC 5258 4: who asks gets one of the two for every name
		out = append(out, `\HasNoChildren`)
	}
	if use := n.special(); use != "" {
		out = append(out, use)
	}
	if r.Subscribed && n.subscribed {
		out = append(out, `\Subscribed`)
	}
	return out
}

// lsub lists subscribed names (RFC 3501 6.3.9). With "%", a name above a subscribed one that does not itself match is shown
// as \Noselect.
func (s *session) lsub(c imap.Lsub) (reply, error) {
	if s.tooLong(c.Reference, c.Pattern) {
		return patternsTooLong, nil
	}
	names, err := s.names()
	if err != nil {
		return reply{}, err
	}
	pattern := imap.NewPattern(c.Reference, c.Pattern, delimiter)
	above := make([]bool, len(names)) // a subscribed name lies below that the pattern does not reach
	for i := range names {
		if n := &names[i]; n.subscribed && !pattern.Match(n.path) {
			for at := n.parent; at >= 0; at = names[at].parent {
				above[at] = true
			}
		}
	}
	percent := strings.HasSuffix(c.Pattern, "%")
	for i := range names {
		n := &names[i]
		switch {
		case !pattern.Match(n.path):
		case n.subscribed:
			s.out.Lsub(imap.ListEntry{Delimiter: delimiter, Name: n.path})
		case percent && above[i]:
			s.out.Lsub(imap.ListEntry{Attributes: []string{`\Noselect`}, Delimiter: delimiter, Name: n.path})
		}
	}
	return ok("that is all"), nil
}

// special is the special-use attribute, "" for none.
func (n *listed) special() string {
	if n.mailbox == nil {
		return ""
	}
	return attributes[n.mailbox.Role]
}

func parentOf(path string) string {
	i := strings.LastIndex(path, mailbox.Separator)
	return path[:max(i, 0)]
}
