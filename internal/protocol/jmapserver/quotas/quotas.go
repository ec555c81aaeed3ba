package quotas

import (
	"context"
	"slices"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// URIs of capabilities.
const (
	Capability     = "urn:ietf:params:jmap:quota"
	mailCapability = "urn:ietf:params:jmap:mail"
)

// Options says what Quotas stands on.
type Options struct {
	Tx        *tx.Store
	Directory *directory.Store
	Mailbox   *mailbox.Store
}

// Quotas has the methods.
type Quotas struct{ o Options }

// New makes Quotas.
func New(o Options) *Quotas { return &Quotas{o} }

// Register adds the capability and its methods.
func (q *Quotas) Register(r *method.Registry) {
	r.Capability(Capability, struct{}{}, func(context.Context, *method.User, method.Access) any { return struct{}{} })
	for name, run := range map[string]method.Func{"get": q.get, "changes": q.changes, "query": q.query, "queryChanges": q.queryChanges} {
		r.Add("Quota/"+name, method.Method{Capability: Capability, Needs: method.Read, Run: run})
	}
}

// quota is a Quota object (RFC 9425 4).
type quota struct {
	ID           string   `json:"id"`
	ResourceType string   `json:"resourceType"`
	Used         int64    `json:"used"`
	HardLimit    int64    `json:"hardLimit"`
	Scope        string   `json:"scope"`
	Name         string   `json:"name"`
	Types        []string `json:"types"`
	WarnLimit    *int64   `json:"warnLimit"`
	SoftLimit    *int64   `json:"softLimit"`
	Description  *string  `json:"description"`
}

var properties = []string{"id", "resourceType", "used", "hardLimit", "scope", "name", "types", "warnLimit", "softLimit", "description"}

// Ids of quotas, which are also what they count.
const (
	octets    = "octets"
	emails    = "emails"
	mailboxes = "mailboxes"
)

// of lists the quotas of an account, by id. RFC 9425 4.1: those that count types of capabilities the request does not use are left
// out; all of ours count types of mail.
func (q *Quotas) of(t *tx.Tx, c *method.Call, owner mail.AccountID) ([]quota, error) {
	if !c.Uses(mailCapability) {
		return nil, nil
	}
	state, err := q.o.Directory.QuotaState(t, owner)
	if err != nil {
		return nil, err
	}
	count, err := q.o.Mailbox.Count(t, owner)
	if err != nil {
		return nil, err
	}
	account, err := q.o.Directory.Account(t, owner)
	if err != nil {
		return nil, err
	}
	most := int64(mailbox.MaxMailboxes)
	if state.Mailboxes > 0 {
		most = min(most, state.Mailboxes)
	}
	named := func(id string) string { return account.Address.String() + ": " + id }
	list := []quota{{ID: mailboxes, ResourceType: "count", Used: count, HardLimit: most, Scope: "account", Name: named(mailboxes), Types: []string{"Mailbox"}}}
	if state.Messages > 0 {
		list = append(list, quota{ID: emails, ResourceType: "count", Used: state.UsedMessages, HardLimit: state.Messages, Scope: "account", Name: named(emails), Types: []string{"Email"}})
	}
	if state.Bytes > 0 {
		list = append(list, quota{ID: octets, ResourceType: "octets", Used: state.UsedBytes, HardLimit: state.Bytes, Scope: "account", Name: named(octets), Types: []string{"Email"}})
	}
	slices.SortFunc(list, byID)
	return list, nil
}

// get is Quota/get (RFC 9425 4.2).
func (q *Quotas) get(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	a, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	wants, err := method.Select(args.Properties, method.Known(properties...))
	if err != nil {
		return nil, err
	}
	if args.IDs != nil {
		if err := method.CheckGet(len(*args.IDs)); err != nil {
			return nil, err
		}
	}
	var there []quota
	var state states.State
	err = q.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if there, err = q.of(t, c, a.Owner); err == nil {
			state, err = states.Of(t, a.Owner, states.Quota)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var list []any
	var notFound []string
	ids := idsOf(there)
	if args.IDs != nil {
		ids = method.Unique(*args.IDs)
	}
	for _, id := range ids {
		i := slices.IndexFunc(there, func(q quota) bool { return q.ID == id })
		if i < 0 {
			notFound = append(notFound, id)
			continue
		}
		object, err := wants.Of(there[i])
		if err != nil {
			return nil, err
		}
		list = append(list, object)
	}
	return method.GetResponse{AccountID: args.AccountID, State: state.String(), List: list, NotFound: notFound}, nil
}

func idsOf(list []quota) []string {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}

type changesResponse struct {
	method.ChangesResponse `json:",embed"`
	UpdatedProperties      *[]string `json:"updatedProperties"`
}

// changes is Quota/changes (RFC 9425 4.3).
func (q *Quotas) changes(ctx context.Context, c *method.Call) (any, error) {
	var args method.ChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	a, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	var resp changesResponse
	err = q.o.Tx.Read(ctx, func(t *tx.Tx) error {
		there, err := q.of(t, c, a.Owner)
		if err != nil {
			return err
		}
		ids := idsOf(there)
		used := true // and nothing else of any quota has changed
		resp.ChangesResponse, err = method.ChangesOfMany(t, a.Owner, states.Quota, args, func(change tx.Change) []method.Touch {
			if change.Kind == tx.KindQuota {
				used = false
			}
			return touched(change, ids)
		})
		if resp.UpdatedProperties = nil; used && len(resp.Updated) > 0 {
			resp.UpdatedProperties = &[]string{"used"}
		}
		return err
	})
	return resp, err
}

// touched says what a change of the log is to the quotas that are there. A limit that went is told of, too.
func touched(c tx.Change, there []string) (list []method.Touch) {
	uses := func(ids ...string) {
		for _, id := range ids {
			if slices.Contains(there, id) {
				list = append(list, method.Touch{ID: id, Op: tx.Updated})
			}
		}
	}
	switch {
	case c.Kind == tx.KindEmail && c.Op != tx.Updated:
		uses(emails, octets)
	case c.Kind == tx.KindMailbox && c.Op != tx.Updated, c.Kind == tx.KindQuota && c.Object == directory.LimitMailboxes:
		uses(mailboxes) // which always have a limit
	case c.Kind == tx.KindQuota && c.Object == directory.LimitMessages:
		list = append(list, method.Touch{ID: emails, Op: c.Op})
	case c.Kind == tx.KindQuota && c.Object == directory.LimitBytes:
		list = append(list, method.Touch{ID: octets, Op: c.Op})
	}
	return list
}
