package principals

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// The capabilities (RFC 9670 1.5).
const (
	Capability      = "urn:ietf:params:jmap:principals"
	OwnerCapability = "urn:ietf:params:jmap:principals:owner"
)

const maxLookups = 10

// Options says what the methods stand on.
type Options struct {
	Tx        *tx.Store
	Mailbox   *mailbox.Store
	Directory *directory.Store
	Secret    []byte // 32 bytes, the same on all nodes, for nothing else
	// Accounts are those of a user's session, as they stand there, by their ids.
	Accounts func(ctx context.Context, u *method.User) (map[string]any, error)
}

// Principals are the methods.
type Principals struct{ o Options }

// New makes them.
func New(o Options) *Principals { return &Principals{o} }

// Register adds the methods to those of a server.
func (p *Principals) Register(r *method.Registry) {
	r.Capability(Capability, struct{}{}, func(_ context.Context, u *method.User, a method.Access) any {
		if !a.Own() {
			return nil
		}
		return map[string]string{"currentUserPrincipalId": p.id(u.Account)}
	})
	r.Capability(OwnerCapability, struct{}{}, func(_ context.Context, u *method.User, a method.Access) any {
		return map[string]string{"accountIdForPrincipal": u.Account.String(), "principalId": p.id(a.Owner)}
	})
	for name, run := range map[string]method.Func{
		"Principal/get": p.get, "Principal/changes": p.changes, "Principal/query": p.query, "Principal/queryChanges": p.queryChanges,
		"ShareNotification/get": p.getNotices, "ShareNotification/changes": p.changesOfNotices,
		"ShareNotification/query": p.queryNotices, "ShareNotification/queryChanges": p.queryChanges,
	} {
		r.Add(name, method.Method{Capability: Capability, Needs: method.Read, Run: run})
	}
	r.Add("Principal/set", method.Method{Capability: Capability, Needs: method.Write, Run: p.set})
	r.Add("ShareNotification/set", method.Method{Capability: Capability, Needs: method.Write, Run: p.setNotices})
}

const proofSize = 10

// id is that of an account's principal.
func (p *Principals) id(account mail.AccountID) string { return ID(p.o.Secret, account) }

// ID is the id of an account's principal under a secret (see Options): the account, and a proof that nobody has guessed it.
func ID(secret []byte, account mail.AccountID) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(account))
	h := hmac.New(sha256.New, secret)
	h.Write(raw)
	return "P" + base64.RawURLEncoding.EncodeToString(append(raw, h.Sum(nil)[:proofSize]...))
}

// parseID reads what id wrote.
func (p *Principals) parseID(text string) (account mail.AccountID, ok bool) {
	if len(text) == 0 {
		return 0, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(text[1:])
	if err != nil || len(raw) != 8+proofSize {
		return 0, false
	}
	account = mail.AccountID(binary.BigEndian.Uint64(raw))
	return account, hmac.Equal([]byte(p.id(account)), []byte(text))
}

// principal is an account as others see it (RFC 9670 2).
type principal struct {
	ID           string         `json:"id"`
	Type         string         `json:"type"`
	Name         string         `json:"name"`
	Description  *string        `json:"description"`
	Email        *string        `json:"email"`
	TimeZone     *string        `json:"timeZone"`
	Capabilities map[string]any `json:"capabilities"`
	Accounts     map[string]any `json:"accounts"`

	account mail.AccountID
}

var properties = method.Known("id", "type", "name", "description", "email", "timeZone", "capabilities", "accounts")

// known are the accounts whose principals a user sees, in order.
func (p *Principals) known(t *tx.Tx, who mail.AccountID) ([]mail.AccountID, error) {
	known := []mail.AccountID{who}
	sharers, err := p.o.Mailbox.Sharers(t, who)
	if err != nil {
		return nil, err
	}
	for _, owner := range sharers {
		shared, err := p.o.Mailbox.SharedBy(t, owner, who)
		if err != nil {
			return nil, err
		}
		if len(shared) > 0 {
			known = append(known, owner)
		}
	}
	grantees, err := p.o.Mailbox.Grantees(t, who)
	known = append(known, grantees...)
	slices.Sort(known)
	return slices.Compact(known), err
}

// read makes the principals of accounts, leaving out those that are not there.
func (p *Principals) read(t *tx.Tx, accounts []mail.AccountID) (list []principal, err error) {
	for _, id := range accounts {
		a, err := p.o.Directory.Account(t, id)
		if mail.Is(err, mail.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, p.of(a))
	}
	return list, nil
}

func (p *Principals) of(a directory.Account) principal {
	email := a.Address.String()
	v := principal{ID: p.id(a.ID), Type: "individual", Name: a.Name, Email: &email, Capabilities: map[string]any{}, account: a.ID}
	if v.Name == "" {
		v.Name = email
	}
	if a.Shared {
		v.Type = "other" // nobody's own: a mailbox for many
	}
	return v
}

// fill gives principals the accounts of theirs that the user has access to.
func (p *Principals) fill(ctx context.Context, u *method.User, list []principal) error {
	accounts, err := p.o.Accounts(ctx, u)
	if err != nil {
		return err
	}
	for i, v := range list {
		id := v.account.String()
		if a, has := accounts[id]; has {
			list[i].Accounts = map[string]any{id: a}
		}
	}
	return nil
}

// state changes with whatever of a user's principals has changed.
func state(all []principal) (string, error) {
	text, err := ijson.Marshal(all)
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:9]), err
}

// seen reads all principals that a user sees, and their state.
func (p *Principals) seen(ctx context.Context, u *method.User) (all []principal, now string, err error) {
	err = p.o.Tx.Read(ctx, func(t *tx.Tx) error {
		ids, err := p.known(t, u.Account)
		if err == nil {
			all, err = p.read(t, ids)
		}
		return err
	})
	if err == nil {
		err = p.fill(ctx, u, all)
	}
	if err == nil {
		now, err = state(all)
	}
	return all, now, err
}

// get is Principal/get.
func (p *Principals) get(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if _, err := c.OwnAccount(ctx, args.AccountID); err != nil {
		return nil, err
	}
	selected, err := method.Select(args.Properties, properties)
	if err != nil {
		return nil, err
	}
	all, now, err := p.seen(ctx, c.User)
	if err != nil {
		return nil, err
	}
	out := method.GetResponse{AccountID: args.AccountID, State: now, NotFound: []string{}}
	if args.IDs != nil {
		if all, out.NotFound, err = p.named(ctx, c.User, *args.IDs); err != nil {
			return nil, err
		}
	}
	out.List, err = objects(all, selected)
	return out, err
}

// named are the principals that ids name, whether or not the user would see them without.
func (p *Principals) named(ctx context.Context, u *method.User, ids []string) (list []principal, notFound []string, err error) {
	asked := method.Unique(ids)
	if err := method.CheckGet(len(asked)); err != nil {
		return nil, nil, err
	}
	var found map[string]principal
	err = p.o.Tx.Read(ctx, func(t *tx.Tx) error {
		found = map[string]principal{}
		for _, id := range asked {
			account, ok := p.parseID(id)
			if !ok {
				continue
			}
			one, err := p.read(t, []mail.AccountID{account})
			if err != nil {
				return err
			}
			if len(one) > 0 {
				found[id] = one[0]
			}
		}
		return nil
	})
	notFound = []string{}
	for _, id := range asked {
		if v, ok := found[id]; ok {
			list = append(list, v)
		} else {
			notFound = append(notFound, id)
		}
	}
	if err == nil {
		err = p.fill(ctx, u, list)
	}
	return list, notFound, err
}

func objects[T any](list []T, selected method.Properties) ([]ijson.Value, error) {
	out := make([]ijson.Value, 0, len(list))
	for _, v := range list {
		object, err := selected.Of(v)
		if err != nil {
			return nil, err
		}
		out = append(out, object)
	}
	return out, nil
}

// changes is Principal/changes: nothing, or nobody knows what (RFC 9670 2.2).
func (p *Principals) changes(ctx context.Context, c *method.Call) (any, error) {
	var args method.ChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if _, err := c.OwnAccount(ctx, args.AccountID); err != nil {
		return nil, err
	}
	if args.MaxChanges != nil && *args.MaxChanges == 0 {
		return nil, method.Fail(method.InvalidArguments, "maxChanges is above 0")
	}
	_, now, err := p.seen(ctx, c.User)
	if err != nil {
		return nil, err
	}
	if now != args.SinceState {
		return nil, method.Fail(method.CannotCalculateChanges, "what has changed of principals is not kept: get them again")
	}
	return method.ChangesResponse{AccountID: args.AccountID, OldState: now, NewState: now, Created: []string{}, Updated: []string{}, Destroyed: []string{}}, nil
}

// queryChanges is Principal/queryChanges and ShareNotification/queryChanges.
func (p *Principals) queryChanges(ctx context.Context, c *method.Call) (any, error) {
	var args method.QueryChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if _, err := c.OwnAccount(ctx, args.AccountID); err != nil {
		return nil, err
	}
	return nil, method.Fail(method.CannotCalculateChanges, "ask again by /query")
}

var errReadOnly = errors.New("principals are made and changed by the server's operator")

// set is Principal/set, which nobody may (RFC 9670 2.3).
func (p *Principals) set(ctx context.Context, c *method.Call) (any, error) {
	args, out, err := setArgs(ctx, c)
	if err != nil {
		return nil, err
	}
	_, now, err := p.seen(ctx, c.User)
	if err != nil {
		return nil, err
	}
	if args.IfInState != nil && *args.IfInState != now {
		return nil, method.Fail(method.StateMismatch, "the state is %s", now)
	}
	out.OldState, out.NewState = now, now
	forbid(args, out, errReadOnly)
	for _, id := range args.Destroy {
		out.NotDestroyed[id] = method.Fail(method.Forbidden, "%v", errReadOnly)
	}
	return out, nil
}

// setArgs reads the arguments of a /set and begins its response.
func setArgs(ctx context.Context, c *method.Call) (args method.SetArgs, out *method.SetResponse, err error) {
	if err := c.Decode(&args); err != nil {
		return args, nil, err
	}
	if _, err := c.OwnAccount(ctx, args.AccountID); err != nil {
		return args, nil, err
	}
	return args, &method.SetResponse{AccountID: args.AccountID, Created: map[string]any{}, Updated: map[string]any{}, Destroyed: []string{},
		NotCreated: map[string]*method.Error{}, NotUpdated: map[string]*method.Error{}, NotDestroyed: map[string]*method.Error{}}, args.Check()
}

// forbid answers what would create or update.
func forbid(args method.SetArgs, out *method.SetResponse, why error) {
	for id := range args.Create {
		out.NotCreated[id] = method.Fail(method.Forbidden, "%v", why)
	}
	for id := range args.Update {
		out.NotUpdated[id] = method.Fail(method.Forbidden, "%v", why)
	}
}
