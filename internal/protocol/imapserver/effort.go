package imapserver

import (
	"errors"
	"time"

	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

const presenceEvery = time.Second

// newEffort begins what one command that looks through messages may do. It ends the work when the client is gone and when the
// server stops, and tells the client how far it is.
func (s *session) newEffort() *finding.Effort {
	return finding.NewEffort(s.o.Limits.SearchBytes, min(presenceEvery, s.o.Limits.Progress), func(done, goal uint64) error {
		switch {
		case s.wire.IsDraining():
			return errSearchCut
		case s.wire.gone():
			return errGone // not io.EOF, which readers of content take for its end
		}
		s.tellProgress(done, goal)
		return nil
	})
}

var errGone = errors.New("the client is gone")

var errSearchCut = &imap.Error{Condition: imap.NO, Code: imap.CodeUnavailable, Text: "this server is out of service for a moment, search again soon"}

// keysOf counts the keys of a search.
func keysOf(key imap.SearchKey) (n int) {
	anyKey(key, func(imap.SearchKey) bool { n++; return false })
	return n
}

var errTooManyKeys = mail.E("imapserver.search", mail.Limit, errors.New("too many search keys look into the text of messages: search in steps"))
