package sending

import (
	"context"
	"maps"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/field"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/identities"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// identity is an Identity (RFC 8621 6).
type identity struct {
	ID            string           `json:"id"`
	Name          string           `json:"name"`
	Email         string           `json:"email"`
	ReplyTo       *[]field.Address `json:"replyTo"`
	Bcc           *[]field.Address `json:"bcc"`
	TextSignature string           `json:"textSignature"`
	HTMLSignature string           `json:"htmlSignature"`
	MayDelete     bool             `json:"mayDelete"`
}

var identityProperties = method.Known("id", "name", "email", "replyTo", "bcc", "textSignature", "htmlSignature", "mayDelete")

func identityOf(i identities.Identity) identity {
	return identity{i.ID.String(), i.Name, i.Email, shownAddresses(i.ReplyTo), shownAddresses(i.Bcc), i.TextSignature, i.HTMLSignature, !i.Standard}
}

func shownAddresses(list []identities.Address) *[]field.Address {
	if list == nil {
		return nil
	}
	out := make([]field.Address, len(list))
	for n, a := range list {
		if out[n].Email = a.Email; a.Name != "" {
			out[n].Name = &list[n].Name
		}
	}
	return &out
}

// identitiesOf makes the standard identities what the directory says, if they are not, and reads all.
func (s *Sending) identitiesOf(ctx context.Context, account mail.AccountID) (list []identities.Identity, now states.State, err error) {
	var own []mail.Address
	read := func(t *tx.Tx) (err error) {
		if own, err = s.o.Directory.OwnAddresses(t, account); err != nil {
			return err
		}
		if list, err = s.o.Identities.List(t, account); err != nil {
			return err
		}
		now, err = states.Of(t, account, states.Identity)
		return err
	}
	if err = s.o.Tx.Read(ctx, read); err != nil || identities.Current(list, own) {
		return list, now, err
	}
	err = s.o.Tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) error {
		own, err := s.o.Directory.OwnAddresses(t, account)
		if err != nil {
			return err
		}
		a, err := s.o.Directory.Account(t, account)
		if err != nil {
			return err
		}
		return s.o.Identities.Sync(t, account, own, a.Name)
	})
	if err == nil {
		err = s.o.Tx.Read(ctx, read)
	}
	return list, now, err
}

// getIdentities is Identity/get (RFC 8621 6.1).
func (s *Sending) getIdentities(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	properties, err := method.Select(args.Properties, identityProperties)
	if err != nil {
		return nil, err
	}
	all, now, err := s.identitiesOf(ctx, account)
	if err != nil {
		return nil, err
	}
	byID := map[string]identity{}
	var ids []string
	for _, i := range all {
		byID[i.ID.String()] = identityOf(i)
		ids = append(ids, i.ID.String())
	}
	return getOf(args, ids, properties, now, func(id string) (any, bool) { i, ok := byID[id]; return i, ok })
}

// getOf makes the response of a /get of what was read.
func getOf(args method.GetArgs, all []string, properties method.Properties, now states.State, find func(id string) (any, bool)) (method.GetResponse, error) {
	r := method.GetResponse{AccountID: args.AccountID, State: now.String(), NotFound: []string{}}
	if args.IDs != nil {
		all = method.Unique(*args.IDs)
	}
	if err := method.CheckGet(len(all)); err != nil {
		return r, err
	}
	list := []ijson.Value{}
	for _, id := range all {
		object, ok := find(id)
		if !ok {
			r.NotFound = append(r.NotFound, id)
			continue
		}
		v, err := properties.Of(object)
		if err != nil {
			return r, err
		}
		list = append(list, v)
	}
	r.List = list
	return r, nil
}

// identityChanges is Identity/changes (RFC 8621 6.2).
func (s *Sending) identityChanges(ctx context.Context, c *method.Call) (any, error) {
	return s.changes(ctx, c, states.Identity, tx.KindIdentity, func(id int64) string { return mail.IdentityID(id).String() })
}

// changes is the /changes of a type whose objects are one kind of the log.
func (s *Sending) changes(ctx context.Context, c *method.Call, typ states.Type, kind tx.Kind, name func(int64) string) (any, error) {
	var args method.ChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	var r method.ChangesResponse
	err = s.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		r, err = method.Changes(t, account, typ, args, func(c tx.Change) (string, tx.Op, bool) { return name(c.Object), c.Op, c.Kind == kind })
		return err
	})
	return r, err
}

// setIdentities is Identity/set (RFC 8621 6.3).
func (s *Sending) setIdentities(ctx context.Context, c *method.Call) (any, error) {
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
	if _, _, err := s.identitiesOf(ctx, account); err != nil {
		return nil, err
	}
	a, err := s.setOnce(ctx, account, states.Identity, args.IfInState, func(t *tx.Tx, a *answered) error {
		w := identityWork{s: s, t: t, account: account, answered: a, resolve: c.Resolve}
		return w.all(args)
	})
	if err != nil {
		return nil, err
	}
	r := setResponse(args, a, c)
	for key := range r.Created {
		r.Created[key] = besides(args.Create[key], map[string]any{"id": a.Created[key], "mayDelete": true, "name": "", "replyTo": nil, "bcc": nil,
			"textSignature": "", "htmlSignature": ""})
	}
	return r, nil
}

// besides are what a created object has besides what the client gave (RFC 8620 5.3).
func besides(given ijson.Value, has map[string]any) map[string]any {
	ijson.Members(given, func(name string, _ ijson.Value) error { delete(has, name); return nil }) // it was read before
	return has
}

// What the keys of answered begin with: creation ids and ids have names of their own.
const (
	creating   = "c "
	updating   = "u "
	destroying = "d "
)

// setResponse is the response of a /set that was carried out. What it says of created objects besides their ids is the type's.
func setResponse(args method.SetArgs, a answered, c *method.Call) method.SetResponse {
	r := method.SetResponse{AccountID: args.AccountID, OldState: a.From.String(), NewState: a.To.String(), Created: map[string]any{}, Updated: map[string]any{},
		NotCreated: map[string]*method.Error{}, NotUpdated: map[string]*method.Error{}, NotDestroyed: map[string]*method.Error{}}
	for _, key := range slices.Sorted(maps.Keys(args.Create)) {
		if e := a.Failed[creating+key]; e != nil {
			r.NotCreated[key] = e
		} else {
			r.Created[key] = map[string]any{"id": a.Created[key]}
			c.Created(key, a.Created[key])
		}
	}
	for id := range args.Update {
		if e := a.Failed[updating+id]; e != nil {
			r.NotUpdated[id] = e
		} else {
			name, _ := c.Resolve(id)
			r.Updated[name] = nil
		}
	}
	for _, id := range method.Unique(args.Destroy) {
		if e := a.Failed[destroying+id]; e != nil {
			r.NotDestroyed[id] = e
		} else {
			name, _ := c.Resolve(id)
			r.Destroyed = append(r.Destroyed, name)
		}
	}
	return r
}
