package imapserver

import (
	"io"
	"slices"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// usesModSeq reports whether MODSEQ stands anywhere in a query: the answer then tells one (RFC 7162 3.1.5).
func usesModSeq(key imap.SearchKey) bool {
	return anyKey(key, func(k imap.SearchKey) bool { _, is := k.(imap.SearchModSeq); return is })
}

// usesSequenceNumbers reports whether a query names messages by their numbers.
func usesSequenceNumbers(key imap.SearchKey) bool {
	return anyKey(key, func(k imap.SearchKey) bool {
		n, is := k.(imap.Numbers)
		return is && !n.UID && !n.Saved
	})
}

// checkNumbers refuses sequence numbers that no message has, as for other commands. Only in an empty mailbox "*" is no
// error here: clients search 1:* to begin with, and the answer is nothing.
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
	return is(key) || slices.ContainsFunc(imap.Inner(key), func(k imap.SearchKey) bool { return anyKey(k, is) })
}

// candidate is one message that a query looks at; it reads only what it is asked for.
type candidate struct {
	*session
	facts   search.Facts
	row     *mailbox.Email
	summary *message.Summary
	content blob.Reader
	effort  *effort
}

var _ search.Message = (*candidate)(nil)

func (c *candidate) Facts() search.Facts            { return c.facts }
func (c *candidate) Thread() (mail.ThreadID, error) { return c.row.Thread, nil }

func (c *candidate) Summary() (*message.Summary, error) {
	if c.summary != nil {
		return c.summary, nil
	}
	c.summary = new(message.Summary)
	return c.summary, c.summary.UnmarshalBinary(c.row.Summary)
}

func (c *candidate) Content() (io.ReaderAt, error) {
	if c.content == nil {
		content, err := c.o.Bodies.Open(c.ctx, c.selected.owner, c.row.Blob)
		if err != nil {
			return nil, err
		}
		c.content = content
	}
	return metered{c.content, c.effort}, nil
}

func (c *candidate) close() {
	if c.content != nil {
		c.content.Close() // reading is over: there is nothing an error could spoil
	}
}
