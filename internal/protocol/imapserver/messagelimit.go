package imapserver

import (
	"strconv"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

func messageLimitExtension() extension {
	messages := func(o *Options) string { return strconv.Itoa(o.Limits.Messages) }
	saved := func(o *Options) string { return strconv.Itoa(o.Limits.Saved) }
	return extension{capabilities: []capability{{name: "MESSAGELIMIT", value: messages}, {name: "SAVELIMIT", value: saved}}}
}

// within leaves of a set of sequence numbers those that one command may be about, the highest, and notes where it has cut
// (RFC 9738 3.1).
func (s *session) within(seqs imap.Set) imap.Set {
	most := uint64(s.o.Limits.Messages)
	if seqs.Len() <= most {
		return seqs
	}
	rest := highest(seqs, most)
	s.cut = s.selected.view.At(int(rest[0].Start)).UID
	return rest
}

// highest is the n highest numbers of a set that has more.
func highest(set imap.Set, n uint64) imap.Set {
	i, left := len(set), n
	for left > 0 {
		i--
		left -= min(left, uint64(set[i].Stop)-uint64(set[i].Start)+1)
	}
	rest := append(imap.Set{}, set[i:]...)
	rest[0].Start += uint32(rest.Len() - n)
	return rest
}

// tooMany refuses a command that does all or nothing.
func (s *session) tooMany() reply {
	s.cut = 0
	return no(imap.CodeMessageLimit(s.o.Limits.Messages, 0), "too many messages for one command: take fewer at a time")
}

// mayCopy refuses a COPY of more messages than one command may save, and tells down to which UID it would not have been too
// many (RFC 9738 3.1).
func (s *session) mayCopy(uids imap.Set) error {
	most := min(s.o.Limits.Saved, s.o.Limits.Messages)
	if s.cut == 0 && uids.Len() <= uint64(most) {
		return nil
	}
	s.cut = 0
	lowest := mail.UID(highest(uids, uint64(min(most, int(uids.Len()))))[0].Start)
	return refuse(imap.CodeMessageLimit(most, lowest), "too many messages to copy at a time: nothing was copied")
}

// mayAppend refuses one more message of an APPEND that has as many as one command may save, or that holds too much of those.
func (a *arrival) mayAppend() error {
	l := &a.o.Limits
	switch {
	case len(a.all) >= min(l.Saved, l.Messages):
		return refuse(imap.CodeMessageLimit(min(l.Saved, l.Messages), 0), "too many messages to append at a time: none was appended")
	case a.held > l.AppendBytes:
		return refuse(imap.CodeLimit, "the headers of these messages are too much for one APPEND: none was appended")
	}
	return nil
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
