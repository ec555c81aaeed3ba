package imapserver

import (
	"slices"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
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
