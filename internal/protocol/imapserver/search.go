package imapserver

import (
	"io"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func (s *session) search(tag string, c imap.Search) (reply, error) {
	sel := s.selected
	modseq := usesModSeq(c.Key)
	s.condstore = s.condstore || modseq
	if err := s.checkNumbers(c.Key); err != nil {
		return reply{}, err
	}
	q := search.Plan(c.Key, search.Scope{
		Messages: uint32(sel.view.Len()), HighUID: sel.view.At(sel.view.Len()).UID, Saved: sel.saved})
	found, highest, err := s.matching(q)
	if err != nil {
		if c.Return.Save {
			sel.saved = nil // RFC 5182 2.1: a search that fails leaves an empty result
		}
		return reply{}, err
	}
	if !modseq {
		highest = 0
	}
	s.answerSearch(tag, c, found, highest)
	return ok("searched"), nil
}

// matching returns the UIDs of the messages that a query finds, and their highest mod-sequence.
func (s *session) matching(q search.Query) (found imap.Set, highest mail.ModSeq, err error) {
	for seq, e := range s.selected.view.All() {
		m := &candidate{session: s, seq: seq, entry: e}
		matched, err := q.Match(m)
		m.close()
		if mail.Is(err, mail.NotFound) {
			continue // expunged meanwhile: nothing can be said of it
		}
		if err != nil {
			return nil, 0, err
		}
		if matched {
			found.Add(uint32(e.UID))
			highest = max(highest, e.ModSeq)
		}
		if s.ctx.Err() != nil {
			return nil, 0, errConnection
		}
	}
	return found, highest, nil
}

// answerSearch sends the result in the form that was asked for, and keeps it if it is to be.
func (s *session) answerSearch(tag string, c imap.Search, uids imap.Set, highest mail.ModSeq) {
	if c.Return.Save {
		s.selected.saved = saved(c.Return, uids)
		if !c.Return.Min && !c.Return.Max && !c.Return.All && !c.Return.Count {
			return // RFC 5182 2.1: SAVE alone has no answer
		}
	}
	matches := uids
	if !c.UID {
		matches = s.selected.view.Seqs(uids)
	}
	if !c.Return.Extended && !s.dialect.Rev2 {
		s.out.Search(matches, highest)
		return
	}
	if highest != 0 && len(uids) > 0 && c.Return.Extended && !c.Return.All && !c.Return.Count {
		highest = s.modSeqOf(saved(c.Return, uids)) // RFC 7162 3.1.10: of the messages that are named
	}
	s.out.ESearch(imap.SearchResult{Tag: tag, UID: c.UID, Return: c.Return, Matches: matches, ModSeq: highest})
}

// saved is what SAVE keeps: with MIN or MAX and neither ALL nor COUNT only these (RFC 5182 2.1).
func saved(r imap.SearchReturn, uids imap.Set) imap.Set {
	if len(uids) == 0 || r.All || r.Count || !r.Min && !r.Max {
		return uids
	}
	var out imap.Set
	if r.Min {
		out.Add(uids[0].Start)
	}
	if last := uids[len(uids)-1].Stop; r.Max && !out.Contains(last) {
		out.Add(last)
	}
	return out
}

func (s *session) modSeqOf(uids imap.Set) (highest mail.ModSeq) {
	for uid := range uids.All() {
		e, _ := s.selected.view.Find(mail.UID(uid))
		highest = max(highest, e.ModSeq)
	}
	return highest
}

// usesModSeq reports whether MODSEQ stands anywhere in a query: the answer then tells one (RFC 7162 3.1.5).
func usesModSeq(key imap.SearchKey) bool {
	return anyKey(key, func(k imap.SearchKey) bool { _, is := k.(imap.SearchModSeq); return is })
}

// checkNumbers refuses sequence numbers that no message has, as for other commands.
func (s *session) checkNumbers(key imap.SearchKey) error {
	count := uint32(s.selected.view.Len())
	wrong := anyKey(key, func(k imap.SearchKey) bool {
		n, is := k.(imap.Numbers)
		if !is || n.UID || n.Saved {
			return false
		}
		set := n.Set.Resolve(count)
		return len(set) > 0 && set[len(set)-1].Stop > count
	})
	if wrong {
		return errNumber
	}
	return nil
}

func anyKey(key imap.SearchKey, is func(imap.SearchKey) bool) bool {
	var inner []imap.SearchKey
	switch k := key.(type) {
	case imap.SearchAnd:
		inner = k
	case imap.SearchOr:
		inner = k
	case imap.SearchNot:
		return anyKey(k.Key, is)
	}
	for _, k := range inner {
		if anyKey(k, is) {
			return true
		}
	}
	return is(key)
}

// candidate is one message that a query looks at; it reads only what it is asked for.
type candidate struct {
	*session
	seq     int
	entry   mailbox.Entry
	row     *mailbox.Email
	summary *message.Summary
	content blob.Reader
}

var _ search.Message = (*candidate)(nil)

func (c *candidate) Facts() search.Facts {
	return search.Facts{Seq: uint32(c.seq), UID: c.entry.UID, Email: c.entry.Email, ModSeq: c.entry.ModSeq,
		Size: int64(c.entry.Size), Received: time.UnixMilli(c.entry.Received).UTC(),
		Flags: c.selected.view.FlagsOf(c.entry), Recent: c.isRecent(c.entry)}
}

func (c *candidate) read() (*mailbox.Email, error) {
	if c.row != nil {
		return c.row, nil
	}
	var row mailbox.Email
	err := c.o.Tx.Read(c.ctx, func(t *tx.Tx) (err error) {
		row, err = c.o.Mailbox.Email(t, c.account, c.entry.Email)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.row = &row
	return c.row, nil
}

func (c *candidate) Thread() (mail.ThreadID, error) {
	row, err := c.read()
	if err != nil {
		return 0, err
	}
	return row.Thread, nil
}

func (c *candidate) Summary() (*message.Summary, error) {
	if c.summary != nil {
		return c.summary, nil
	}
	row, err := c.read()
	if err != nil {
		return nil, err
	}
	c.summary = new(message.Summary)
	return c.summary, c.summary.UnmarshalBinary(row.Summary)
}

func (c *candidate) Content() (io.ReaderAt, error) {
	if c.content != nil {
		return c.content, nil
	}
	row, err := c.read()
	if err != nil {
		return nil, err
	}
	c.content, err = c.o.Bodies.Open(c.ctx, c.account, row.Blob)
	return c.content, err
}

func (c *candidate) close() {
	if c.content != nil {
		c.content.Close()
	}
}
