package imapserver

import (
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func replaceExtension() extension {
	replace := command{run: with((*session).replace), looks: true}
	return extension{
		capabilities: announced("REPLACE"),
		commands:     map[string]command{"REPLACE": replace, "UID REPLACE": replace},
	}
}

var (
	errReplacedNowhere = refuse(imap.CodeNonExistent, "there is no message with this UID to replace")
	errReplacedGone    = refuse(imap.CodeExpungeIssued, "the message to replace was expunged meanwhile")
)

// replace keeps a message and removes the one that it replaces, in one commit (RFC 8508 3.4). Nothing is inherited from that.
func (s *session) replace(r imap.Request, c imap.Replace) (reply, error) {
	old, err := s.toReplace(c.Numbers)
	if err == nil {
		err = s.selected.needs(mail.RightDeleteMessages | mail.RightExpunge)
	}
	if err != nil {
		return s.refuseAppend(c.Append, reply{}, err)
	}
	m, refusal, err := s.target(c.Mailbox)
	if err != nil || refusal != nil {
		return s.refuseAppend(c.Append, orEmpty(refusal), err)
	}
	a := arrival{session: s, to: &m}
	if m.owner == s.selected.owner {
		a.replaced = int64(old.Size)
	}
	if err := a.receiveAll(c.Append); err != nil {
		s.discard(a.all)
		return s.refuseAppend(c.Append, reply{}, err)
	}
	s.selected.touched = true
	done, err := s.exchange(&m, &a.all[0], old.UID)
	if err != nil {
		s.discard(a.all)
	}
	if mail.Is(err, mail.NotFound) && !s.foreign(m.owner) {
		return tryCreate, nil
	}
	if err != nil {
		return reply{}, err
	}
	s.tellCanonical(r.Canonical, s.entryOf(m.Mailbox, nil))
	// RFC 8508 4.3: APPENDUID goes before the EXPUNGE, as with MOVE.
	s.out.Untagged(imap.OK, imap.CodeAppendUID(done.UIDValidity, done.UIDs), "the replacement is kept")
	return s.expunged("replaced"), nil
}

// exchange names the new message and removes the old one.
func (s *session) exchange(to *access, in *incoming, old mail.UID) (mailbox.Kept, error) {
	accounts := only(to.owner)
	if s.selected.owner != to.owner {
		accounts = append(accounts, s.selected.owner)
	}
	as := s.o.Mailbox.As(s.account)
	return tx.Once(s.ctx, s.o.Tx, tx.NewKey(), accounts, func(t *tx.Tx) (mailbox.Kept, error) {
		message, err := s.hold(t, to.owner, in)
		if err != nil {
			return mailbox.Kept{}, err
		}
		made, err := as.Append(t, to.owner, to.ID, message)
		if err != nil {
			return mailbox.Kept{}, err
		}
		err = as.RemoveOne(t, s.selected.owner, s.selected.id, old)
		if mail.Is(err, mail.NotFound) {
			err = errReplacedGone
		}
		return mailbox.Kept{UIDValidity: made.UIDValidity, UIDs: imap.SetOf(uint32(made.UID))}, err
	})
}

// toReplace is the message that a number stands for.
func (s *session) toReplace(n imap.Numbers) (mailbox.Entry, error) {
	if s.selected.readOnly {
		return mailbox.Entry{}, errReadOnly
	}
	seqs, err := s.seqs(n)
	if err != nil {
		return mailbox.Entry{}, err
	}
	for p := range s.positions(seqs) {
		return p.entry, nil
	}
	return mailbox.Entry{}, errReplacedNowhere
}
