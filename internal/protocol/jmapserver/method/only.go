package method

import (
	"context"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// OnlyID is the id of an object of which an account has one.
const OnlyID = "singleton"

// Only is a type of which an account has one object. It is neither created nor destroyed (RFC 8620 5.3: singleton), and its owner
// alone has it.
type Only struct {
	Type       states.Type
	Properties []string // of the object, the id among them
	// Read is the object as clients see it.
	Read func(t *tx.Tx, account mail.AccountID) (any, error)
	// Change makes the object what a patch has made of what Read returned, or says what is wrong with that.
	Change func(t *tx.Tx, account mail.AccountID, patched ijson.Value) (*Error, error)
}

// Register adds the type's /get and /set to those of a server.
func (o Only) Register(r *Registry, capability string, x *tx.Store) {
	r.Add(string(o.Type)+"/get", Method{Capability: capability, Needs: Read, Run: func(ctx context.Context, c *Call) (any, error) { return o.get(ctx, x, c) }})
	r.Add(string(o.Type)+"/set", Method{Capability: capability, Needs: Write, Run: func(ctx context.Context, c *Call) (any, error) { return o.set(ctx, x, c) }})
}

// get is the type's /get.
func (o Only) get(ctx context.Context, x *tx.Store, c *Call) (any, error) {
	var args GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	properties, err := Select(args.Properties, Known(o.Properties...))
	if err != nil {
		return nil, err
	}
	ids := []string{OnlyID}
	if args.IDs != nil {
		if err := CheckGet(len(*args.IDs)); err != nil {
			return nil, err
		}
		ids = Unique(*args.IDs)
	}
	r := GetResponse{AccountID: args.AccountID, NotFound: slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == OnlyID })}
	var object any
	err = x.Read(ctx, func(t *tx.Tx) error {
		now, err := states.Of(t, account, o.Type)
		if err != nil {
			return err
		}
		r.State = now.String()
		object, err = o.Read(t, account)
		return err
	})
	if err != nil {
		return nil, err
	}
	list := []ijson.Value{}
	if slices.Contains(ids, OnlyID) {
		one, err := properties.Of(object)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	r.List = list
	return r, nil
}

// set is the type's /set.
func (o Only) set(ctx context.Context, x *tx.Store, c *Call) (any, error) {
	var args SetArgs
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
	var r SetResponse
	err = x.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) error {
		r = o.refuse(&args)
		now, err := states.Of(t, account, o.Type)
		if err != nil {
			return err
		}
		if r.OldState = now.String(); args.IfInState != nil && *args.IfInState != r.OldState {
			return Fail(StateMismatch, "the state is %s", r.OldState)
		}
		if patch, is := args.Update[OnlyID]; is {
			failed, err := o.change(t, account, patch)
			if err != nil {
				return err
			}
			if r.Updated[OnlyID] = nil; failed != nil {
				r.NotUpdated[OnlyID] = failed
				delete(r.Updated, OnlyID)
			}
		}
		// Here, and not after the commit: what others change right after it must not seem to be known to the client.
		now, err = states.Of(t, account, o.Type)
		r.NewState = now.String()
		return err
	})
	return r, err
}

func (o Only) change(t *tx.Tx, account mail.AccountID, patch map[string]ijson.Value) (*Error, error) {
	before, err := o.Read(t, account)
	if err != nil {
		return nil, err
	}
	whole, err := ijson.Marshal(before)
	if err != nil {
		return nil, err
	}
	patched, failed := Patch(whole, patch)
	if failed != nil {
		return failed, nil
	}
	return o.Change(t, account, patched)
}

// refuse answers what makes and destroys, and other ids.
func (o Only) refuse(args *SetArgs) SetResponse {
	r := SetResponse{AccountID: args.AccountID, Updated: map[string]any{}, NotCreated: map[string]*Error{}, NotUpdated: map[string]*Error{},
		NotDestroyed: map[string]*Error{}}
	for creation := range args.Create {
		r.NotCreated[creation] = Fail(Singleton, "an account has one %s, %q", o.Type, OnlyID)
	}
	for _, id := range args.Destroy {
		r.NotDestroyed[id] = Fail(NotFound, "there is no %s %.40q", o.Type, id)
		if id == OnlyID {
			r.NotDestroyed[id] = Fail(Singleton, "it cannot be destroyed")
		}
	}
	for id := range args.Update {
		if id != OnlyID {
			r.NotUpdated[id] = Fail(NotFound, "there is no %s %.40q", o.Type, id)
		}
	}
	return r
}
