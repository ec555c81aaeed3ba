package imapserver

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

var (
	expungeIssued = no(imap.CodeExpungeIssued, "some of the messages were expunged meanwhile") // RFC 5530
	unknownCTE    = no(imap.CodeUnknownCTE, "some parts have a transfer encoding that cannot be undone")
)

func fetchExtension() extension {
	fetch := command{run: on((*session).fetch), looks: true, holds: true}
	return extension{
		capabilities: announced("BINARY"),
		commands:     map[string]command{"FETCH": fetch, "UID FETCH": fetch},
		fetchItems:   fetchItems(),
	}
}

func (s *session) fetch(c imap.Fetch) (reply, error) {
	if c.Vanished && !s.qresync {
		return bad("VANISHED needs ENABLE QRESYNC first"), nil // RFC 7162 3.2.6
	}
	seqs, err := s.seqs(c.Numbers)
	if err != nil {
		return reply{}, err
	}
	if c.Partial != (imap.PartialRange{}) { // RFC 9394 3.4: before CHANGEDSINCE
		seqs = c.Partial.Of(seqs)
	}
	f, err := s.newFetching(c)
	if err != nil {
		return reply{}, err
	}
	if f.contents > s.o.Limits.ContentItems {
		return no(imap.CodeLimit, "too many items are made from the content of messages: fetch in steps"), nil
	}
	if err := s.tellVanished(c); err != nil {
		return reply{}, err
	}
	if c.ChangedSince != 0 {
		seqs = s.changedSince(seqs, c.ChangedSince)
	}
	if f.marksSeen && !s.selected.readOnly && s.selected.rights.Has(mail.RightSeen) { // RFC 4314 4, FETCH
		if seqs, err = f.markSeen(seqs, c.UID); err != nil {
			return reply{}, err
		}
	}
	if err := f.sendAll(seqs); err != nil {
		return reply{}, err
	}
	switch {
	case f.gone:
		return expungeIssued, nil
	case f.unknownCTE:
		return unknownCTE, nil
	}
	return ok("fetched"), nil
}

// tellVanished answers the modifier VANISHED: which UIDs of the set are gone (RFC 7162 3.2.6).
func (s *session) tellVanished(c imap.Fetch) error {
	if !c.Vanished {
		return nil
	}
	gone, err := s.vanished(c.ChangedSince, c.Set.Resolve(uint32(s.selected.view.Status().UIDNext)-1))
	if err == nil {
		s.out.Vanished(true, gone)
	}
	return err
}

func (s *session) changedSince(seqs imap.Set, since mail.ModSeq) imap.Set {
	var out imap.Set
	for p := range s.positions(seqs) {
		if p.entry.ModSeq > since {
			out.Add(p.seq)
		}
	}
	return out
}

// fetching is one FETCH being answered.
type fetching struct {
	*session
	items []imap.FetchItem
	how   []fetchItem // for each of items

	// Of items that are fields of the message's header: they need the content only where the row does not have them.
	fields []*message.FieldSelection
	text   []byte  // of these fields of one message
	parts  []*part // of one message

	marksSeen bool  // the message becomes \Seen
	flags     bool  // FLAGS is among the items
	modseq    bool  // MODSEQ is
	needs     needs // of all items together
	contents  int   // items that are made from the message's bytes

	marked imap.Set // UIDs that this command marked \Seen: their flags are told too

	found bodies.Found // of the messages being answered

	named map[mail.Flag][]string // flags as they are told

	gone       bool // a message was not there any more
	unknownCTE bool
}

func (s *session) newFetching(c imap.Fetch) (*fetching, error) {
	f := &fetching{session: s, items: c.Items}
	if c.UID && !f.has(imap.FetchUID) && !s.dialect.UIDOnly {
		f.items = append([]imap.FetchItem{{Kind: imap.FetchUID}}, f.items...) // RFC 9051 6.4.9
	}
	if c.ChangedSince != 0 && !f.has(imap.FetchModSeq) {
		f.items = append(slices.Clip(f.items), imap.FetchItem{Kind: imap.FetchModSeq}) // RFC 7162 3.1.4.1
	}
	f.flags, f.modseq = f.has(imap.FetchFlags), f.has(imap.FetchModSeq)
	if f.modseq {
		s.understandModSeq()
	}
	for _, i := range f.items {
		how, known := s.server.offers.fetchItems[i.Kind]
		if !known {
			return nil, mail.E("imapserver.fetch", mail.Invalid, fmt.Errorf("%s cannot be fetched here", i.AppendTo(nil)))
		}
		f.how = append(f.how, how)
		f.fields = append(f.fields, selectionOf(i))
		f.need(i, how)
	}
	return f, nil
}

func (f *fetching) has(k imap.FetchKind) bool {
	return slices.ContainsFunc(f.items, func(i imap.FetchItem) bool { return i.Kind == k })
}

// need notes what an item is made from.
func (f *fetching) need(i imap.FetchItem, how fetchItem) {
	f.marksSeen = f.marksSeen || i.SetsSeen()
	f.needs |= how.needs
	switch {
	case how.part == nil:
	case selectionOf(i) != nil:
		f.contents++
		f.needs |= needsRow
	default:
		f.contents++
		f.needs |= needsRow | needsContent
		if !isWhole(i) {
			f.needs |= needsStructure
		}
	}
}

// selectionOf is what an item selects of the fields of the message's own header, nil if it is something else.
func selectionOf(i imap.FetchItem) *message.FieldSelection {
	if i.Kind != imap.FetchBodySection || len(i.Section.Part) > 0 || i.Section.Kind != imap.SectionHeaderFields {
		return nil
	}
	s := message.NewFieldSelection(i.Section.Fields)
	return &s
}

// isWhole reports whether an item is the whole message, for which no structure is needed.
func isWhole(i imap.FetchItem) bool {
	return i.Content() && i.Kind != imap.FetchBinary && len(i.Section.Part) == 0 && i.Section.Kind == imap.SectionWhole
}

// markSeen sets \Seen before anything is sent, so that the answer has the new flags. It returns the numbers to fetch,
// which are others where an EXPUNGE was told on the way.
func (f *fetching) markSeen(seqs imap.Set, uid bool) (imap.Set, error) {
	sel := f.selected
	uids := sel.view.UIDs(seqs)
	for p := range f.positions(seqs) {
		if p.entry.Flags&mail.Seen == 0 {
			f.marked.Add(uint32(p.entry.UID))
		}
	}
	if len(f.marked) == 0 {
		return seqs, nil
	}
	done, err := f.o.Mailbox.As(f.account).StoreFlags(f.ctx, sel.owner, sel.id, f.marked, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: mail.Flags{Bits: mail.Seen}})
	if mail.Is(err, mail.NotFound) || mail.Is(err, mail.Gone) {
		return nil, err
	}
	if err != nil && !mail.Is(err, mail.Denied) { // who cannot write can still read
		f.log.Warn("imap: messages that were read are not marked", "mailbox", sel.id, "err", err)
	}
	if err = f.advance(done.ModSeq, uid, f.marked); err != nil {
		return nil, err
	}
	return sel.view.Seqs(uids), nil
}

// send answers for a batch.
func (f *fetching) send(got *fetched) error {
	if p, ok := errors.AsType[*panicked](got.err); ok {
		panic(p)
	}
	if got.err != nil {
		return got.err
	}
	f.found = got.found
	for i := range got.messages {
		if err := f.one(&got.messages[i]); err != nil {
			return err
		}
	}
	if len(got.rest) > 0 {
		return f.send(f.read(got.rest, new(fetched)))
	}
	return nil
}

// one answers for one message.
func (f *fetching) one(m *source) error {
	var parts []*part
	if f.needs != 0 {
		if m.row == nil {
			f.gone = true
			return nil
		}
		defer m.close()
		err := f.open(m)
		if err == nil && f.contents > 0 {
			parts, err = f.prepare(m)
		}
		switch {
		case mail.Is(err, mail.NotFound):
			f.gone = true
			return nil
		case errors.Is(err, message.ErrUnknownEncoding):
			f.unknownCTE = true
			return nil
		case err != nil:
			return err
		}
	}
	out := f.out.Fetch(m.seq, m.entry.UID)
	for i, item := range f.items {
		if parts != nil && parts[i] != nil {
			parts[i].write(out, item)
		} else {
			f.how[i].write(f, out, item, m)
		}
	}
	if f.marked.Contains(uint32(m.entry.UID)) {
		f.tellMarked(out, m.entry)
	}
	out.End()
	return f.out.Err()
}

// tellMarked adds that the message is \Seen now (RFC 9051 6.4.5), and what a client that knows MODSEQ needs with every
// change of flags: UID and MODSEQ (RFC 7162 3.2.4).
func (f *fetching) tellMarked(out *imap.FetchResponse, e mailbox.Entry) {
	if !f.flags {
		out.Flags(f.names(e), f.isRecent(e))
	}
	if f.condstore && !f.has(imap.FetchUID) && !f.dialect.UIDOnly {
		out.UID(e.UID)
	}
	if f.condstore && !f.modseq {
		out.ModSeq(e.ModSeq)
	}
}

// names are the flags of a message. Few combinations are in use.
func (f *fetching) names(e mailbox.Entry) []string {
	flags := f.selected.view.FlagsOf(e)
	if len(flags.Keywords) > 0 {
		return flags.Names()
	}
	names, ok := f.named[flags.Bits]
	if !ok {
		if f.named == nil {
			f.named = make(map[mail.Flag][]string)
		}
		names = flags.Names()
		f.named[flags.Bits] = names
	}
	return names
}
