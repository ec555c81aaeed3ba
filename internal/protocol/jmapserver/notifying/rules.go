package notifying

import (
	"context"
	"fmt"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/notifications"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// singleton is the id of an account's rules.
const singleton = "singleton"

// rules is a NotificationRules. What a client takes away is as the server has it for all.
type rules struct {
	ID           string              `json:"id"`
	NotifyAbout  notifications.About `json:"notifyAbout"`
	ShowsContent *bool               `json:"showsContent"`
	QuietHours   *quietHours         `json:"quietHours"`
	Urgent       *bool               `json:"urgentPiercesQuietHours"`
}

type quietHours struct {
	From string `json:"from"` // "22:00"
	To   string `json:"to"`
	Zone string `json:"timeZone"`
}

var properties = method.Known("id", "notifyAbout", "showsContent", "quietHours", "urgentPiercesQuietHours")

func rulesOf(v notifications.Rules) rules {
	r := rules{ID: singleton, NotifyAbout: v.About, ShowsContent: &v.Content, Urgent: &v.Urgent}
	if q := v.Quiet; q != nil {
		r.QuietHours = &quietHours{clock(q.From), clock(q.To), q.Zone}
	}
	return r
}

func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// parseClock reads a time of the day; -1 is none.
func parseClock(text string) int {
	var hour, minute int
	if _, err := fmt.Sscanf(text, "%d:%d", &hour, &minute); err != nil || hour < 0 || hour > 23 || minute < 0 || clock(hour*60+minute) != text {
		return -1
	}
	return hour*60 + minute
}

// into is what the rules mean.
func (r *rules) into() (v notifications.Rules, failed *method.Error) {
	v = notifications.Default
	if r.ID != singleton {
		return v, method.Bad("the id cannot be changed", "id")
	}
	if r.NotifyAbout != "" {
		v.About = r.NotifyAbout
	}
	if r.ShowsContent != nil {
		v.Content = *r.ShowsContent
	}
	if r.Urgent != nil {
		v.Urgent = *r.Urgent
	}
	if q := r.QuietHours; q != nil {
		v.Quiet = &notifications.Quiet{From: parseClock(q.From), To: parseClock(q.To), Zone: q.Zone}
	}
	if err := v.Check(); err != nil {
		name := "notifyAbout"
		if v.Quiet != nil {
			name = "quietHours"
		}
		return v, method.Bad(mail.Explain(err), name)
	}
	return v, nil
}

func (n *Notifying) get(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	selected, err := method.Select(args.Properties, properties)
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
	r := method.GetResponse{AccountID: args.AccountID}
	list := []ijson.Value{}
	err = n.o.Tx.Read(ctx, func(t *tx.Tx) error {
		r.NotFound, list = nil, list[:0]
		state, err := states.Of(t, account, states.Notifications)
		if err != nil {
			return err
		}
		r.State = state.String()
		v, err := n.o.Rules.Rules(t, account)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if id != singleton {
				r.NotFound = append(r.NotFound, id)
				continue
			}
			object, err := selected.Of(rulesOf(v))
			if err != nil {
				return err
			}
			list = append(list, object)
		}
		return nil
	})
	r.List = list
	return r, err
}

func (n *Notifying) set(ctx context.Context, c *method.Call) (any, error) {
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
	err = n.o.Tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) error {
		r = method.SetResponse{AccountID: args.AccountID, Updated: map[string]any{}, NotCreated: map[string]*method.Error{},
			NotUpdated: map[string]*method.Error{}, NotDestroyed: map[string]*method.Error{}}
		before, err := states.Of(t, account, states.Notifications)
		if err != nil {
			return err
		}
		r.OldState, r.NewState = before.String(), before.String()
		if args.IfInState != nil && *args.IfInState != r.OldState {
			return method.Fail(method.StateMismatch, "the state is %s", r.OldState)
		}
		refuse(&args, &r)
		for id, patch := range args.Update {
			if id != singleton {
				r.NotUpdated[id] = method.Fail(method.NotFound, "there is no NotificationRules %.40q", id)
				continue
			}
			after := states.State{Epoch: before.Epoch, ModSeq: t.ModSeq(account)}
			failed, err := n.update(t, account, patch)
			if err != nil {
				return err
			}
			if failed != nil {
				r.NotUpdated[id] = failed
				continue
			}
			r.Updated[id], r.NewState = nil, after.String()
		}
		return nil
	})
	return r, err
}

// refuse answers what makes and destroys: there is one object (RFC 8620 5.3: singleton).
func refuse(args *method.SetArgs, r *method.SetResponse) {
	for creation := range args.Create {
		r.NotCreated[creation] = method.Fail(method.Singleton, "an account has one NotificationRules, %q", singleton)
	}
	for _, id := range args.Destroy {
		r.NotDestroyed[id] = method.Fail(method.NotFound, "there is no NotificationRules %.40q", id)
		if id == singleton {
			r.NotDestroyed[id] = method.Fail(method.Singleton, "it cannot be destroyed")
		}
	}
}

func (n *Notifying) update(t *tx.Tx, account mail.AccountID, patch map[string]ijson.Value) (*method.Error, error) {
	v, err := n.o.Rules.Rules(t, account)
	if err != nil {
		return nil, err
	}
	whole, err := ijson.Marshal(rulesOf(v))
	if err != nil {
		return nil, err
	}
	patched, failed := method.Patch(whole, patch)
	if failed != nil {
		return failed, nil
	}
	var wanted rules
	if err := ijson.Strict(patched, &wanted); err != nil {
		return method.Bad(err.Error()), nil
	}
	if v, failed = wanted.into(); failed != nil {
		return failed, nil
	}
	return nil, n.o.Rules.SetRules(t, account, v)
}
