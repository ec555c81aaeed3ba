package signins

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Capability is its URI.
const Capability = "https://mailmesh.org/jmap/sessions"

// Options say what SignIns stand on.
type Options struct {
	Tx   *tx.Store
	Auth *auth.Store
}

// SignIns are the methods.
type SignIns struct{ o Options }

// New makes them.
func New(o Options) *SignIns { return &SignIns{o} }

// limits is what "accountCapabilities" says.
type limits struct {
	MaxSignIns int `json:"maxSignIns"`
}

// Register adds the methods and the capability, which users have in their own account alone.
func (s *SignIns) Register(r *method.Registry) {
	r.Capability(Capability, struct{}{}, func(_ context.Context, u *method.User, a method.Access) any {
		if !a.Own() || !u.InPerson {
			return nil
		}
		return limits{auth.MaxSessions}
	})
	r.Add("SignIn/get", method.Method{Capability: Capability, Needs: method.Read, Run: s.get})
	r.Add("SignIn/changes", method.Method{Capability: Capability, Needs: method.Read, Run: s.changes})
	r.Add("SignIn/set", method.Method{Capability: Capability, Needs: method.Write, Run: s.set})
}

// signIn is a SignIn.
type signIn struct {
	ID        string   `json:"id"`
	Kind      string   `json:"kind"` // "web", "program"
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	Created   string   `json:"created"`
	LastUsed  string   `json:"lastUsed"`
	Expires   string   `json:"expires"`
	IsCurrent bool     `json:"isCurrent"`
}

var properties = method.Known("id", "kind", "name", "scopes", "created", "lastUsed", "expires", "isCurrent")

func idOf(id int64) string { return "S" + strconv.FormatInt(id, 36) }

func parseID(text string) (id int64, ok bool) {
	rest, is := strings.CutPrefix(text, "S")
	id, err := strconv.ParseInt(rest, 36, 64)
	return id, is && err == nil && idOf(id) == text
}

// signInOf shows a session to a user.
func signInOf(v *auth.Session, u *method.User) signIn {
	out := signIn{ID: idOf(v.ID), Kind: "program", Name: v.Name, Scopes: []string{}, Created: utc(v.Created), LastUsed: utc(v.LastUsed), Expires: utc(v.Expires),
		IsCurrent: v.Credential() == u.Credential}
	if v.LastUsed.Before(v.Created) { // it is kept to the hour
		out.LastUsed = out.Created
	}
	if v.IsBrowser() {
		out.Kind = "web"
	}
	for _, s := range []struct {
		scope auth.Scope
		word  string
	}{{auth.ReadMail, "read"}, {auth.WriteMail, "write"}, {auth.SendMail, "send"}} {
		if v.Scope&s.scope != 0 {
			out.Scopes = append(out.Scopes, s.word)
		}
	}
	return out
}

func utc(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

var errNotInPerson = errors.New("sign-ins are shown to the user of the account, who has signed in with its password, and not to programs")

// account is the user's, who asks in person.
func account(ctx context.Context, c *method.Call, id string) (mail.AccountID, error) {
	a, err := c.OwnAccount(ctx, id)
	if err == nil && !c.User.InPerson {
		err = method.Fail(method.Forbidden, "%v", errNotInPerson)
	}
	return a, err
}

// get is SignIn/get.
func (s *SignIns) get(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	of, err := account(ctx, c, args.AccountID)
	if err != nil {
		return nil, err
	}
	selected, err := method.Select(args.Properties, properties)
	if err != nil {
		return nil, err
	}
	var all []auth.Session
	out := method.GetResponse{AccountID: args.AccountID, NotFound: []string{}}
	err = s.o.Tx.Read(ctx, func(t *tx.Tx) error {
		now, err := states.Of(t, of, states.SignIn)
		if err != nil {
			return err
		}
		out.State = now.String()
		all, err = s.o.Auth.Sessions(t, of)
		return err
	})
	if err == nil && args.IDs != nil {
		all, out.NotFound, err = choose(all, *args.IDs)
	}
	if err != nil {
		return nil, err
	}
	list := make([]ijson.Value, len(all))
	for i := range all {
		if list[i], err = selected.Of(signInOf(&all[i], c.User)); err != nil {
			return nil, err
		}
	}
	out.List = list
	return out, nil
}

// choose finds those that are asked for.
func choose(all []auth.Session, ids []string) (found []auth.Session, missing []string, err error) {
	ids = method.Unique(ids)
	missing = []string{}
	for _, id := range ids {
		if i := slices.IndexFunc(all, func(v auth.Session) bool { return idOf(v.ID) == id }); i >= 0 {
			found = append(found, all[i])
		} else {
			missing = append(missing, id)
		}
	}
	return found, missing, method.CheckGet(len(ids))
}

// changes is SignIn/changes.
func (s *SignIns) changes(ctx context.Context, c *method.Call) (any, error) {
	var args method.ChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	of, err := account(ctx, c, args.AccountID)
	if err != nil {
		return nil, err
	}
	var out method.ChangesResponse
	err = s.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		out, err = method.Changes(t, of, states.SignIn, args, func(c tx.Change) (string, tx.Op, bool) { return idOf(c.Object), c.Op, true })
		return err
	})
	return out, err
}

var errOnlyEnded = errors.New("a sign-in begins by signing in, and can only be destroyed here")

// set is SignIn/set, which only destroys.
func (s *SignIns) set(ctx context.Context, c *method.Call) (any, error) {
	var args method.SetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if err := args.Check(); err != nil {
		return nil, err
	}
	of, err := account(ctx, c, args.AccountID)
	if err != nil {
		return nil, err
	}
	var out method.SetResponse
	err = s.o.Tx.Write(ctx, []mail.AccountID{of}, func(t *tx.Tx) error {
		out = refuse(&args)
		now, err := states.Of(t, of, states.SignIn)
		if err != nil {
			return err
		}
		if out.OldState = now.String(); args.IfInState != nil && *args.IfInState != out.OldState {
			return method.Fail(method.StateMismatch, "the state is %s", out.OldState)
		}
		for _, text := range method.Unique(args.Destroy) {
			id, ok := parseID(text)
			if ok {
				err = s.o.Auth.RevokeSession(t, of, id)
			}
			switch {
			case !ok || mail.Is(err, mail.NotFound):
				out.NotDestroyed[text] = method.Fail(method.NotFound, "there is no sign-in with this id")
			case err != nil:
				return err
			default:
				out.Destroyed = append(out.Destroyed, text)
			}
		}
		now, err = states.Of(t, of, states.SignIn)
		out.NewState = now.String()
		return err
	})
	return out, err
}

// refuse begins the response, and answers what would make or change a sign-in.
func refuse(args *method.SetArgs) method.SetResponse {
	out := method.SetResponse{AccountID: args.AccountID, NotCreated: map[string]*method.Error{}, NotUpdated: map[string]*method.Error{}, NotDestroyed: map[string]*method.Error{}}
	for id := range args.Create {
		out.NotCreated[id] = method.Fail(method.Forbidden, "%v", errOnlyEnded)
	}
	for id := range args.Update {
		out.NotUpdated[id] = method.Fail(method.Forbidden, "%v", errOnlyEnded)
	}
	return out
}
