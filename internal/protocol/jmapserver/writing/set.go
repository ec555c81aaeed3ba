package writing

import (
	"context"
	"maps"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// setting is one Email/set.
type setting struct {
	*Writing
	call      *method.Call
	access    method.Access
	ifInState *string               // until the first commit
	from      mail.AccountID        // is locked, too, if it is not 0
	originals map[mail.EmailID]bool // that were copied
	span      span
	response  method.SetResponse
}

func (w *Writing) setting(c *method.Call, a method.Access, accountID string, ifInState *string) *setting {
	s := &setting{Writing: w, call: c, access: a, ifInState: ifInState, originals: map[mail.EmailID]bool{}}
	s.response = method.SetResponse{AccountID: accountID, Created: map[string]any{}, Updated: map[string]any{},
		NotCreated: map[string]*method.Error{}, NotUpdated: map[string]*method.Error{}, NotDestroyed: map[string]*method.Error{}}
	return s
}

// set is Email/set (RFC 8621 4.6).
func (w *Writing) set(ctx context.Context, c *method.Call) (any, error) {
	var args method.SetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if err := args.Check(); err != nil {
		return nil, err
	}
	access, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	s := w.setting(c, access, args.AccountID, args.IfInState)
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	if err := s.createEach(ctx, args.Create, s.draft); err != nil {
		return nil, err
	}
	if err := s.change(ctx, args.Update, args.Destroy); err != nil {
		return nil, err
	}
	s.response.OldState, s.response.NewState = s.span.From.String(), s.span.To.String()
	return s.response, nil
}

// begin looks at the state before anything is written: a request for another one leaves nothing behind.
func (s *setting) begin(ctx context.Context) error {
	return s.o.Tx.Read(ctx, func(t *tx.Tx) error {
		now, err := stateOf(t, s.access.Owner, s.ifInState)
		s.span = span{From: now, To: now}
		return err
	})
}

// commit carries out a step of the call under the account's lock, once.
func commit[T any](ctx context.Context, s *setting, fn func(t *tx.Tx) (T, mail.ModSeq, error)) (T, error) {
	type answer struct {
		Step  step
		Value T
	}
	accounts := []mail.AccountID{s.access.Owner}
	if s.from != 0 {
		accounts = append(accounts, s.from)
	}
	out, err := tx.Once(ctx, s.o.Tx, tx.NewKey(), accounts, func(t *tx.Tx) (a answer, err error) {
		if a.Step.From, err = stateOf(t, s.access.Owner, s.ifInState); err != nil {
			return a, err
		}
		var last mail.ModSeq
		a.Value, last, err = fn(t)
		a.Step = a.Step.ended(last)
		return a, err
	})
	if err == nil {
		s.ifInState = nil
		s.span.add(out.Step)
	}
	return out.Value, err
}

// changes are those of a call, and who is told what became of each.
type changes struct {
	list []mailbox.EmailChange
	told []func(refused *method.Error)
}

func (c *changes) add(change mailbox.EmailChange, told func(*method.Error)) {
	c.list, c.told = append(c.list, change), append(c.told, told)
}

// change carries out updates, then what is to be destroyed.
func (s *setting) change(ctx context.Context, update map[string]map[string]ijson.Value, destroy []string) error {
	var last changes
	gone := s.destroyed(&last, destroy)
	var first changes
	if err := s.updated(ctx, &first, update, gone); err != nil {
		return err
	}
	return s.carryOut(ctx, append(first.list, last.list...), append(first.told, last.told...))
}

func (s *setting) destroyed(c *changes, names []string) map[mail.EmailID]bool {
	gone := map[mail.EmailID]bool{}
	for _, name := range method.Unique(names) {
		id, ok := s.emailID(name)
		if !ok || gone[id] {
			s.response.NotDestroyed[name] = noEmail(name)
			continue
		}
		gone[id] = true
		c.add(mailbox.EmailChange{Email: id, Destroy: true}, func(refused *method.Error) {
			if refused != nil {
				s.response.NotDestroyed[name] = refused
			} else {
				s.response.Destroyed = append(s.response.Destroyed, id.String())
			}
		})
	}
	return gone
}

func (s *setting) updated(ctx context.Context, c *changes, update map[string]map[string]ijson.Value, gone map[mail.EmailID]bool) error {
	seen := map[mail.EmailID]bool{}
	for _, name := range slices.Sorted(maps.Keys(update)) {
		id, ok := s.emailID(name)
		if !ok || seen[id] {
			s.response.NotUpdated[name] = noEmail(name)
			continue
		}
		seen[id] = true
		change, rest, wrong := changeOf(id, update[name], s.call.Resolve)
		if gone[id] {
			wrong = method.Fail(method.WillDestroy, "the same call destroys it")
		}
		if wrong == nil && len(rest) > 0 {
			var err error
			if wrong, err = s.same(ctx, id, rest); err != nil {
				return err
			}
		}
		if wrong != nil {
			s.response.NotUpdated[name] = wrong
			continue
		}
		c.add(change, func(refused *method.Error) {
			if refused != nil {
				s.response.NotUpdated[name] = refused
			} else {
				s.response.Updated[id.String()] = nil
			}
		})
	}
	return nil
}

// same refuses what an update says of properties that cannot be changed, unless it is so already (RFC 8620 5.3). They never change, so
// that they can be looked at before the commit.
func (s *setting) same(ctx context.Context, id mail.EmailID, said map[string]ijson.Value) (*method.Error, error) {
	others, err := s.o.Emails.Differ(ctx, s.call, s.access, id, said)
	if err != nil {
		wrong, ok := refusal(err)
		if !ok {
			return nil, err
		}
		return wrong, nil
	}
	if len(others) > 0 {
		return method.Bad("of an email only mailboxIds and keywords can be changed", slices.Sorted(maps.Keys(others))...), nil
	}
	return nil, nil
}

func noEmail(name string) *method.Error {
	return method.Fail(method.NotFound, "there is no email %s", quote(name))
}

// emailID reads the id of an email, or of one that was created in the request.
func (s *setting) emailID(name string) (mail.EmailID, bool) {
	given, known := s.call.Resolve(name)
	id, err := mail.ParseEmailID(given)
	return id, known && err == nil
}

// carryOut makes changes in as many commits as they need.
func (s *setting) carryOut(ctx context.Context, list []mailbox.EmailChange, told []func(*method.Error)) error {
	for len(list) > 0 {
		refused, err := commit(ctx, s, func(t *tx.Tx) ([]*method.Error, mail.ModSeq, error) {
			out, err := s.o.Mailbox.As(s.access.Who).ChangeEmails(t, s.access.Owner, list)
			if err != nil {
				return nil, 0, err
			}
			refused := make([]*method.Error, len(out.Refused))
			for i, err := range out.Refused {
				if err == nil {
					continue
				}
				var ok bool
				if refused[i], ok = refusal(err); !ok {
					return nil, 0, err
				}
			}
			return refused, out.ModSeq, nil
		})
		if err != nil {
			return err
		}
		for i, e := range refused {
			told[i](e)
		}
		list, told = list[len(refused):], told[len(refused):]
	}
	return nil
}
