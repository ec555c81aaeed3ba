package live

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// some reads contacts by their ids; those that are not there are added to missing.
func (l *Live) some(t *tx.Tx, account mail.AccountID, texts []string, missing *[]string) ([]contacts.Contact, error) {
	if err := method.CheckGet(len(texts)); err != nil {
		return nil, err
	}
	var ids []contacts.ID
	for _, text := range texts {
		if id, err := contacts.ParseID(text); err == nil {
			ids = append(ids, id)
		}
	}
	found, err := l.o.Contacts.Some(t, account, ids)
	for _, text := range texts {
		if !slices.ContainsFunc(found, func(c contacts.Contact) bool { return c.ID.String() == text }) {
			*missing = append(*missing, text)
		}
	}
	return found, err
}

// setContacts is Contact/set.
func (l *Live) setContacts(ctx context.Context, c *method.Call) (any, error) {
	var args method.SetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if err := args.Check(); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	s := setting{l: l, c: c, account: account, args: &args}
	err = l.o.Tx.Write(ctx, []mail.AccountID{account}, s.run)
	if err != nil {
		return nil, err
	}
	for creation, made := range s.r.Created {
		c.Created(creation, made.(createdContact).ID)
	}
	return s.r, nil
}

// setting is one Contact/set under way.
type setting struct {
	l       *Live
	c       *method.Call
	account mail.AccountID
	args    *method.SetArgs
	adding  *contacts.Adding
	r       method.SetResponse
}

// createdContact is what the client did not know of what it made.
type createdContact struct {
	ID          string `json:"id"`
	IsKnown     bool   `json:"isKnown"`
	DaysWritten int    `json:"daysWritten"`
	Created     string `json:"created"`
}

func (s *setting) run(t *tx.Tx) error {
	s.r = method.SetResponse{AccountID: s.args.AccountID, Created: map[string]any{}, Updated: map[string]any{}, NotCreated: map[string]*method.Error{},
		NotUpdated: map[string]*method.Error{}, NotDestroyed: map[string]*method.Error{}}
	state, err := states.Of(t, s.account, states.Contact)
	if err != nil {
		return err
	}
	if s.r.OldState = state.String(); s.args.IfInState != nil && *s.args.IfInState != s.r.OldState {
		return method.Fail(method.StateMismatch, "the state is %s", s.r.OldState)
	}
	if len(s.args.Create) > 0 {
		if s.adding, err = s.l.o.Contacts.Adding(t, s.account); err != nil {
			return err
		}
	}
	for _, creation := range slices.Sorted(maps.Keys(s.args.Create)) {
		made, err := s.create(s.args.Create[creation])
		if err := s.note(err, s.r.NotCreated, creation); err != nil {
			return err
		} else if s.r.NotCreated[creation] == nil {
			s.r.Created[creation] = createdContact{made.ID.String(), made.Known(), made.Days, utc(made.Created)}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.args.Update)) {
		err := s.update(t, id, s.args.Update[id])
		if err := s.note(err, s.r.NotUpdated, id); err != nil {
			return err
		} else if s.r.NotUpdated[id] == nil {
			s.r.Updated[s.meant(id)] = nil
		}
	}
	for _, id := range method.Unique(s.args.Destroy) {
		err := s.destroy(t, id)
		if err := s.note(err, s.r.NotDestroyed, id); err != nil {
			return err
		} else if s.r.NotDestroyed[id] == nil {
			s.r.Destroyed = append(s.r.Destroyed, s.meant(id))
		}
	}
	// Here, and not after the commit: what others change right after it must not seem to be known to the client.
	state, err = states.Of(t, s.account, states.Contact)
	s.r.NewState = state.String()
	return err
}

// note tells an error of one object from one of the store, which ends the call.
func (s *setting) note(err error, into map[string]*method.Error, key string) error {
	if err == nil {
		return nil
	}
	told, is := err.(*method.Error)
	if !is {
		var ok bool
		if told, ok = method.ErrorOf(err); !ok || told.Type == method.ServerUnavailable {
			return err
		}
	}
	if told.Type == method.InvalidArguments { // of a room, about what was given
		told = method.Bad(told.Description)
	}
	into[key] = told
	return nil
}

func (s *setting) create(v ijson.Value) (contacts.Contact, error) {
	var o contact
	if err := ijson.Strict(v, &o); err != nil {
		return contacts.Contact{}, method.Bad(whatIsWrong(err))
	}
	if blank := (contact{ID: o.ID, IsKnown: o.IsKnown, DaysWritten: o.DaysWritten, LastWritten: o.LastWritten, Created: o.Created}); blank != (contact{}) {
		return contacts.Contact{}, method.Bad("the server sets these", "id", "isKnown", "daysWritten", "lastWritten", "created")
	}
	a, err := address(o.Email)
	if err != nil {
		return contacts.Contact{}, method.Bad(mail.Explain(err), "email")
	}
	c := contacts.Contact{Address: a}
	if failed := o.into(&c); failed != nil {
		return c, failed
	}
	made, err := s.adding.Add(c)
	if mail.Is(err, mail.Exists) {
		e := method.Fail(method.AlreadyExists, "%s", mail.Explain(err))
		e.More = map[string]any{"existingId": contacts.IDOf(a).String()}
		return made, e
	}
	return made, err
}

// into gives a contact what the client sets.
func (o *contact) into(c *contacts.Contact) *method.Error {
	c.Name, c.Accepted, c.Blocked, c.Pierces, c.Shown = o.Name, o.IsAccepted, o.IsBlocked, o.PiercesQuiet, contacts.AsAccount
	if o.LearnsOfDisplays != nil {
		var ok bool
		if c.Shown, ok = consent(*o.LearnsOfDisplays, contacts.Never, contacts.Always); !ok {
			return method.Bad("learnsOfDisplays is never, always or null", "learnsOfDisplays")
		}
	}
	return nil
}

// one reads the contact that an id, or the creation id of one, names.
func (s *setting) one(t *tx.Tx, text string) (contacts.Contact, error) {
	id, err := contacts.ParseID(s.meant(text))
	if err != nil {
		return contacts.Contact{}, method.Fail(method.NotFound, "%s", mail.Explain(err))
	}
	return s.l.o.Contacts.Contact(t, s.account, id)
}

// meant is the id that a client names, also by the creation id of one.
func (s *setting) meant(text string) string {
	if creation, is := strings.CutPrefix(text, "#"); is {
		if made, ok := s.r.Created[creation].(createdContact); ok {
			return made.ID
		}
		text, _ = s.c.Resolve(text)
	}
	return text
}

func (s *setting) update(t *tx.Tx, id string, patch map[string]ijson.Value) error {
	if slices.ContainsFunc(s.args.Destroy, func(gone string) bool { return s.meant(gone) == s.meant(id) }) {
		return method.Fail(method.WillDestroy, "the same call destroys it")
	}
	c, err := s.one(t, id)
	if err != nil {
		return err
	}
	before := contactOf(&c)
	whole, err := ijson.Marshal(before)
	if err != nil {
		return err
	}
	patched, failed := method.Patch(whole, patch)
	if failed != nil {
		return failed
	}
	var o contact
	if err := ijson.Strict(patched, &o); err != nil {
		return method.Bad(whatIsWrong(err))
	}
	if wrong := changed(&before, &o); len(wrong) > 0 {
		return method.Bad("these cannot be changed", wrong...)
	}
	if failed := o.into(&c); failed != nil {
		return failed
	}
	_, err = s.l.o.Contacts.Change(t, s.account, c)
	return err
}

// changed lists those of the server's properties that a patch would change.
func changed(before, after *contact) (wrong []string) {
	written := (before.LastWritten == nil) == (after.LastWritten == nil) && (before.LastWritten == nil || *before.LastWritten == *after.LastWritten)
	for name, same := range map[string]bool{"email": before.Email == after.Email, "id": before.ID == after.ID, "isKnown": before.IsKnown == after.IsKnown,
		"daysWritten": before.DaysWritten == after.DaysWritten, "lastWritten": written, "created": before.Created == after.Created} {
		if !same {
			wrong = append(wrong, name)
		}
	}
	slices.Sort(wrong)
	return wrong
}

func (s *setting) destroy(t *tx.Tx, id string) error {
	c, err := s.one(t, id)
	if err != nil {
		return err
	}
	return s.l.o.Contacts.Remove(t, s.account, c.ID)
}

// whatIsWrong is an error of reading JSON, for a person.
func whatIsWrong(err error) string { return strings.TrimPrefix(err.Error(), "json: ") }
