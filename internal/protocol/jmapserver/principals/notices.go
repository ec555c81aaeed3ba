package principals

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/mailboxes"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// notice is a ShareNotification (RFC 9670 3).
type notice struct {
	ID        string `json:"id"`
	Created   string `json:"created"`
	ChangedBy entity `json:"changedBy"`

	ObjectType      string            `json:"objectType"`
	ObjectAccountID string            `json:"objectAccountId"`
	ObjectID        string            `json:"objectId"`
	OldRights       *mailboxes.Rights `json:"oldRights"`
	NewRights       *mailboxes.Rights `json:"newRights"`
	Name            string            `json:"name"`

	at time.Time
}

// entity is who has changed something.
type entity struct {
	Name        string  `json:"name"`
	Email       *string `json:"email"`
	PrincipalID *string `json:"principalId"`
}

var noticeProperties = method.Known("id", "created", "changedBy", "objectType", "objectAccountId", "objectId", "oldRights", "newRights", "name")

func noticeID(id int64) string { return "N" + strconv.FormatInt(id, 36) }

func parseNoticeID(text string) (id int64, ok bool) {
	rest, is := strings.CutPrefix(text, "N")
	id, err := strconv.ParseInt(rest, 36, 64)
	return id, is && err == nil && noticeID(id) == text
}

// notices are those of an account, the oldest first, and their state.
func (p *Principals) notices(ctx context.Context, account mail.AccountID) (list []notice, now states.State, err error) {
	err = p.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		list = nil
		if now, err = states.Of(t, account, states.ShareNotification); err != nil {
			return err
		}
		rows, err := p.o.Mailbox.ShareNotices(t, account)
		if err != nil {
			return err
		}
		by := map[mail.AccountID]entity{}
		for _, row := range rows {
			if _, known := by[row.By]; !known {
				if by[row.By], err = p.entity(t, row.By); err != nil {
					return err
				}
			}
			list = append(list, notice{ID: noticeID(row.ID), Created: row.Created.UTC().Truncate(time.Second).Format(time.RFC3339), ChangedBy: by[row.By],
				ObjectType: "Mailbox", ObjectAccountID: row.Owner.String(), ObjectID: row.Mailbox.String(), OldRights: rights(row.Old), NewRights: rights(row.New),
				Name: row.Name, at: row.Created})
		}
		return nil
	})
	return list, now, err
}

// entity is an account that may have gone since.
func (p *Principals) entity(t *tx.Tx, id mail.AccountID) (entity, error) {
	list, err := p.read(t, []mail.AccountID{id})
	if err != nil || len(list) == 0 {
		return entity{}, err
	}
	return entity{Name: list[0].Name, Email: list[0].Email, PrincipalID: &list[0].ID}, nil
}

// rights are null where there were none.
func rights(r mail.Rights) *mailboxes.Rights {
	if r == 0 {
		return nil
	}
	out := mailboxes.RightsOf(r, "")
	return &out
}

// getNotices is ShareNotification/get (RFC 9670 3.1).
func (p *Principals) getNotices(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	selected, err := method.Select(args.Properties, noticeProperties)
	if err != nil {
		return nil, err
	}
	all, now, err := p.notices(ctx, account)
	if err != nil {
		return nil, err
	}
	out := method.GetResponse{AccountID: args.AccountID, State: now.String(), NotFound: []string{}}
	if args.IDs != nil {
		asked := method.Unique(*args.IDs)
		if err := method.CheckGet(len(asked)); err != nil {
			return nil, err
		}
		var some []notice
		for _, id := range asked {
			if i := slices.IndexFunc(all, func(n notice) bool { return n.ID == id }); i >= 0 {
				some = append(some, all[i])
			} else {
				out.NotFound = append(out.NotFound, id)
			}
		}
		all = some
	}
	out.List, err = objects(all, selected)
	return out, err
}

// changesOfNotices is ShareNotification/changes.
func (p *Principals) changesOfNotices(ctx context.Context, c *method.Call) (any, error) {
	var args method.ChangesArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	var out method.ChangesResponse
	err = p.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		out, err = method.Changes(t, account, states.ShareNotification, args, func(c tx.Change) (string, tx.Op, bool) { return noticeID(c.Object), c.Op, true })
		return err
	})
	return out, err
}

var errNotice = errors.New("notices are made by the server: they can only be destroyed")

// setNotices is ShareNotification/set, which only destroys (RFC 9670 3.3).
func (p *Principals) setNotices(ctx context.Context, c *method.Call) (any, error) {
	args, out, err := setArgs(ctx, c)
	if err != nil {
		return nil, err
	}
	account := c.User.Account
	forbid(args, out, errNotice)
	err = p.o.Tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) error {
		out.Destroyed = []string{}
		clear(out.NotDestroyed)
		now, err := states.Of(t, account, states.ShareNotification)
		if err != nil {
			return err
		}
		if out.OldState = now.String(); args.IfInState != nil && *args.IfInState != out.OldState {
			return method.Fail(method.StateMismatch, "the state is %s", out.OldState)
		}
		for _, text := range method.Unique(args.Destroy) {
			id, ok := parseNoticeID(text)
			if ok {
				err = p.o.Mailbox.DropShareNotice(t, account, id)
			}
			switch {
			case !ok || mail.Is(err, mail.NotFound):
				out.NotDestroyed[text] = method.Fail(method.NotFound, "there is no such notice")
			case err != nil:
				return err
			default:
				out.Destroyed = append(out.Destroyed, text)
			}
		}
		now, err = states.Of(t, account, states.ShareNotification)
		out.NewState = now.String()
		return err
	})
	return out, err
}

// queryNotices is ShareNotification/query (RFC 9670 3.4).
func (p *Principals) queryNotices(ctx context.Context, c *method.Call) (any, error) {
	var args method.QueryArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	filter, err := method.ParseFilter(args.Filter, noticeCondition)
	if err != nil {
		return nil, err
	}
	for _, by := range args.Sort {
		if by.Property != "created" {
			return nil, method.Fail(method.UnsupportedSort, "notices are sorted by created, not %.100q", by.Property)
		}
	}
	all, now, err := p.notices(ctx, account)
	if err != nil {
		return nil, err
	}
	if len(args.Sort) > 0 && args.Sort[0].IsAscending != nil && !*args.Sort[0].IsAscending {
		slices.Reverse(all)
	}
	var ids []string
	for _, n := range all {
		if filter(n) {
			ids = append(ids, n.ID)
		}
	}
	return method.Page(&args, ids, now.String(), false)
}

// noticeCondition reads a FilterCondition (RFC 9670 3.4.1).
func noticeCondition(name string, value ijson.Value) (f method.Filter[notice], err error) {
	var want string
	switch name {
	case "after", "before", "objectType", "objectAccountId":
		err = ijson.Strict(value, &want)
	default:
		return nil, method.Fail(method.UnsupportedFilter, "a filter of notices cannot ask for %.100q", name)
	}
	var at time.Time
	if err == nil && (name == "after" || name == "before") {
		at, err = time.Parse(time.RFC3339, want)
	}
	if err != nil {
		return nil, method.Fail(method.InvalidArguments, "filter: %s: %v", name, err)
	}
	return map[string]method.Filter[notice]{
		"after":           func(n notice) bool { return !n.at.Before(at) },
		"before":          func(n notice) bool { return n.at.Before(at) },
		"objectType":      func(n notice) bool { return n.ObjectType == want },
		"objectAccountId": func(n notice) bool { return n.ObjectAccountID == want },
	}[name], nil
}
