package imapserver

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// metadataExtension is METADATA (RFC 5464), which is METADATA-SERVER as well, and LIST-METADATA (RFC 9590). What others
// change is told as NOTIFY tells it: see events. The special use of a mailbox is one: see useEntry.
func metadataExtension() extension {
	return extension{
		capabilities: []capability{
			{name: "METADATA", enables: func(s *session) *bool { return &s.metadata }, enabled: (*session).watchMetadata},
			{name: "LIST-METADATA"},
		},
		commands: map[string]command{
			"GETMETADATA": {run: on((*session).getMetadata)},
			"SETMETADATA": {run: on((*session).setMetadata)},
		},
		listReturns: []listReturn{listMetadata},
	}
}

// annotated finds a mailbox for its annotations; "" is the server. Those of another account's mailbox can be read with the rights
// to look it up and to read it, and set with the right to write, too.
func (s *session) annotated(path string, more mail.Rights) (access, error) {
	if path == "" {
		return access{owner: s.account, Mailbox: mailbox.Mailbox{ID: mailbox.OfServer}}, nil
	}
	return s.find(path, mail.RightLookup|mail.RightRead|more)
}

func (s *session) getMetadata(c imap.GetMetadata) (reply, error) {
	m, err := s.annotated(c.Mailbox, 0)
	if err != nil {
		return reply{}, err
	}
	named := c.Entries
	if c.Depth != imap.DepthNone {
		named = nil // the entries below are to be found among all
	}
	all, err := s.annotations(&m, named)
	if err != nil {
		return reply{}, err
	}
	values, longest := chooseValues(all, c)
	if len(values) > 0 {
		s.out.Metadata(c.Mailbox, values)
	}
	if longest > 0 {
		return reply{imap.OK, imap.CodeMetadataLongEntries(longest), "some values are longer than MAXSIZE"}, nil
	}
	return ok("these are the annotations"), nil
}

func (s *session) annotations(m *access, entries []string) ([]mailbox.Annotation, error) {
	all, _, err := s.annotationsOf(m.owner, []mail.MailboxID{m.ID}, entries, math.MaxInt)
	return withUse(m, all[m.ID]), err
}

// annotationsOf reads the annotations of mailboxes of an account, unless their values are larger together than most.
func (s *session) annotationsOf(owner mail.AccountID, ids []mail.MailboxID, entries []string, most int) (all map[mail.MailboxID][]mailbox.Annotation, fits bool, err error) {
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		all, fits = map[mail.MailboxID][]mailbox.Annotation{}, true
		held := 0
		return s.o.Mailbox.Annotations(t, owner, s.account, ids, entries, func(a mailbox.Annotation) bool {
			all[a.Mailbox] = append(all[a.Mailbox], a)
			held += len(a.Value)
			fits = held <= most
			return fits
		})
	})
	return all, fits, err
}

// chooseValues answers GETMETADATA with the names of entries as the client has written them: the values that are not too long,
// and how long the longest is that was left out. Without DEPTH an entry that is not there is NIL; RFC 9590 has it so.
func chooseValues(all []mailbox.Annotation, c imap.GetMetadata) (values []imap.MetadataValue, longest int) {
	told := map[string]bool{}
	for _, asked := range c.Entries {
		below := len(values)
		for _, a := range all {
			if told[a.Entry] || !isAsked(a.Entry, strings.ToLower(asked), c.Depth) {
				continue
			}
			told[a.Entry] = true
			if c.MaxSize >= 0 && int64(len(a.Value)) > c.MaxSize {
				longest = max(longest, len(a.Value))
				continue
			}
			values = append(values, imap.MetadataValue{Entry: asked + a.Entry[len(asked):], Value: a.Value})
		}
		if name := strings.ToLower(asked); len(values) == below && c.Depth == imap.DepthNone && !told[name] {
			told[name] = true
			values = append(values, imap.MetadataValue{Entry: asked})
		}
	}
	return values, longest
}

// isAsked reports whether an entry is the one that is asked for, or as far below it as depth reaches.
func isAsked(entry, asked string, depth imap.MetadataDepth) bool {
	rest, found := strings.CutPrefix(entry, asked)
	switch {
	case !found:
		return false
	case rest == "":
		return true
	case rest[0] != '/':
		return false
	}
	return depth == imap.DepthAll || depth == imap.DepthOne && strings.LastIndexByte(rest, '/') == 0
}

func (s *session) setMetadata(c imap.SetMetadata) (reply, error) {
	m, err := s.annotated(c.Mailbox, mail.RightWrite)
	if err != nil {
		return reply{}, err
	}
	if s.foreign(m.owner) && slices.ContainsFunc(c.Values, func(v imap.MetadataValue) bool { return isPrivate(v.Entry) }) {
		return no(imap.CodeMetadataNoPrivate, "private annotations can be kept with one's own mailboxes"), nil
	}
	list := make([]mailbox.Annotation, len(c.Values))
	for i, v := range c.Values {
		list[i] = mailbox.Annotation{Entry: v.Entry, Value: v.Value}
	}
	err = s.o.Tx.Write(s.ctx, only(m.owner), func(t *tx.Tx) error {
		if err := s.o.Mailbox.As(s.account).Annotate(t, m.owner, m.ID, list); err != nil {
			return err
		}
		return s.setUse(t, &m, c.Values)
	})
	switch {
	case errors.Is(err, mailbox.ErrAnnotationTooLarge):
		return no(imap.CodeMetadataMaxSize(mailbox.MaxAnnotation), cause(err)), nil
	case errors.Is(err, mailbox.ErrTooManyAnnotations):
		return no(imap.CodeMetadataTooMany, cause(err)), nil
	case err != nil:
		return reply{}, err
	}
	return ok("set"), nil
}

func isPrivate(entry string) bool {
	const private = "/private/"
	return len(entry) >= len(private) && strings.EqualFold(entry[:len(private)], private)
}

// listMetadata is the return option METADATA (RFC 9590).
func listMetadata(s *session, c imap.List, batch []*access) (func(*access) error, error) {
	if len(c.Return.Metadata) == 0 {
		return nil, nil
	}
	ahead := annotationsAhead{session: s, entries: c.Return.Metadata, rest: batch}
	return func(m *access) error {
		all, err := ahead.next(m)
		if err != nil || !m.rights.Has(mail.RightRead) {
			return err
		}
		values, _ := chooseValues(all, imap.GetMetadata{Entries: c.Return.Metadata, MaxSize: -1})
		s.out.Metadata(m.Path, values)
		return nil
	}, nil
}

// annotationsAhead reads the annotations of many mailboxes, those of one account together where that is not too much to hold.
type annotationsAhead struct {
	*session
	entries []string
	rest    []*access // that were not looked at

	left int                                     // that were looked at and not asked for
	all  map[mail.MailboxID][]mailbox.Annotation // of these; nil: they are too much to hold together
}

// next returns what there is of m, the next one of those that were given.
func (a *annotationsAhead) next(m *access) ([]mailbox.Annotation, error) {
	if a.left == 0 {
		owner, list := sameOwner(a.rest)
		ids := make([]mail.MailboxID, len(list))
		for i := range list {
			ids[i] = list[i].ID
		}
		all, fits, err := a.annotationsOf(owner, ids, a.entries, batchBytes)
		if err != nil {
			return nil, err
		}
		if !fits {
			all = nil
		}
		a.all, a.left, a.rest = all, len(list), a.rest[len(list):]
	}
	a.left--
	if a.all == nil {
		return a.annotations(m, a.entries)
	}
	return withUse(m, a.all[m.ID]), nil
}
