package imapserver

import (
	"iter"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func resyncExtension() extension {
	return extension{capabilities: []capability{
		{name: "CONDSTORE", enables: func(s *session) *bool { return &s.condstore }, enabled: (*session).tellHighestModSeq},
		// RFC 7162 3.2.3: CONDSTORE comes with it
		{name: "QRESYNC", enables: func(s *session) *bool { return &s.qresync }, enabled: (*session).understandModSeq},
	}}
}

// resync tells a client that comes back what it has missed (RFC 7162 3.2.5). Where UIDVALIDITY is another, it has nothing
// of this mailbox and is told nothing.
func (s *session) resync(q imap.QResync) error {
	view := s.selected.view
	st := view.Status()
	if q.UIDValidity != st.UIDValidity || st.UIDNext == 1 {
		return nil
	}
	highest := uint32(st.UIDNext) - 1
	known := imap.Set{{Start: 1, Stop: highest}} // RFC 7162 3.2.5.1: what it means to name none
	if q.Known != nil {
		known = q.Known.Resolve(highest)
	}
	gone, err := s.vanished(q.ModSeq, known.Subtract(stillThere(view, q)))
	if err != nil {
		return err
	}
	s.out.Vanished(true, gone)
	for seq, e := range view.All() {
		if e.ModSeq > q.ModSeq && known.Contains(uint32(e.UID)) {
			s.tellFlags(seq, e, view)
		}
	}
	return nil
}

// stillThere is the part of the client's UIDs that need not be looked at: up to the highest pair of number and UID that
// is still right, nothing was expunged (RFC 7162 3.2.5.2). The sets may name billions; they are read as far as they
// are right.
func stillThere(view *mailbox.View, q imap.QResync) imap.Set {
	var last uint32
	uids, stop := iter.Pull(q.MatchUIDs.All())
	defer stop()
	for seq := range q.MatchSeqs.All() {
		uid, more := uids()
		if !more || view.At(int(seq)).UID != mail.UID(uid) {
			break
		}
		last = uid
	}
	if last == 0 {
		return nil
	}
	return imap.Set{{Start: 1, Stop: last}}
}

// vanished returns which UIDs of a normal set were expunged since a mod-sequence and are not in the view: what the store
// knows of later is told as any change.
func (s *session) vanished(since mail.ModSeq, known imap.Set) (gone imap.Set, err error) {
	err = s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		gone, err = s.o.Mailbox.Vanished(t, s.selected.owner, s.selected.id, since, known)
		return err
	})
	view := s.selected.view
	return gone.Subtract(view.UIDs(view.Seqs(gone))), err
}
