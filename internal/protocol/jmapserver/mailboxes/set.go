package mailboxes

import (
	"context"
	"maps"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The SetErrors of RFC 8621 2.5.
const (
	hasChild method.ErrorType = "mailboxHasChild"
	hasEmail method.ErrorType = "mailboxHasEmail"
)

type setArgs struct {
	method.SetArgs
	OnDestroyRemoveEmails bool `json:"onDestroyRemoveEmails"`
}

// setting is one Mailbox/set (RFC 8621 2.5).
type setting struct {
	*Mailboxes
	ctx       context.Context
	call      *method.Call
	access    method.Access
	ifInState *string // until the first commit
	begun     bool
	from, to  states.State
	response  method.SetResponse
	waiting
}

// set is Mailbox/set. Each mailbox is a commit. Where others change mailboxes between two of them, oldState is the one after that:
// a client that has an older one asks for the changes.
func (m *Mailboxes) set(ctx context.Context, c *method.Call) (any, error) {
	var args setArgs
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
	s := &setting{Mailboxes: m, ctx: ctx, call: c, access: access, ifInState: args.IfInState, waiting: waiting{circle: map[string]stuck{}}}
	s.response = method.SetResponse{AccountID: args.AccountID, Created: map[string]any{}, Updated: map[string]any{},
		NotCreated: map[string]*method.Error{}, NotUpdated: map[string]*method.Error{}, NotDestroyed: map[string]*method.Error{}}
	if err := m.o.Tx.Read(ctx, func(t *tx.Tx) (err error) { s.from, err = s.state(t); return err }); err != nil {
		return nil, err
	}
	s.to = s.from
	for _, step := range []func() error{
		func() error { return s.create(args.Create) },
		func() error { return s.update(args.Update, args.Destroy) },
		func() error { return s.destroy(args.Destroy, args.OnDestroyRemoveEmails) },
		s.again,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	s.response.OldState, s.response.NewState = s.from.String(), s.to.String()
	return s.response, nil
}

// state reads the state of the account's mailboxes, which must be the one that the client names, if it does.
func (s *setting) state(t *tx.Tx) (states.State, error) {
	now, err := states.Of(t, s.access.Owner, states.Mailbox)
	if err == nil && s.ifInState != nil && *s.ifInState != now.String() {
		err = method.Fail(method.StateMismatch, "the state is %s", now)
	}
	return now, err
}

// commit carries out what is done to one mailbox, once. Its error is a refusal that leaves nothing behind, or ends the method.
func (s *setting) commit(fn func(t *tx.Tx) error) error {
	var last mail.ModSeq
	ctx := tx.WithNote(s.ctx, func(n tx.Numbers) {
		if n.Account == s.access.Owner {
			last = n.Last
		}
	})
	accounts := []mail.AccountID{s.access.Owner}
	if !s.access.Own() { // whose subscriptions are kept with the other account
		accounts = append(accounts, s.access.Who)
	}
	from, err := tx.Once(ctx, s.o.Tx, tx.NewKey(), accounts, func(t *tx.Tx) (states.State, error) {
		now, err := s.state(t)
		if err != nil {
			return now, err
		}
		return now, fn(t)
	})
	if err != nil {
		return err
	}
	s.ifInState = nil
	s.passed(from, last)
	return nil
}

// passed notes a commit that led from a state to one with a number, 0 where it changed nothing.
func (s *setting) passed(from states.State, last mail.ModSeq) {
	if !s.begun || from != s.to {
		s.from = from
	}
	s.begun, s.to = true, from
	if last > 0 {
		s.to.ModSeq = last
	}
}

// refusal is what a client is told of an error that concerns one mailbox. An error that is none ends the method.
func refusal(err error) (*method.Error, error) {
	told, is := err.(*method.Error)
	if is && told.Type == method.StateMismatch {
		return nil, err
	}
	if is {
		return told, nil
	}
	switch mail.KindOf(err) {
	case mail.Invalid, mail.Exists:
		return method.Bad(mail.Explain(err), "name"), nil
	case mail.Limit, mail.OverQuota:
		return method.Fail(method.OverQuota, "%s", mail.Explain(err)), nil
	case mail.NotFound, mail.Gone:
		return method.Fail(method.NotFound, "%s", mail.Explain(err)), nil
	case mail.Denied:
		return method.Fail(method.Forbidden, "%s", mail.Explain(err)), nil
	}
	return nil, err
}

// create makes new mailboxes, those above others first.
func (s *setting) create(objects map[string]ijson.Value) error {
	waiting := map[string]*wish{}
	for id, text := range objects {
		w, err := parseWish(text)
		if err != nil {
			s.response.NotCreated[id] = err
			continue
		}
		waiting[id] = w
	}
	for len(waiting) > 0 {
		made := 0
		for _, id := range slices.Sorted(maps.Keys(waiting)) {
			w := waiting[id]
			if parent := w.parent; parent != nil && len(*parent) > 0 && (*parent)[0] == '#' && waiting[(*parent)[1:]] != nil {
				continue // its turn comes when that one has been made
			}
			delete(waiting, id)
			made++
			if err := s.createOne(id, w); err != nil {
				return err
			}
		}
		if made == 0 {
			break
		}
	}
	for id := range waiting {
		s.response.NotCreated[id] = method.Bad("mailboxes that are to be created lie in each other", "parentId")
	}
	return nil
}

func (s *setting) createOne(creation string, w *wish) error {
	var made object
	err := s.commit(func(t *tx.Tx) (err error) {
		made, err = s.make(t, w)
		return err
	})
	if err != nil {
		told, err := refusal(err)
		if err == nil {
			s.response.NotCreated[creation] = told
			s.wait(told, func() error { return s.createOne(creation, w) })
		}
		return err
	}
	delete(s.response.NotCreated, creation)
	s.done++
	s.response.Created[creation] = made.unlike(w)
	s.call.Created(creation, made.ID)
	return nil
}

// update changes mailboxes: those first that give up a role, so that others may take it.
func (s *setting) update(patches map[string]map[string]ijson.Value, destroy []string) error {
	var first, last []string
	for _, name := range slices.Sorted(maps.Keys(patches)) {
		if role, given := patches[name]["role"]; given && ijson.IsNull(role) {
			first = append(first, name)
		} else {
			last = append(last, name)
		}
	}
	done := map[string]bool{}
	for _, name := range slices.Concat(first, last) {
		id, known := s.call.Resolve(name)
		if slices.Contains(destroy, name) || slices.Contains(destroy, id) {
			s.response.NotUpdated[name] = method.Fail(method.WillDestroy, "the same call destroys it")
			continue
		}
		if !known || done[id] {
			s.response.NotUpdated[name] = noMailbox(name)
			continue
		}
		done[id] = true
		if err := s.updateOne(name, id, patches[name]); err != nil {
			return err
		}
	}
	return nil
}

func (s *setting) updateOne(name, id string, patch map[string]ijson.Value) error {
	parsed, err := mail.ParseMailboxID(id)
	if err != nil {
		s.response.NotUpdated[name] = noMailbox(name)
		return nil
	}
	err = s.commit(func(t *tx.Tx) error { return s.change(t, parsed, patch) })
	if err != nil {
		told, err := refusal(err)
		if err == nil {
			s.response.NotUpdated[name] = told
			if s.wait(told, func() error { return s.retryUpdate(name) }) {
				s.circle[name] = stuck{parsed, patch}
			}
		}
		return err
	}
	s.updated(name, parsed)
	return nil
}

// retryUpdate does so unless an exchange has done it.
func (s *setting) retryUpdate(name string) error {
	if one, open := s.circle[name]; open {
		return s.updateOne(name, one.id.String(), one.patch)
	}
	return nil
}

func (s *setting) updated(name string, id mail.MailboxID) {
	delete(s.response.NotUpdated, name)
	delete(s.circle, name)
	s.done++
	s.response.Updated[id.String()] = nil
}

func noMailbox(name string) *method.Error {
	return method.Fail(method.NotFound, "there is no mailbox %.100q", name)
}
