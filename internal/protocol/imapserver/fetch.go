package imapserver

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// fetchBatch is how many messages' rows are held in memory at a time.
const fetchBatch = 200

var (
	expungeIssued = no(imap.CodeExpungeIssued, "some of the messages were expunged meanwhile") // RFC 5530
	unknownCTE    = no(imap.CodeUnknownCTE, "some parts have a transfer encoding that cannot be undone")
)

func (s *session) fetch(c imap.Fetch) (reply, error) {
	if c.Vanished && !s.qresync {
		return bad("VANISHED needs ENABLE QRESYNC first"), nil // RFC 7162 3.2.6
	}
	seqs, err := s.seqs(c.Numbers)
	if err != nil {
		return reply{}, err
	}
	if err := s.tellVanished(c); err != nil {
		return reply{}, err
	}
	f := s.newFetching(c)
	if c.ChangedSince != 0 {
		seqs = s.changedSince(seqs, c.ChangedSince)
	}
	if f.marksSeen && !s.selected.readOnly {
		if seqs, err = f.markSeen(seqs, c.UID); err != nil {
			return reply{}, err
		}
	}
	all := s.positions(seqs)
	for batch := range slices.Chunk(all, fetchBatch) {
		if err := f.send(batch); err != nil {
			return reply{}, err
		}
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
	highest := uint32(s.selected.view.Status().UIDNext) - 1
	gone, err := s.vanished(c.ChangedSince, c.Set.Resolve(highest))
	if err == nil {
		s.out.Vanished(true, gone)
	}
	return err
}

func (s *session) changedSince(seqs imap.Set, since mail.ModSeq) imap.Set {
	var out imap.Set
	for _, p := range s.positions(seqs) {
		if p.entry.ModSeq > since {
			out.Add(p.seq)
		}
	}
	return out
}

// fetching is one FETCH being answered.
type fetching struct {
	*session
	items     []imap.FetchItem
	marksSeen bool
	rows      bool // the email's row is needed
	structure bool // and its structure
	content   bool // and the message's bytes

	marked imap.Set      // UIDs that this command marked \Seen: their flags are told too
	latest *mailbox.View // has the flags after marking

	gone       bool // a message was not there any more
	unknownCTE bool
}

func (s *session) newFetching(c imap.Fetch) *fetching {
	f := &fetching{session: s, items: slices.Clone(c.Items), latest: s.selected.view}
	has := func(k imap.FetchKind) bool {
		return slices.ContainsFunc(f.items, func(i imap.FetchItem) bool { return i.Kind == k })
	}
	if c.UID && !has(imap.FetchUID) {
		f.items = append([]imap.FetchItem{{Kind: imap.FetchUID}}, f.items...) // RFC 9051 6.4.9
	}
	if c.ChangedSince != 0 && !has(imap.FetchModSeq) {
		f.items = append(f.items, imap.FetchItem{Kind: imap.FetchModSeq}) // RFC 7162 3.1.4.1
	}
	s.condstore = s.condstore || has(imap.FetchModSeq)
	for _, i := range f.items {
		f.marksSeen = f.marksSeen || i.SetsSeen()
		switch i.Kind {
		case imap.FetchEnvelope, imap.FetchThreadID:
			f.rows = true
		case imap.FetchBody, imap.FetchBodyStructure:
			f.rows, f.structure = true, true
		case imap.FetchBinarySize:
			f.rows, f.structure, f.content = true, true, true
		}
		if i.Content() {
			f.rows, f.content = true, true
			f.structure = f.structure || !isWhole(i)
		}
	}
	return f
}

// isWhole reports whether an item is the whole message, for which no structure is needed.
func isWhole(i imap.FetchItem) bool {
	return i.Kind != imap.FetchBinary && len(i.Section.Part) == 0 && i.Section.Kind == imap.SectionWhole
}

// markSeen sets \Seen before anything is sent, so that the answer has the new flags. It returns the numbers to fetch,
// which are others where an EXPUNGE was told on the way.
func (f *fetching) markSeen(seqs imap.Set, uid bool) (imap.Set, error) {
	sel := f.selected
	uids := sel.view.UIDs(seqs)
	for _, p := range f.positions(seqs) {
		if p.entry.Flags&mail.Seen == 0 {
			f.marked.Add(uint32(p.entry.UID))
		}
	}
	if len(f.marked) == 0 {
		return seqs, nil
	}
	done, err := f.o.Mailbox.StoreFlags(f.ctx, f.account, sel.id, f.marked, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: mail.Flags{Bits: mail.Seen}})
	if err != nil {
		return nil, err
	}
	if f.latest, err = f.advance(done.ModSeq, uid, f.marked); err != nil {
		return nil, err
	}
	return sel.view.Seqs(uids), nil
}

// send answers for some messages, whose rows it reads together.
func (f *fetching) send(batch []position) error {
	rows, err := f.read(batch)
	if err != nil {
		return err
	}
	for _, p := range batch {
		if err := f.one(p, rows[p.entry.Email]); err != nil {
			return err
		}
		if f.over {
			return errConnection
		}
	}
	return nil
}

// read returns the rows of some messages. They are copied: a client that takes the answers slowly must not hold a
// transaction open.
func (f *fetching) read(batch []position) (rows map[mail.EmailID]*mailbox.Email, err error) {
	if !f.rows {
		return nil, nil
	}
	ids := make([]mail.EmailID, len(batch))
	for i, p := range batch {
		ids[i] = p.entry.Email
	}
	err = f.o.Tx.Read(f.ctx, func(t *tx.Tx) error {
		rows = make(map[mail.EmailID]*mailbox.Email, len(ids))
		return f.o.Mailbox.Summaries(t, f.account, ids, func(e *mailbox.Email) bool {
			row := *e
			row.Summary = bytes.Clone(e.Summary)
			rows[e.ID] = &row
			return true
		})
	})
	return rows, err
}

// one answers for one message.
func (f *fetching) one(p position, row *mailbox.Email) error {
	if f.rows && row == nil {
		f.gone = true
		return nil
	}
	source, err := f.open(row)
	if mail.Is(err, mail.NotFound) {
		f.gone = true
		return nil
	}
	if err != nil {
		return err
	}
	defer source.close()
	parts, err := f.prepare(source)
	if errors.Is(err, message.ErrUnknownEncoding) {
		f.unknownCTE = true
		return nil
	}
	if err != nil {
		return err
	}
	e := p.entry
	if newer, found := f.latest.Find(e.UID); found > 0 {
		e = newer
	}
	out := f.out.Fetch(p.seq)
	for i, item := range f.items {
		if err := f.item(out, item, e, source, parts[i]); err != nil {
			return err
		}
	}
	if f.marked.Contains(uint32(e.UID)) && !slices.ContainsFunc(f.items, func(i imap.FetchItem) bool { return i.Kind == imap.FetchFlags }) {
		out.Flags(f.latest.FlagsOf(e).Names(), f.isRecent(e))
		if f.condstore && !slices.ContainsFunc(f.items, func(i imap.FetchItem) bool { return i.Kind == imap.FetchModSeq }) {
			out.ModSeq(e.ModSeq)
		}
	}
	out.End()
	return f.out.Err()
}

// item writes one item of the answer.
func (f *fetching) item(out *imap.FetchResponse, i imap.FetchItem, e mailbox.Entry, m *source, part *part) error {
	switch i.Kind {
	case imap.FetchUID:
		out.UID(e.UID)
	case imap.FetchFlags:
		out.Flags(f.latest.FlagsOf(e).Names(), f.isRecent(e))
	case imap.FetchInternalDate:
		out.InternalDate(time.UnixMilli(e.Received).UTC())
	case imap.FetchSize:
		out.Size(int64(e.Size))
	case imap.FetchModSeq:
		out.ModSeq(e.ModSeq)
	case imap.FetchEmailID:
		out.EmailID(e.Email.String())
	case imap.FetchThreadID:
		out.ThreadID(m.row.Thread.String())
	case imap.FetchEnvelope:
		envelope, err := message.UnmarshalEnvelope(m.row.Summary)
		if err != nil {
			return err
		}
		out.Envelope(&envelope)
	case imap.FetchBody, imap.FetchBodyStructure:
		out.BodyStructure(m.root, i.Kind == imap.FetchBodyStructure)
	default:
		part.write(out, i)
	}
	return nil
}
