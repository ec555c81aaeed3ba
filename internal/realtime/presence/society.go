package presence

import (
	"context"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// StoreOptions say what the society of a server stands on.
type StoreOptions struct {
	Tx        *tx.Store
	Directory *directory.Store
	Contacts  *contacts.Store
	Mailbox   *mailbox.Store
}

// NewSociety returns the society of a server: its accounts, their contacts and settings.
func NewSociety(o StoreOptions) Society { return society{o} }

type society struct{ o StoreOptions }

// Circle implements Society.
func (s society) Circle(ctx context.Context, account mail.AccountID) (circle []Link, shown bool, err error) {
	err = s.o.Tx.Read(ctx, func(t *tx.Tx) error {
		circle, shown = nil, false
		own, err := s.o.Contacts.Setting(t, account)
		if err != nil || !own.Presence {
			return err
		}
		shown = true
		list, err := s.o.Contacts.Peers(t, account, MaxCircle)
		if err != nil {
			return err
		}
		circle, _, err = s.links(t, account, list, func(contacts.Setting) bool { return true })
		return err
	})
	return circle, shown, err
}

// allows reports whether a setting lets a state be sent and seen. That somebody is gone is told to whom either was told.
func allows(v contacts.Setting, s State) bool {
	switch s {
	case Composing, Paused:
		return v.Typing
	case Reading:
		return v.Reading
	}
	return v.Typing || v.Reading
}

// Recipients implements Society.
func (s society) Recipients(ctx context.Context, d Draft) (here []Link, elsewhere []Outgoing, err error) {
	err = s.o.Tx.Read(ctx, func(t *tx.Tx) error {
		here, elsewhere = nil, nil
		own, err := s.o.Contacts.Setting(t, d.From)
		if err != nil || !own.Presence || !allows(own, d.State) {
			return err
		}
		ids := make([]contacts.ID, len(d.To))
		for i, a := range d.To {
			ids[i] = contacts.IDOf(a)
		}
		list, err := s.o.Contacts.Some(t, d.From, ids)
		if err != nil {
			return err
		}
		about, err := s.about(t, d)
		if err != nil {
			return err
		}
		var others []contacts.Contact
		here, others, err = s.links(t, d.From, list, func(v contacts.Setting) bool { return allows(v, d.State) })
		if err != nil {
			return err
		}
		for i := range here {
			if here[i].Thread, err = s.thread(t, here[i].Peer, about); err != nil {
				return err
			}
		}
		elsewhere, err = s.outgoing(t, d, others, about)
		return err
	})
	return here, elsewhere, err
}

// about reads what a draft is about. An email that is not there (any more) is nothing.
func (s society) about(t *tx.Tx, d Draft) (message.Info, error) {
	if d.Email == 0 {
		return message.Info{}, nil
	}
	e, err := s.o.Mailbox.Email(t, d.From, d.Email)
	if mail.Is(err, mail.NotFound) {
		return message.Info{}, nil
	}
	if err != nil {
		return message.Info{}, err
	}
	return message.UnmarshalInfo(e.Summary)
}

// thread finds the thread of an account that a message with these facts is in there, 0 for none.
func (s society) thread(t *tx.Tx, account mail.AccountID, about message.Info) (mail.ThreadID, error) {
	if about.MessageID == "" {
		return 0, nil
	}
	return s.o.Mailbox.ThreadOf(t, account, about.MessageID, about.BaseSubject)
}

// links returns those of an account's contacts here who may know of it, and it of them; others are those whose address is not here, of whom
// this side allows it. permits is asked of the settings of each.
func (s society) links(t *tx.Tx, account mail.AccountID, list []contacts.Contact, permits func(contacts.Setting) bool) (out []Link, others []contacts.Contact, err error) {
	var peers []contacts.Peer
	found, err := s.accounts(t, list)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range list {
		switch at, here := found[c.ID]; {
		case !c.Wrote.IsZero() && !c.Blocked && at != 0:
			peers = append(peers, contacts.Peer{Contact: c, Account: at})
		case !c.Wrote.IsZero() && !c.Blocked && !here:
			others = append(others, c)
		}
	}
	as, err := s.o.Contacts.MutualOf(t, account, peers)
	if err != nil || len(as) == 0 {
		return nil, others, err
	}
	apart, settings, err := s.apart(t, account, as)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range peers {
		me, mutual := as[p.Account]
		if v := settings[p.Account]; mutual && !apart[p.Account] && v.Presence && permits(v) {
			out = append(out, Link{Peer: p.Account, As: nameOf(me), Theirs: nameOf(p.Contact)})
			delete(as, p.Account) // somebody who is two contacts is one peer
		}
	}
	return out, others, nil
}

// accounts finds whose the addresses of contacts are: 0 of one of ours that is no single account's, and none of what is not ours.
func (s society) accounts(t *tx.Tx, list []contacts.Contact) (map[contacts.ID]mail.AccountID, error) {
	addresses := make([]mail.Address, len(list))
	for i, c := range list {
		addresses[i] = c.Address
	}
	found, err := s.o.Directory.Holders(t, addresses)
	if err != nil {
		return nil, err
	}
	out := make(map[contacts.ID]mail.AccountID, len(list))
	for i, c := range list {
		if at, ours := found[addresses[i]]; ours {
			out[c.ID] = at
		}
	}
	return out, nil
}

// apart finds who of the others blocks some address of the account, or is blocked by any of his own, and the settings of all.
func (s society) apart(t *tx.Tx, account mail.AccountID, others map[mail.AccountID]contacts.Contact) (apart map[mail.AccountID]bool, settings map[mail.AccountID]contacts.Setting, err error) {
	ids := make([]mail.AccountID, 0, len(others))
	for id := range others {
		ids = append(ids, id)
	}
	own, err := s.o.Directory.AddressesOf(t, account)
	if err != nil {
		return nil, nil, err
	}
	if apart, err = s.o.Contacts.Blockers(t, own, ids); err != nil {
		return nil, nil, err
	}
	blocked, err := s.o.Contacts.Blocked(t, account)
	if err != nil {
		return nil, nil, err
	}
	found, err := s.accounts(t, blocked)
	if err != nil {
		return nil, nil, err
	}
	for _, at := range found {
		apart[at] = true
	}
	settings, err = s.o.Contacts.Settings(t, ids)
	return apart, settings, err
}

// outgoing makes what goes to other servers of a draft.
func (s society) outgoing(t *tx.Tx, d Draft, others []contacts.Contact, about message.Info) (out []Outgoing, err error) {
	if len(others) == 0 {
		return nil, nil
	}
	own, err := s.o.Directory.AddressesOf(t, d.From)
	if err != nil {
		return nil, err
	}
	for _, c := range others {
		if from, ok := c.WroteFrom(own); ok {
			out = append(out, Outgoing{From: from, To: c.Address, State: d.State, MessageID: about.MessageID, Subject: about.BaseSubject, At: d.At})
		}
	}
	return out, nil
}

// Incoming implements Society.
func (s society) Incoming(ctx context.Context, o Outgoing) (l Link, ok bool, err error) {
	err = s.o.Tx.Read(ctx, func(t *tx.Tx) error {
		l, ok = Link{}, false
		found, err := s.o.Directory.Holders(t, []mail.Address{o.From, o.To})
		if err != nil || found[o.To] == 0 {
			return err
		}
		if _, ours := found[o.From]; ours { // nobody else speaks for our own
			return nil
		}
		at := found[o.To]
		c, err := s.o.Contacts.Of(t, at, o.From)
		if err != nil || c.Wrote.IsZero() || c.Blocked {
			return err
		}
		if _, answered := c.WroteFrom([]mail.Address{o.To}); !answered {
			return nil
		}
		v, err := s.o.Contacts.Setting(t, at)
		if err != nil || !v.Presence || !allows(v, o.State) {
			return err
		}
		l, ok = Link{Peer: at, As: nameOf(c)}, true
		l.Thread, err = s.thread(t, at, message.Info{MessageID: o.MessageID, BaseSubject: o.Subject})
		return err
	})
	return l, ok, err
}
