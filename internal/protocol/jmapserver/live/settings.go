package live

import (
	"context"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/contacts"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// singleton is the id of an account's settings.
const singleton = "singleton"

// settings is a LiveSettings. What a client takes away is as the server has it for all.
type settings struct {
	ID            string `json:"id"`
	ShowsPresence *bool  `json:"showsPresence"`
	ShowsTyping   *bool  `json:"showsTyping"`
	ShowsReading  *bool  `json:"showsReading"`
	ShowsDisplays string `json:"showsDisplays"` // "never", "contacts", "always"
}

func settingsOf(v contacts.Setting) settings {
	return settings{singleton, &v.Presence, &v.Typing, &v.Reading, consents[v.Displayed]}
}

// into is what the settings mean, whatever was taken away of them.
func (s *settings) into() (v contacts.Setting, failed *method.Error) {
	v = contacts.DefaultSetting
	for at, to := range map[*bool]*bool{s.ShowsPresence: &v.Presence, s.ShowsTyping: &v.Typing, s.ShowsReading: &v.Reading} {
		if at != nil {
			*to = *at
		}
	}
	if s.ShowsDisplays != "" {
		var ok bool
		if v.Displayed, ok = consent(s.ShowsDisplays, contacts.Never, contacts.Known, contacts.Always); !ok {
			return v, method.Bad("showsDisplays is never, contacts or always", "showsDisplays")
		}
	}
	if s.ID != singleton {
		return v, method.Bad("the id cannot be changed", "id")
	}
	return v, nil
}

// getSettings is LiveSettings/get.
func (l *Live) getSettings(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	properties, err := method.Select(args.Properties, method.Known("id", "showsPresence", "showsTyping", "showsReading", "showsDisplays"))
	if err != nil {
		return nil, err
	}
	ids := []string{singleton}
	if args.IDs != nil {
		if err := method.CheckGet(len(*args.IDs)); err != nil {
			return nil, err
		}
		ids = method.Unique(*args.IDs)
	}
	r := method.GetResponse{AccountID: args.AccountID, NotFound: slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == singleton })}
	var v contacts.Setting
	err = l.o.Tx.Read(ctx, func(t *tx.Tx) error {
		state, err := states.Of(t, account, states.LiveSettings)
		if err != nil {
			return err
		}
		r.State = state.String()
		v, err = l.o.Contacts.Setting(t, account)
		return err
	})
	list := []ijson.Value{}
	if err == nil && slices.Contains(ids, singleton) {
		var one ijson.Value
		one, err = properties.Of(settingsOf(v))
		list = append(list, one)
	}
	r.List = list
	return r, err
}

// setSettings is LiveSettings/set.
func (l *Live) setSettings(ctx context.Context, c *method.Call) (any, error) {
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
	var r method.SetResponse
	err = l.o.Tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) error {
		r = method.SetResponse{AccountID: args.AccountID, Updated: map[string]any{}, NotCreated: map[string]*method.Error{},
			NotUpdated: map[string]*method.Error{}, NotDestroyed: map[string]*method.Error{}}
		state, err := states.Of(t, account, states.LiveSettings)
		if err != nil {
			return err
		}
		if r.OldState = state.String(); args.IfInState != nil && *args.IfInState != r.OldState {
			return method.Fail(method.StateMismatch, "the state is %s", r.OldState)
		}
		return l.applySettings(t, account, &args, &r)
	})
	if err != nil {
		return nil, err
	}
	err = l.o.Tx.Read(ctx, func(t *tx.Tx) error {
		state, err := states.Of(t, account, states.LiveSettings)
		r.NewState = state.String()
		return err
	})
	return r, err
}

// applySettings changes what there is, and refuses the rest (RFC 8620 5.3: singleton).
func (l *Live) applySettings(t *tx.Tx, account mail.AccountID, args *method.SetArgs, r *method.SetResponse) error {
	for creation := range args.Create {
		r.NotCreated[creation] = method.Fail(method.Singleton, "an account has one LiveSettings, %q", singleton)
	}
	for _, id := range args.Destroy {
		r.NotDestroyed[id] = method.Fail(method.NotFound, "there is no LiveSettings %.40q", id)
		if id == singleton {
			r.NotDestroyed[id] = method.Fail(method.Singleton, "it cannot be destroyed")
		}
	}
	for id, patch := range args.Update {
		if id != singleton {
			r.NotUpdated[id] = method.Fail(method.NotFound, "there is no LiveSettings %.40q", id)
			continue
		}
		before, err := l.o.Contacts.Setting(t, account)
		if err != nil {
			return err
		}
		whole, err := ijson.Marshal(settingsOf(before))
		if err != nil {
			return err
		}
		v, failed := patchSettings(whole, patch)
		if failed != nil {
			r.NotUpdated[id] = failed
			continue
		}
		if err := l.o.Contacts.SetSetting(t, account, v); err != nil {
			return err
		}
		r.Updated[id] = nil
	}
	return nil
}

func patchSettings(whole ijson.Value, patch map[string]ijson.Value) (v contacts.Setting, failed *method.Error) {
	patched, failed := method.Patch(whole, patch)
	if failed != nil {
		return v, failed
	}
	var s settings
	if err := ijson.Strict(patched, &s); err != nil {
		return v, method.Bad(whatIsWrong(err))
	}
	return s.into()
}
