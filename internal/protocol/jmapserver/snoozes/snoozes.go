// Package snoozes is a JMAP capability of ours: mail that is out of sight until a time. docs/jmap-snooze.md describes it.
//
// Only the owner of an account snoozes in it. Limits are those of store/snooze (overQuota), and mailflow/snoozing.MaxAhead
// (invalidProperties). The state is that of Email: what is snoozed, or comes back, moves.
package snoozes

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/snoozing"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/snooze"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Capability is the URI.
const Capability = "https://mailmesh.org/jmap/snooze"

// Options say what the methods stand on.
type Options struct {
	Tx       *tx.Store
	Snoozed  *snooze.Store
	Snoozing *snoozing.Snoozing
}

// Snoozes are the methods.
type Snoozes struct{ o Options }

// New makes them.
func New(o Options) *Snoozes { return &Snoozes{o} }

// Register adds the capability and its methods to those of a server.
func (s *Snoozes) Register(r *method.Registry) {
	r.Capability(Capability, struct{}{}, func(_ context.Context, _ *method.User, a method.Access) any {
		if !a.Own() {
			return nil
		}
		return struct {
			MaxSnoozed int `json:"maxSnoozed"`
		}{snooze.MaxSnoozed}
	})
	r.Add("Snooze/get", method.Method{Capability: Capability, Needs: method.Read, Run: s.get})
	r.Add("Snooze/set", method.Method{Capability: Capability, Needs: method.Read | method.Write, Run: s.set})
}

// object is a Snooze. Its id is that of the email.
type object struct {
	ID      string `json:"id"`
	EmailID string `json:"emailId"`
	Until   string `json:"until"`
}

func objectOf(one snooze.Snoozed) object {
	return object{one.Email.String(), one.Email.String(), one.Until.UTC().Format("2006-01-02T15:04:05Z")}
}

func (s *Snoozes) get(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	properties, err := method.Select(args.Properties, method.Known("id", "emailId", "until"))
	if err != nil {
		return nil, err
	}
	if args.IDs != nil {
		if err := method.CheckGet(len(method.Unique(*args.IDs))); err != nil {
			return nil, err
		}
	}
	r := method.GetResponse{AccountID: args.AccountID, NotFound: []string{}}
	var found []snooze.Snoozed
	err = s.o.Tx.Read(ctx, func(t *tx.Tx) error {
		state, err := states.Of(t, account, states.Email)
		if err != nil {
			return err
		}
		r.State, r.NotFound, found = state.String(), []string{}, nil
		if args.IDs == nil {
			if found, err = s.o.Snoozed.Of(t, account, snooze.MaxSnoozed); err != nil {
				return err
			}
			return method.CheckGet(len(found))
		}
		for _, text := range method.Unique(*args.IDs) {
			one, ok, err := s.read(t, account, text)
			if err != nil {
				return err
			}
			if !ok {
				r.NotFound = append(r.NotFound, text)
				continue
			}
			found = append(found, one)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := []ijson.Value{}
	for _, one := range found {
		v, err := properties.Of(objectOf(one))
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	r.List = list
	return r, nil
}

func (s *Snoozes) read(t *tx.Tx, account mail.AccountID, text string) (snooze.Snoozed, bool, error) {
	id, err := mail.ParseEmailID(text)
	if err != nil {
		return snooze.Snoozed{}, false, nil
	}
	return s.o.Snoozed.Email(t, account, id)
}

// setting is one Snooze/set under way.
type setting struct {
	s       *Snoozes
	c       *method.Call
	account mail.AccountID
	args    *method.SetArgs
	r       method.SetResponse
}

func (s *Snoozes) set(ctx context.Context, c *method.Call) (any, error) {
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
	if n := len(args.Create) + len(args.Update) + len(args.Destroy); n > maxSet {
		return nil, method.Fail(method.RequestTooLarge, "at most %d messages are snoozed or woken in one call", maxSet)
	}
	w := setting{s: s, c: c, account: account, args: &args}
	if err := s.o.Tx.Write(ctx, []mail.AccountID{account}, w.run); err != nil {
		return nil, err
	}
	return w.r, nil
}

// maxSet bounds one call, which is one commit.
const maxSet = 50

func (w *setting) run(t *tx.Tx) error {
	w.r = method.SetResponse{AccountID: w.args.AccountID, Created: map[string]any{}, Updated: map[string]any{}, NotCreated: map[string]*method.Error{},
		NotUpdated: map[string]*method.Error{}, NotDestroyed: map[string]*method.Error{}}
	state, err := states.Of(t, w.account, states.Email)
	if err != nil {
		return err
	}
	if w.r.OldState = state.String(); w.args.IfInState != nil && *w.args.IfInState != w.r.OldState {
		return method.Fail(method.StateMismatch, "the state is %s", w.r.OldState)
	}
	for _, creation := range slices.Sorted(maps.Keys(w.args.Create)) {
		id, err := w.create(t, w.args.Create[creation])
		if told, err := refusal(err); err != nil {
			return err
		} else if told != nil {
			w.r.NotCreated[creation] = told
			continue
		}
		w.r.Created[creation] = map[string]string{"id": id.String()}
	}
	for _, id := range slices.Sorted(maps.Keys(w.args.Update)) {
		if told, err := refusal(w.update(t, id, w.args.Update[id])); err != nil {
			return err
		} else if told != nil {
			w.r.NotUpdated[id] = told
			continue
		}
		w.r.Updated[id] = nil
	}
	for _, id := range method.Unique(w.args.Destroy) {
		if told, err := refusal(w.destroy(t, id)); err != nil {
			return err
		} else if told != nil {
			w.r.NotDestroyed[id] = told
			continue
		}
		w.r.Destroyed = append(w.r.Destroyed, id)
	}
	if state, err = states.Of(t, w.account, states.Email); err == nil {
		w.r.NewState = state.String()
	}
	return err
}

// refusal tells an error of one object from one of the store, which ends the call.
func refusal(err error) (told *method.Error, fault error) {
	if err == nil {
		return nil, nil
	}
	told, is := err.(*method.Error)
	if !is {
		var ok bool
		if told, ok = method.ErrorOf(err); !ok || told.Type == method.ServerUnavailable {
			return nil, err
		}
	}
	if told.Type == method.InvalidArguments { // of a room, about the time it was given
		told = method.Bad(told.Description, "until")
	}
	return told, nil
}

func (w *setting) create(t *tx.Tx, v ijson.Value) (mail.EmailID, error) {
	var o struct {
		EmailID string `json:"emailId"`
		Until   string `json:"until"`
	}
	if err := ijson.Strict(v, &o); err != nil {
		return 0, method.Bad(strings.TrimPrefix(err.Error(), "json: "))
	}
	text, _ := w.c.Resolve(o.EmailID)
	id, err := mail.ParseEmailID(text)
	if err != nil {
		return 0, method.Bad("there is no such email", "emailId")
	}
	return id, w.until(t, id, o.Until)
}

func (w *setting) until(t *tx.Tx, id mail.EmailID, text string) error {
	until, err := time.Parse("2006-01-02T15:04:05.999999999Z", text)
	if err != nil {
		return method.Bad("until is a UTCDate: 2026-11-22T12:00:00Z", "until")
	}
	return w.s.o.Snoozing.Snooze(t, w.account, id, until)
}

func (w *setting) update(t *tx.Tx, id string, patch map[string]ijson.Value) error {
	one, ok, err := w.s.read(t, w.account, id)
	if err != nil {
		return err
	}
	if !ok {
		return method.Fail(method.NotFound, "the email is not snoozed")
	}
	before := objectOf(one)
	whole, err := ijson.Marshal(before)
	if err != nil {
		return err
	}
	patched, failed := method.Patch(whole, patch)
	if failed != nil {
		return failed
	}
	var o object
	if err := ijson.Strict(patched, &o); err != nil {
		return method.Bad(strings.TrimPrefix(err.Error(), "json: "))
	}
	if o.ID != before.ID || o.EmailID != before.EmailID {
		return method.Bad("these cannot be changed", "id", "emailId")
	}
	return w.until(t, one.Email, o.Until)
}

func (w *setting) destroy(t *tx.Tx, id string) error {
	one, ok, err := w.s.read(t, w.account, id)
	if err != nil {
		return err
	}
	if !ok {
		return method.Fail(method.NotFound, "the email is not snoozed")
	}
	return w.s.o.Snoozing.Wake(t, w.account, one.Email)
}
