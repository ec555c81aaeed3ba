package sending

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/realtime/states"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/internal/store/vacation"
)

// singleton is the id of the one VacationResponse of an account (RFC 8621 8).
const singleton = "singleton"

// vacationResponse is a VacationResponse (RFC 8621 8).
type vacationResponse struct {
	ID        string  `json:"id"`
	IsEnabled bool    `json:"isEnabled"`
	FromDate  *string `json:"fromDate"`
	ToDate    *string `json:"toDate"`
	Subject   *string `json:"subject"`
	TextBody  *string `json:"textBody"`
	HTMLBody  *string `json:"htmlBody"`
}

var vacationProperties = method.Known("id", "isEnabled", "fromDate", "toDate", "subject", "textBody", "htmlBody")

func vacationOf(r vacation.Response) vacationResponse {
	date := func(at time.Time) *string {
		if at.IsZero() {
			return nil
		}
		text := utcDate(at)
		return &text
	}
	return vacationResponse{singleton, r.Enabled, date(r.From), date(r.To), r.Subject, r.Text, r.HTML}
}

// getVacation is VacationResponse/get (RFC 8621 8.1).
func (s *Sending) getVacation(ctx context.Context, c *method.Call) (any, error) {
	var args method.GetArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	properties, err := method.Select(args.Properties, vacationProperties)
	if err != nil {
		return nil, err
	}
	var now states.State
	var r vacation.Response
	err = s.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		if now, err = states.Of(t, account, states.VacationResponse); err == nil {
			r, err = s.o.Responses.Get(t, account)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return getOf(args, []string{singleton}, properties, now, func(id string) (any, bool) { return vacationOf(r), id == singleton })
}

// setVacation is VacationResponse/set (RFC 8621 8.2).
func (s *Sending) setVacation(ctx context.Context, c *method.Call) (any, error) {
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
	one := method.Fail(method.Singleton, "an account has one vacation response, which is neither created nor destroyed")
	a, err := s.setOnce(ctx, account, states.VacationResponse, args.IfInState, func(t *tx.Tx, a *answered) error {
		for key := range args.Create {
			a.Failed[creating+key] = one
		}
		for _, id := range args.Destroy {
			if a.Failed[destroying+id] = one; id != singleton {
				a.Failed[destroying+id] = method.Fail(method.NotFound, "the vacation response has the id %q", singleton)
			}
		}
		for id, patch := range args.Update {
			if id != singleton {
				a.Failed[updating+id] = method.Fail(method.NotFound, "the vacation response has the id %q", singleton)
				continue
			}
			before, err := s.o.Responses.Get(t, account)
			if err != nil {
				return err
			}
			after, wrong := patchVacation(before, patch)
			if wrong != nil {
				a.Failed[updating+id] = wrong
				continue
			}
			if err := a.refused(updating+id, s.o.Responses.Set(t, account, after)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return setResponse(args, a, c), nil
}

// patchVacation changes a response. Null takes a text or a date away; isEnabled is false then.
func patchVacation(before vacation.Response, patch map[string]ijson.Value) (out vacation.Response, wrong *method.Error) {
	object, err := ijson.Marshal(vacationOf(before))
	if err != nil {
		return out, method.Fail(method.ServerFail, "%v", err)
	}
	patched, wrong := method.Patch(object, patch)
	if wrong != nil {
		return out, wrong
	}
	var bad []string
	id := ""
	texts := map[string]**string{"subject": &out.Subject, "textBody": &out.Text, "htmlBody": &out.HTML}
	dates := map[string]*time.Time{"fromDate": &out.From, "toDate": &out.To}
	ijson.Members(patched, func(name string, v ijson.Value) error { // it was made by us
		var err error
		switch {
		case name == "id":
			err = ijson.Strict(v, &id)
		case name == "isEnabled":
			err = ijson.Strict(v, &out.Enabled)
		case texts[name] != nil:
			err = ijson.Strict(v, texts[name])
		case dates[name] != nil:
			var text *string
			if err = ijson.Strict(v, &text); err == nil && text != nil {
				*dates[name], err = time.Parse("2006-01-02T15:04:05.999999999Z", *text)
			}
		default:
			bad = append(bad, name)
		}
		if err != nil {
			bad = append(bad, name)
		}
		return nil
	})
	if id != singleton {
		bad = append(bad, "id")
	}
	if out.Subject != nil && hasControl(*out.Subject) {
		bad = append(bad, "subject")
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return out, method.Bad("a property has the wrong type, cannot be set, or is not one of a VacationResponse: "+strings.Join(bad, ", "), bad...)
	}
	return out, nil
}
