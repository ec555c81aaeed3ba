package mailboxes

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// destroy removes mailboxes, those below others first.
func (s *setting) destroy(names []string, withEmails bool) error {
	type target struct {
		name  string
		one   mailbox.Shared
		depth int
	}
	var targets []target
	err := s.o.Tx.Read(s.ctx, func(t *tx.Tx) error {
		targets = nil
		seen, err := s.see(t, s.access)
		for _, name := range method.Unique(names) {
			text, _ := s.call.Resolve(name)
			id, _ := mail.ParseMailboxID(text)
			if one := seen.find(id); one != nil && !slices.ContainsFunc(targets, func(t target) bool { return t.one.ID == id }) {
				targets = append(targets, target{name, *one, strings.Count(one.Path, mailbox.Separator)})
			} else {
				s.response.NotDestroyed[name] = noMailbox(name)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(targets, func(a, b target) int { return cmp.Compare(b.depth, a.depth) })
	for i := range targets {
		if err := s.destroyOne(targets[i].name, &targets[i].one, withEmails); err != nil {
			return err
		}
	}
	return nil
}

func (s *setting) destroyOne(name string, one *mailbox.Shared, withEmails bool) error {
	err := s.destroyIn(s.ctx, one, withEmails)
	if err == nil {
		delete(s.response.NotDestroyed, name)
		s.done++
		s.response.Destroyed = append(s.response.Destroyed, one.ID.String())
		return nil
	}
	if errors.Is(err, mailbox.ErrHasChildren) {
		err = method.Fail(hasChild, "%s", mail.Explain(err))
	}
	told, err := refusal(err)
	if err == nil {
		s.response.NotDestroyed[name] = told
		s.wait(told, func() error { return s.destroyOne(name, one, withEmails) })
	}
	return err
}

// destroyIn removes one mailbox. What JMAP does not show in it (RFC 8621 4.1.1: \Deleted) does not keep it.
func (s *setting) destroyIn(ctx context.Context, one *mailbox.Shared, withEmails bool) error {
	var left bool
	err := s.commit(func(t *tx.Tx) (err error) {
		now, err := s.o.Mailbox.ByID(t, s.access.Owner, one.ID)
		if err != nil {
			return err
		}
		if !withEmails && now.Messages > now.Deleted {
			return method.Fail(hasEmail, "there are %d emails in it, and onDestroyRemoveEmails was not given", now.Messages-now.Deleted)
		}
		left, err = s.o.Mailbox.As(s.access.Who).Doom(t, s.access.Owner, one.ID)
		return err
	})
	if err == nil && left {
		s.o.Mailbox.Empty(ctx, s.access.Owner, one.ID) // the mailbox is gone, whatever becomes of this
	}
	return err
}
