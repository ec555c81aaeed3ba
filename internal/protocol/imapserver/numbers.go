package imapserver

import (
	"errors"
	"iter"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// errNumber makes the command BAD: RFC 9051 9 (seq-number) calls a number above EXISTS an error, other than an unknown UID.
var errNumber = &imap.Error{Condition: imap.BAD, Text: "a sequence number is higher than the number of messages"}

// seqs returns the sequence numbers, in the session's view, of the messages that a command names, as far as it may be about
// them.
func (s *session) seqs(n imap.Numbers) (imap.Set, error) {
	set := s.named(n)
	if !n.Saved && !n.UID && (len(set) == 0 || set[len(set)-1].Stop > uint32(s.selected.view.Len())) {
		return nil, errNumber
	}
	return s.within(set), nil
}

// named returns the sequence numbers that numbers of a command mean, which may be too high where they are no UIDs.
func (s *session) named(n imap.Numbers) imap.Set {
	v := s.selected.view
	switch {
	case n.Saved:
		return v.Seqs(s.selected.saved)
	case n.UID:
		return v.Seqs(n.Set.Resolve(s.highestUID()))
	}
	return n.Set.Resolve(uint32(v.Len()))
}

// highestUID is what "*" means where UIDs stand (RFC 9051 9), 0 in an empty mailbox.
func (s *session) highestUID() uint32 {
	v := s.selected.view
	return uint32(v.At(v.Len()).UID)
}

// uids returns the UIDs of the messages that a command names.
func (s *session) uids(n imap.Numbers) (imap.Set, error) {
	seqs, err := s.seqs(n)
	return s.selected.view.UIDs(seqs), err
}

var errReadOnly = mail.E("imapserver", mail.Denied, errors.New("nothing can be changed here: the mailbox was opened with EXAMINE, or you have no rights to change it"))

// position is a message under the number the client knows.
type position struct {
	seq   uint32
	entry mailbox.Entry
}

// positions yields the messages of a set of sequence numbers in the session's view.
func (s *session) positions(seqs imap.Set) iter.Seq[position] {
	view := s.selected.view
	return func(yield func(position) bool) {
		for _, r := range seqs {
			for seq, e := range view.Range(int(r.Start), int(r.Stop)) {
				if !yield(position{uint32(seq), e}) {
					return
				}
			}
		}
	}
}
