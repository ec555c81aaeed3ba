package imapserver

import (
	"strconv"

	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

func messageLimitExtension() extension {
	limit := func(o *Options) string { return strconv.Itoa(o.Limits.Messages) }
	return extension{capabilities: []capability{{name: "MESSAGELIMIT", value: limit}}}
}

// within leaves of a set of sequence numbers those that one command may be about, the highest, and notes where it has cut
// (RFC 9738 3.1).
func (s *session) within(seqs imap.Set) imap.Set {
	most := uint64(s.o.Limits.Messages)
	if seqs.Len() <= most {
		return seqs
	}
	i, left := len(seqs), most
	for left > 0 {
		i--
		left -= min(left, uint64(seqs[i].Stop)-uint64(seqs[i].Start)+1)
	}
	rest := append(imap.Set{}, seqs[i:]...)
	rest[0].Start += uint32(rest.Len() - most)
	s.cut = s.selected.view.At(int(rest[0].Start)).UID
	return rest
}

// tooMany refuses a command that does all or nothing.
func (s *session) tooMany() reply {
	s.cut = 0
	return no(imap.CodeMessageLimit(s.o.Limits.Messages, 0), "too many messages for one command: take fewer at a time")
}

// tellCut says how far down a command came that could not be about all messages. Where the completion has a code of its own,
// it stands in an untagged NO (RFC 9738 3.1).
func (s *session) tellCut(r *reply) {
	code, text := imap.CodeMessageLimit(s.o.Limits.Messages, s.cut), "messages with lower UIDs were left out: go on with these"
	if r.code == "" {
		r.code, r.text = code, text
	} else {
		s.out.Untagged(imap.NO, code, text)
	}
}

// candidates are the messages that a search must look at: what it names by numbers narrows them, so that a client can go
// through a mailbox that is too large in steps.
func (s *session) candidates(key imap.SearchKey, among imap.Set) imap.Set {
	if among.Len() <= uint64(s.o.Limits.Messages) {
		return among
	}
	keys, several := key.(imap.SearchAnd)
	if !several {
		keys = imap.SearchAnd{key}
	}
	for _, k := range keys {
		if n, is := k.(imap.Numbers); is {
			among = among.Intersect(s.named(n))
		}
	}
	return s.within(among)
}
